"""The client half of tus 1.0.0 (resumable uploads over HTTP), as much as clips need.

Core, creation and checksum: POST makes an upload, HEAD asks where it stands, PATCH appends.
Blocking; one thread at a time.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import ssl
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

from edge.base.errors import CamwatchError

TUS_VERSION = "1.0.0"  # https://tus.io/protocols/resumable-upload, version 1.0.0
UPLOADS_PATH = "uploads"
TIMEOUT_S = 20.0
MAX_ANSWER_BYTES = 4096


class UploadError(CamwatchError):
    """The hub did not take it. `status` is HTTP's, 0 when no answer came."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message, is_retryable=True)
        self.status = status


class TusClient:
    """One kept-alive connection to the hub's uploads."""

    def __init__(self, base_url: str, *, user: str, secret: str, ca_file: str | None) -> None:
        parts = urlsplit(base_url if base_url.endswith("/") else base_url + "/")
        self._base_url = parts.geturl()
        self._authorization = "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode(
            "ascii"
        )
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=ca_file)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=TIMEOUT_S, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)

    def create(self, *, clip_id: str, sha256: str, size_bytes: int) -> tuple[str, int] | None:
        """URL and offset of a new upload, or of one under way; None when the hub has the clip.

        Raises UploadError; status 409 means that the hub has not archived the record that
        announces the clip.
        """
        pairs = (("clip", clip_id), ("sha256", sha256))
        metadata = ",".join(
            f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs
        )
        url = urljoin(self._base_url, UPLOADS_PATH)
        headers = {"Upload-Length": str(size_bytes), "Upload-Metadata": metadata}
        answer = self._request("POST", url, headers=headers)
        if answer.status in (200, 204):
            return None
        location = answer.headers.get("Location")
        if answer.status != 201 or not location:
            raise UploadError(
                f"POST answered {answer.status} without a location", status=answer.status
            )
        return urljoin(url, location), _offset(answer)

    def offset(self, url: str) -> int | None:
        """How many bytes the hub holds durably; None when it does not know the upload."""
        try:
            answer = self._request("HEAD", url)
        except UploadError as err:
            if err.status in (403, 404, 410):
                return None
            raise
        return _offset(answer)

    def append(self, url: str, offset: int, chunk: bytes) -> int:
        """Send `chunk` for `offset`; the new durable offset. Raises UploadError."""
        digest = base64.b64encode(hashlib.sha256(chunk).digest()).decode("ascii")
        headers = {
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(offset),
            "Upload-Checksum": f"sha256 {digest}",
        }
        return _offset(self._request("PATCH", url, body=chunk, headers=headers))

    def put(self, path: str, body: bytes) -> None:
        """Hand over a small file in one request. Raises UploadError."""
        headers = {"Content-Type": "application/octet-stream"}
        self._request("PUT", urljoin(self._base_url, path), body=body, headers=headers)

    def close(self) -> None:
        """Drop the connection; the next request makes a new one."""
        self._connection.close()

    def _request(
        self, method: str, url: str, *, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> http.client.HTTPResponse:
        if not url.startswith(self._base_url):
            raise UploadError(f"the hub points outside itself: {url}")
        sent = {"Tus-Resumable": TUS_VERSION, "Authorization": self._authorization} | (
            headers or {}
        )
        try:
            self._connection.request(method, urlsplit(url).path, body=body, headers=sent)
            answer = self._connection.getresponse()
            text = answer.read(MAX_ANSWER_BYTES).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as err:
            self.close()
            raise UploadError(f"{method} failed: {err or type(err).__name__}") from err
        if not answer.isclosed():
            self.close()
        if answer.status >= 300:
            raise UploadError(
                f"{method} answered {answer.status}: {text.strip()[:200]}", status=answer.status
            )
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _offset(answer: http.client.HTTPResponse) -> int:
    text = answer.headers.get("Upload-Offset", "")
    if not text.isdigit():
        raise UploadError("the hub names no Upload-Offset", status=answer.status)
    return int(text)
