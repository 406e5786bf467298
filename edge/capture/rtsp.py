"""RTSP cameras, RTP over TCP or UDP, demuxed by FFmpeg, nothing decoded.

One session from `open` to the error that ends it; connecting again is the caller's. A camera that
falls silent ends it with `stalled`, one that hangs up with `ended`.
"""

from __future__ import annotations

import contextlib
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

import av
import av.container

from edge.base.clock import Clock
from edge.capture.demux import Demux, DemuxCounts
from edge.capture.diagnose import diagnose
from edge.capture.errors import LostError, OpenError, opening
from edge.capture.login import Login
from edge.capture.session import Packets, SessionSource

# FFmpeg looks at this much of the stream to learn its parameters. What it reads so is handed out
# afterwards, so a short time costs nothing; what it did not learn, `demux` reads in band.
ANALYSE_US = 500_000
PROBE_BYTES = 2_000_000
UDP_BUFFER_BYTES = 1 << 20
MAX_LOGIN_CHARS = 127  # FFmpeg 8.1, libavformat/rtsp.c: auth[128]
BACKSTOP_S = 2.0  # FFmpeg's own time-out comes first; this one also ends a trickle of nothing


Transport = Literal["tcp", "udp"]


class RtspSource(SessionSource):
    """One camera's stream.

    Each answer of the camera and each packet is waited for up to the stall timeout, and so is a
    closing.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        login: Login | None = None,
        transport: Transport = "tcp",
        stall_timeout_s: float = 10.0,
    ) -> None:
        super().__init__()
        self._url = url
        self._clock = clock
        self._login = login
        self._transport = transport
        self._stall_timeout_s = stall_timeout_s
        self.counts = DemuxCounts()

    def _read(self) -> Packets:
        with contextlib.closing(self._connect()) as container:
            demux = Demux(
                container, self._clock, self._stall_timeout_s, self._is_closing, self.counts
            )
            yield from demux.packets()
        if not self._is_closing.is_set():
            raise LostError("ended", "the camera closed the connection")

    def _connect(self) -> av.container.InputContainer:
        url = with_login(self._url, self._login)
        limit_s = self._stall_timeout_s + BACKSTOP_S
        try:
            with opening(self._url):
                return av.open(
                    url, format="rtsp", options=self._options(), timeout=(limit_s, limit_s)
                )
        except OpenError as err:
            raise diagnose(self._url, err) from err.__cause__

    def _options(self) -> dict[str, str]:
        options = {
            "rtsp_transport": self._transport,
            "allowed_media_types": "video+audio",
            "timeout": str(round(self._stall_timeout_s * 1e6)),
            "analyzeduration": str(ANALYSE_US),
            "probesize": str(PROBE_BYTES),
            "fpsprobesize": "0",
            "user_agent": "camwatch",
        }
        if self._transport == "udp":
            options["buffer_size"] = str(UDP_BUFFER_BYTES)
        return options


def with_login(url: str, login: Login | None) -> str:
    """`url` with the user and the password in it, percent-encoded. Raises OpenError."""
    if login is None:
        return url
    password = login.password()
    try:
        parts = urlsplit(url)
    except ValueError as err:
        raise OpenError("not_found", "the address is malformed") from err
    userinfo = f"{quote(login.user, safe='')}:{quote(password, safe='')}"
    if len(userinfo) > MAX_LOGIN_CHARS:
        raise OpenError(
            "unauthorised",
            f"user and password take {len(userinfo)} characters in the URL, "
            f"FFmpeg passes on {MAX_LOGIN_CHARS}",
            hint="choose a shorter password, or one of letters and digits only",
        )
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{userinfo}@{host}"))
