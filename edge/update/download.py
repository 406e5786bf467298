"""Fetches a bundle from the hub in ranges, so that a broken line costs what was on its way only.

Blocking; one thread at a time.
"""

from __future__ import annotations

import base64
import http.client
import ssl
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from edge.base.errors import CamwatchError

PATH = "releases/"
TIMEOUT_S = 20.0
BLOCK_BYTES = 256 * 1024
RANGE_BYTES = 8 * 1024 * 1024  # asked for at once: what a slow line brings in a minute or two


class DownloadError(CamwatchError):
    """The hub did not give it. `status` is HTTP's, 0 when no answer came."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message, is_retryable=True)
        self.status = status


class Downloads:
    """The node's account at the hub's HTTP server."""

    def __init__(self, base_url: str, *, user: str, secret: str, ca_file: str | None) -> None:
        self._base_url = base_url if base_url.endswith("/") else base_url + "/"
        self._parts = urlsplit(self._base_url)
        login = base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")
        self._authorization = f"Basic {login}"
        self._ca_file = ca_file

    def blocks(self, sha256: str, offset: int, size_bytes: int) -> Iterator[bytes]:
        """The bytes of that bundle from `offset` on, a range's worth of them at most.

        Raises DownloadError; what was yielded before is good all the same.
        """
        last = min(offset + RANGE_BYTES, size_bytes) - 1
        headers = {"Authorization": self._authorization, "Range": f"bytes={offset}-{last}"}
        connection = self._connect()
        try:
            path = urlsplit(urljoin(self._base_url, PATH + sha256)).path
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            if answer.status != 206:
                text = answer.read(200).decode("utf-8", "replace").strip()
                raise DownloadError(f"GET answered {answer.status}: {text}", status=answer.status)
            begin = f"bytes {offset}-"
            if not (answer.headers.get("Content-Range") or "").startswith(begin):
                raise DownloadError("the hub sent another range than was asked for")
            left = last + 1 - offset
            while left and (block := answer.read(min(BLOCK_BYTES, left))):
                left -= len(block)
                yield block
            if left:
                raise DownloadError(f"the line broke {left} bytes before the end of a range")
        except (OSError, http.client.HTTPException) as err:
            raise DownloadError(f"GET failed: {err or type(err).__name__}") from err
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme != "https":
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
        except OSError as err:
            raise DownloadError(f"upload_ca_file cannot be used: {err}") from err
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
