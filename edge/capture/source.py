"""What every camera is to the rest of the node: a stream of compressed packets.

`make` chooses the source for a camera's settings. Connecting again after a loss is the caller's:
a source is opened, read to its end or its error, and opened anew. Each kind fits behind `Source` by
giving H.264 or H.265 packets, or Motion JPEG pictures as packets that are all keyframes; where this
box has to encode, now or for events, they also say so (`Encodes`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from edge.base.clock import Clock
from edge.capture.errors import CaptureError, LostError, OpenError, Reason
from edge.capture.file import FileSource
from edge.capture.login import Login
from edge.capture.rtsp import RtspSource
from edge.config.camera import CameraSettings
from edge.contract import address
from edge.media.packet import Packet, VideoStream

__all__ = ["CaptureError", "Encodes", "LostError", "OpenError", "Reason", "Source", "make"]


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


@runtime_checkable
class Encodes(Protocol):
    """A source whose camera gives no H.264 or H.265, so that this box encodes."""

    @property
    def encoding(self) -> str | None:
        """What is encoded, for people; None where nothing has to be."""

    @property
    def dropped(self) -> int:
        """Pictures left out since this box was slower than the camera, in this opening."""


def make(settings: CameraSettings, clock: Clock) -> Source:
    """The source that `settings` ask for, not opened. Raises OpenError where it can be none.

    What only some cameras need is imported only for them.
    """
    source, stall_timeout_s = settings.source, settings.stall_timeout_s
    match settings.kind:
        case "rtsp":
            return RtspSource(
                source,
                clock,
                login=_login(settings),
                transport=settings.transport,
                stall_timeout_s=stall_timeout_s,
            )
        case "http":
            from edge.capture.mjpeg import MjpegSource

            return MjpegSource(
                source, clock, login=_login(settings), stall_timeout_s=stall_timeout_s
            )
        case "device":
            from edge.capture.v4l2 import V4l2Source

            return V4l2Source(address.device(source), clock, stall_timeout_s=stall_timeout_s)
        case "csi":
            from edge.capture import csi

            return csi.make(address.csi(source), clock, stall_timeout_s=stall_timeout_s)
        case "exec":
            from edge.capture.command import CommandSource

            return CommandSource(settings.command, clock, stall_timeout_s=stall_timeout_s)
        case "synthetic":
            from edge.capture.synthetic import Scene, SyntheticSource  # needs OpenCV

            return SyntheticSource(Scene.from_url(source), clock, pace=settings.pace)
        case "file":
            path = Path(address.file_path(source))
            return FileSource(path, clock, pace=settings.pace, loop=settings.loop)


def _login(settings: CameraSettings) -> Login | None:
    if settings.user is None:
        return None
    return Login(settings.user, Path(settings.password_file) if settings.password_file else None)
