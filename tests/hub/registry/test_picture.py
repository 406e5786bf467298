"""What kind of picture a file is, by its header alone."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.registry.picture import MAX_BYTES, PictureError, look_at

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + struct.pack(">IIBBBBB", 800, 600, 8, 2, 0, 0, 0)
APP0 = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
SOF2 = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, 480, 640, 3) + bytes(9)
JPEG = b"\xff\xd8" + APP0 + b"\xff" + SOF2


def test_png_and_jpeg_are_known_by_their_headers() -> None:
    """Kind, width and height; a JPEG may have fill bytes and other segments first."""
    assert look_at(PNG) == ("image/png", 800, 600)
    assert look_at(JPEG) == ("image/jpeg", 640, 480)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<svg onload='x'/>", "neither PNG nor JPEG"),
        (b"", "neither PNG nor JPEG"),
        (PNG[:20], "neither"),
        (JPEG[:20], "neither"),
        (PNG.replace(struct.pack(">I", 800), struct.pack(">I", 99999)), "99999x600 pixels"),
        (PNG.replace(struct.pack(">I", 800), bytes(4)), "0x600 pixels"),
        (bytes(MAX_BYTES + 1), "at most 16"),
    ],
)
def test_other_files_are_refused(content: bytes, told: str) -> None:
    """By field, with what would be taken."""
    with pytest.raises(PictureError, match=f"picture: .*{told}"):
        look_at(content)


@given(st.binary(max_size=200), st.sampled_from([b"", PNG[:16], JPEG[:2], JPEG[:20]]))
def test_any_bytes_are_taken_or_refused(content: bytes, before: bytes) -> None:
    """Nothing else is raised, nothing loops."""
    with contextlib.suppress(PictureError):
        look_at(before + content)
