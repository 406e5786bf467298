"""HTTP cameras: Motion JPEG as multipart/x-mixed-replace.

Read by the standard library rather than by FFmpeg: see docs/design/cameras.md. The connection is
read in a thread of its own; the stall timeout counts whole pictures, not bytes.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, suppress
from urllib.parse import unquote, urlsplit

from edge.base.clock import Clock
from edge.base.logs import redact
from edge.capture import httpauth
from edge.capture.ahead import Ahead
from edge.capture.beat import Beat
from edge.capture.encoded import Coded
from edge.capture.errors import LostError, OpenError
from edge.capture.jpegs import DEPTH, JpegPackets
from edge.capture.login import Login
from edge.capture.multipart import Parts, boundary_of
from edge.capture.session import Packets, SessionSource

READ_BYTES = 1 << 16
ATTEMPTS = 3  # without a login, with one, and once more where the nonce had grown stale
URL_HINT = "give the URL of the camera's Motion JPEG stream, multipart/x-mixed-replace"


class MjpegSource(SessionSource):
    """One camera's stream: one packet a picture. `close` ends it within a quarter of a second.

    `open` waits for each answer of the camera up to the stall timeout.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        login: Login | None = None,
        stall_timeout_s: float = 10.0,
    ) -> None:
        super().__init__()
        self._url = url
        self._clock = clock
        self._login = login
        self._stall_timeout_s = stall_timeout_s
        self._ahead: Ahead[Coded] | None = None
        self._pictures: JpegPackets | None = None

    @property
    def encoding(self) -> str:
        """What is encoded, for people."""
        return self._pictures.encoding if self._pictures else "Motion JPEG, not opened"

    @property
    def dropped(self) -> int:
        """Pictures that came while earlier ones waited still, and were left out."""
        return self._ahead.dropped if self._ahead else 0

    def _read(self) -> Packets:
        name = urlsplit(self._url).hostname or "camera"
        pictures = JpegPackets(name, stall_timeout_s=self._stall_timeout_s)
        self._pictures = pictures
        connection = _Connection(self._url, self._login, self._stall_timeout_s, self._clock)
        self._ahead = Ahead("mjpeg", connection.pictures, depth=DEPTH, is_dropping=True)
        with self._ahead, closing(connection):
            yield from pictures.packets(self._ahead, self._is_closing)
        if not self._is_closing.is_set():
            raise LostError("ended", "the camera closed the connection")


class _Connection:
    """The stream of one connection. `pictures` is for one thread, `close` for any."""

    def __init__(self, url: str, login: Login | None, timeout_s: float, clock: Clock) -> None:
        parts = urlsplit(url)
        self._is_tls = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._is_tls else 80)
        self._uri = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._login = login
        self._inline = (unquote(parts.username or ""), unquote(parts.password or ""))
        self._timeout_s = timeout_s
        self._clock = clock
        self._socket: socket.socket | None = None
        self._is_closed = False

    def pictures(self) -> Iterator[Coded]:
        """Connect and read to the end. Raises OpenError and LostError."""
        response, boundary = self._opened()
        parts, beat = Parts(boundary), Beat()
        try:
            while data := response.read1(READ_BYTES):
                now_ns = self._clock.mono_ns()
                for picture in parts.push(data):
                    yield Coded(picture, beat.pts(now_ns), now_ns)
        except TimeoutError as err:
            raise LostError("stalled", f"nothing came for {self._timeout_s:g} s") from err
        except ValueError as err:
            raise LostError("broken", f"the stream holds {err}", hint=URL_HINT) from err
        except (OSError, http.client.HTTPException) as err:
            if not self._is_closed:
                raise LostError("ended", "the camera cut the connection") from err
        finally:
            response.close()

    def close(self) -> None:
        """Cut the connection; who reads it ends."""
        self._is_closed = True
        if (connected := self._socket) is not None:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)
            connected.close()

    def _opened(self) -> tuple[http.client.HTTPResponse, str]:
        """The answer whose body is the stream, and its boundary. Raises OpenError."""
        authorization: str | None = None
        for attempt in range(ATTEMPTS):
            response = self._answer(authorization)
            if response.status != http.client.UNAUTHORIZED:
                try:
                    return response, _boundary(response)
                except OpenError:
                    self._hang_up(response)
                    raise
            offered = httpauth.challenges(response.headers.get_all("WWW-Authenticate") or [])
            self._hang_up(response)
            is_stale = any(c.parameters.get("stale", "").lower() == "true" for c in offered)
            if attempt and not is_stale:
                break
            authorization = self._authorization(offered)
        raise OpenError("unauthorised", "the camera refuses this user or password")

    def _authorization(self, offered: list[httpauth.Challenge]) -> str:
        user, password = self._inline
        if self._login is not None:
            user, password = self._login.user, self._login.password()
        if not user:
            raise OpenError("unauthorised", "the camera asks for a user and a password")
        challenge = httpauth.best(offered)
        if challenge is None:
            raise OpenError(
                "unsupported", "the camera asks for a login of a kind that is not known",
                hint="set the camera to digest or basic",
            )  # fmt: skip
        return httpauth.answer(challenge, user, password, uri=self._uri)

    def _answer(self, authorization: str | None) -> http.client.HTTPResponse:
        """Ask for the stream on a new connection. Raises OpenError."""
        headers = {"User-Agent": "camwatch", "Accept": "multipart/x-mixed-replace, image/jpeg"}
        if authorization is not None:
            headers["Authorization"] = authorization
        client = self._client()
        try:
            client.connect()
            self._socket = client.sock
            if self._is_closed:
                self.close()
            client.request("GET", self._uri, headers=headers)
            return client.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as err:
            client.close()
            raise self._open_error(err) from _without_url(err)

    def _client(self) -> http.client.HTTPConnection:
        if not self._is_tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # cameras' certificates are their own, as with rtsps://
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=self._timeout_s, context=context
        )

    def _hang_up(self, response: http.client.HTTPResponse) -> None:
        response.close()
        if self._socket is not None:
            self._socket.close()

    def _open_error(self, err: Exception) -> OpenError:
        where = f"port {self._port} of {self._host}"
        if isinstance(err, socket.gaierror | UnicodeError):
            return OpenError("unreachable", f"the name {self._host} does not resolve")
        if isinstance(err, TimeoutError):
            return OpenError("unreachable", f"{where} does not answer")
        if isinstance(err, ConnectionRefusedError):
            return OpenError("refused", f"nothing listens on {where}")
        if isinstance(err, ssl.SSLError):
            return OpenError("broken", f"{where} does not speak TLS as wanted: {err.reason}")
        if isinstance(err, ConnectionError):  # RemoteDisconnected too
            return OpenError("refused", f"{where} hangs up at once")
        if isinstance(err, OSError):
            return OpenError("unreachable", f"{self._host}: {err.strerror or err}")
        return OpenError("broken", f"{where} does not speak HTTP", hint="check the port of the URL")


def _boundary(response: http.client.HTTPResponse) -> str:
    """The boundary of the stream that `response` brings. Raises OpenError where it brings none."""
    status = response.status
    if status == http.client.FORBIDDEN:
        raise OpenError("unauthorised", "the camera forbids this user to watch")
    if status in (http.client.NOT_FOUND, http.client.GONE):
        raise OpenError("not_found", f"the camera does not know this path ({status})")
    if 300 <= status < 400:
        target = redact(response.headers.get("Location", ""))[:200]
        raise OpenError("not_found", f"the camera's page is elsewhere: {target}", hint=URL_HINT)
    if status != http.client.OK:
        raise OpenError("refused", f"the camera refuses with HTTP status {status}")
    content_type = response.headers.get("Content-Type", "")
    boundary = boundary_of(content_type)
    if not content_type.lower().startswith("multipart/") or boundary is None:
        kind = redact(content_type)[:60] or "nothing that it names"
        raise OpenError("unsupported", f"what comes is {kind}, no Motion JPEG", hint=URL_HINT)
    return boundary


def _without_url(err: Exception) -> Exception | None:
    """The cause for the log; http.client quotes the URL in ValueError's own."""
    return None if isinstance(err, ValueError) else err
