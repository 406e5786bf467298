"""Takes the pictures out of a multipart/x-mixed-replace stream. Pure, and safe on any bytes.

Lenient where cameras are careless: dashes in the declared boundary, lengths that are missing or
wrong, parts that are no pictures. Strict about size.
"""

from __future__ import annotations

import re

MAX_PICTURE_BYTES = 8 << 20  # twice the largest JPEG of a 16 megapixel camera at usual quality
MAX_HEAD_BYTES = 8192
JPEG_START = b"\xff\xd8"
_LENGTH = re.compile(rb"^content-length\s*:\s*(\d{1,10})\s*$", re.IGNORECASE | re.MULTILINE)
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)


def boundary_of(content_type: str) -> str | None:
    """The boundary that a Content-Type declares, without dashes before it; None if it has none."""
    found = _BOUNDARY.search(content_type)
    return ((found[1] or found[2]).lstrip("-") or None) if found else None


class Parts:
    """Bytes in, pictures out. One stream, one thread."""

    def __init__(self, boundary: str) -> None:
        self._mark = b"--" + boundary.encode("latin-1", "replace")
        self._bytes = bytearray()
        self._is_inside = False
        self._length: int | None = None
        self._scanned = 0
        self.strange = 0
        """Parts that were no JPEG pictures."""

    def push(self, data: bytes) -> list[bytes]:
        """Take what was read; the pictures that are complete now. Raises ValueError if too big."""
        self._bytes += data
        pictures = []
        while (self._is_inside or self._enter()) and (part := self._body()) is not None:
            if part.startswith(JPEG_START):
                pictures.append(part)
            else:
                self.strange += 1
        return pictures

    def _enter(self) -> bool:
        """Go to the next part's body; whether it was reached."""
        at = self._bytes.find(self._mark)
        if at < 0:
            del self._bytes[: max(0, len(self._bytes) - len(self._mark) + 1)]
            return False
        del self._bytes[:at]
        line_end = self._bytes.find(b"\n")
        ends = [self._bytes.find(each) + len(each) for each in (b"\r\n\r\n", b"\n\n")
                if each in self._bytes]  # fmt: skip
        if line_end < 0 or not ends:
            if len(self._bytes) > MAX_HEAD_BYTES:
                raise ValueError("a part whose headers do not end")
            return False
        length = _LENGTH.search(bytes(self._bytes[: min(ends)]).replace(b"\r", b""))
        self._length = int(length[1]) if length else None
        if self._length is not None and self._length > MAX_PICTURE_BYTES:
            raise ValueError(f"a picture of {self._length} bytes")
        del self._bytes[: min(ends)]
        self._is_inside, self._scanned = True, 0
        return True

    def _body(self) -> bytes | None:
        """The part's bytes once all are there."""
        if self._length:
            end = self._length if len(self._bytes) >= self._length else -1
        else:
            end = self._bytes.find(self._mark, self._scanned)
            self._scanned = max(0, len(self._bytes) - len(self._mark) + 1)
        if end < 0:
            if len(self._bytes) > MAX_PICTURE_BYTES:
                raise ValueError(f"a picture of more than {MAX_PICTURE_BYTES} bytes")
            return None
        part = bytes(self._bytes[:end])
        del self._bytes[:end]
        self._is_inside = False
        return part
