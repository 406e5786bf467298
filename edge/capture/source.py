"""What every camera is to the rest of the node: a stream of compressed packets.

`make` chooses the source for a camera's settings. Connecting again after a loss is the caller's:
a source is opened, read to its end or its error, and opened anew. New kinds of camera (USB, CSI,
HTTP) fit behind `Source` by giving H.264 or H.265 packets.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from edge.base.clock import Clock
from edge.base.logs import redact
from edge.capture.errors import CaptureError, LostError, OpenError, Reason
from edge.capture.file import FileSource
from edge.capture.rtsp import Login, RtspSource
from edge.capture.v4l2 import V4l2Source
from edge.config.camera import CameraSettings
from edge.media.packet import Packet, VideoStream

__all__ = ["CaptureError", "LostError", "OpenError", "Reason", "Source", "make"]

RTSP_SCHEMES = ("rtsp", "rtsps")
DEVICE_PREFIX = "/dev/"


class Source(Protocol):
    """One camera or recording. `open` and `packets` are for one thread, `close` for any."""

    def open(self) -> VideoStream:
        """Connect and read up to the first keyframe.

        Blocks, for a bounded time: the stall timeout for each answer, and one GOP. Raises
        OpenError; then nothing is left open, and `open` may be called again.
        """

    def packets(self) -> Iterator[Packet]:
        """The packets from that keyframe on; ends at the end of the stream and after `close`.

        The first video packet of each `VideoStream` is a keyframe; within one, video DTS rises
        strictly and is never later than PTS. Blocks between packets. Raises LostError when the
        camera goes; nothing is left open then.
        """

    def close(self) -> None:
        """End `open` and `packets` for good: at the next packet, or when their time is out."""


def make(settings: CameraSettings, clock: Clock) -> Source:
    """The source that `settings` ask for, not opened. Raises OpenError for an unknown kind."""
    try:
        parts = urlsplit(settings.source)
    except ValueError as err:
        raise OpenError("not_found", "the address is malformed") from err
    if parts.scheme in RTSP_SCHEMES:
        return RtspSource(
            settings.source,
            clock,
            login=_login(settings),
            transport=settings.transport,
            stall_timeout_s=settings.stall_timeout_s,
        )
    if parts.scheme == "synthetic":
        from edge.capture.synthetic import Scene, SyntheticSource  # needs OpenCV, a node may not

        return SyntheticSource(Scene.from_url(settings.source), clock, pace=settings.pace)
    if settings.source.startswith(DEVICE_PREFIX):
        return V4l2Source(settings.source, clock)
    if parts.scheme in ("", "file"):
        path = Path(unquote(parts.path) if parts.scheme else settings.source)
        return FileSource(path, clock, pace=settings.pace, loop=settings.loop)
    raise OpenError(
        "unsupported",
        f"no kind of source is known for {redact(settings.source)}",
        hint="give an rtsp:// or rtsps:// URL, /dev/video0, a file's path, or synthetic:",
    )


def _login(settings: CameraSettings) -> Login | None:
    if settings.user is None:
        return None
    return Login(settings.user, Path(settings.password_file) if settings.password_file else None)
