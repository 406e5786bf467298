"""The node's end of a live stream: one long POST to the hub, with the same login as for clips.

Blocking; one thread. Its body is chunked (RFC 9112 section 7.1), since nobody knows its length.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import ssl
from urllib.parse import urlsplit

from edge.base.errors import CamwatchError
from edge.contract import live

TIMEOUT_S = 10.0  # for connecting, and for the hub to take what was sent
MAX_ANSWER_BYTES = 1024


class LiveEndedError(CamwatchError):
    """The hub does not want it, or not any more, or cannot be reached."""


class LivePost:
    """One stream to the hub, from `open` to `close`."""

    def __init__(self, base_url: str, *, user: str, secret: str, ca_file: str | None) -> None:
        self._parts = urlsplit(base_url if base_url.endswith("/") else base_url + "/")
        self._ca_file = ca_file
        login = base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")
        self._authorization = f"Basic {login}"
        self._connection: http.client.HTTPConnection | None = None

    def open(self, stream: str, token: str) -> None:
        """Connect and send the head of the request. Raises LiveEndedError."""
        parts = self._parts
        host, port = parts.hostname or "", parts.port
        try:
            if parts.scheme == "https":
                context = ssl.create_default_context(cafile=self._ca_file)
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                self._connection = http.client.HTTPSConnection(
                    host, port, timeout=TIMEOUT_S, context=context
                )
            else:
                self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
            self._connection.putrequest("POST", f"{parts.path}{live.PATH}/{stream}")
            for name, value in (
                ("Authorization", self._authorization),
                (live.TOKEN_HEADER, token),
                ("Content-Type", live.CONTENT_TYPE),
                ("Transfer-Encoding", "chunked"),
            ):
                self._connection.putheader(name, value)
            self._connection.endheaders()
        except (OSError, http.client.HTTPException) as err:
            self.close()
            raise LiveEndedError(f"the hub cannot be reached: {err}", is_retryable=True) from err

    def send(self, data: bytes) -> None:
        """Send some of the body; waits until the hub takes it. Raises LiveEndedError."""
        if self._connection is None:
            raise LiveEndedError("not open")
        try:
            self._connection.send(b"%x\r\n%b\r\n" % (len(data), data))
        except (OSError, http.client.HTTPException) as err:
            raise LiveEndedError(self._reason(err)) from err

    def finish(self) -> None:
        """End the body in good order, and close."""
        if self._connection is not None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._connection.send(b"0\r\n\r\n")
        self.close()

    def close(self) -> None:
        """Drop the connection. Safe to call again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _reason(self, err: Exception) -> str:
        """What the hub said before it hung up, if it said anything."""
        if self._connection is not None and not isinstance(err, TimeoutError):
            with contextlib.suppress(OSError, http.client.HTTPException):
                answer = self._connection.getresponse()
                text = answer.read(MAX_ANSWER_BYTES).decode("utf-8", "replace").strip()
                return f"the hub answered {answer.status}: {text[:200]}"
        return f"the hub takes no more: {err or type(err).__name__}"
