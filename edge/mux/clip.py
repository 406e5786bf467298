"""What is known about a clip: while it is open (kept in the file itself) and once it is closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from edge.base import schema, strictjson
from edge.base.schema import item
from edge.contract import names
from edge.media.packet import VideoCodec
from edge.mux.track import Track

MAX_HEAD_BYTES = 2048
HEAD_VERSION = 1


@dataclass(frozen=True)
class ClipHead:
    """Written at the start of each clip, so that a crash takes nothing that is known about it."""

    v: int = item("version of this head", min=HEAD_VERSION, max=HEAD_VERSION)
    event: str = item("the event it belongs to", pattern=names.EVENT_PATTERN)
    part: int = item("0 for the event's first clip", min=0, max=9999)
    codec: VideoCodec = item("of the video track")
    width: int = item("pixels", min=0, max=65535)
    height: int = item("pixels", min=0, max=65535)
    first_pts: int = item("the camera's PTS of the frame that stands at 0")
    time_base: tuple[int, int] = item("seconds per PTS tick")
    pre_roll_ms: int = item("how much lies before the event's start", min=0)
    starts_mono_ns: int = item("when the first frame was captured")
    starts_utc: datetime = item("the same by the wall clock, as far as it was right")
    boot: str = item("the boot that starts_mono_ns counts from", max_length=64)
    audio: str | None = item("codec of the audio track", None, max_length=32)


@dataclass(frozen=True)
class ClosedClip:
    """A complete clip under its final name, durable and hashed."""

    path: Path
    head: ClipHead
    sha256: str
    size_bytes: int
    duration_ms: int
    packets: int
    audio: str | None
    lost_packets: int = 0
    """Video packets that should be in the clip and are not, as far as the recorder knows."""
    mended_packets: int = 0
    """Packets whose timestamps had to be changed."""

    @property
    def event(self) -> str:
        """The event it belongs to."""
        return self.head.event

    @property
    def part(self) -> int:
        """0 for the event's first clip."""
        return self.head.part

    @property
    def codec(self) -> VideoCodec:
        """Of the video track, as the camera sent it."""
        return self.head.codec

    @property
    def width(self) -> int:
        """Pixels."""
        return self.head.width

    @property
    def height(self) -> int:
        """Pixels."""
        return self.head.height

    @property
    def first_pts(self) -> int:
        """The camera's PTS of the frame that stands at 0."""
        return self.head.first_pts

    @property
    def time_base(self) -> Fraction:
        """Seconds per PTS tick."""
        return Fraction(*self.head.time_base)

    @property
    def pre_roll_ms(self) -> int:
        """How much of it lies before the event's start."""
        return self.head.pre_roll_ms

    @property
    def starts_mono_ns(self) -> int:
        """When the first frame was captured, on the monotonic clock of `head.boot`."""
        return self.head.starts_mono_ns


def closed_clip(
    path: Path, head: ClipHead, tracks: Sequence[Track], sha256: str, size_bytes: int
) -> ClosedClip:
    """The description of a clip out of what was written of it."""
    video = next((form, table) for form, table in tracks if not form.is_audio)
    has_audio = any(len(table) for form, table in tracks if form.is_audio)
    return ClosedClip(
        path=path,
        head=head,
        sha256=sha256,
        size_bytes=size_bytes,
        duration_ms=round(video[1].end * 1000 / video[0].timescale),
        packets=len(video[1]),
        audio=head.audio if has_audio else None,
    )


def write_head(head: ClipHead) -> bytes:
    """The head as bytes."""
    return strictjson.dumps(schema.dump(head))


def read_head(data: bytes) -> ClipHead:
    """The head that `write_head` wrote. Raises ValueError."""
    value = strictjson.loads(data, max_bytes=MAX_HEAD_BYTES)
    try:
        head = schema.load(ClipHead, value, unknown="ignore")
    except schema.SchemaError as err:
        raise ValueError(str(err)) from err
    if min(head.time_base) <= 0:
        raise ValueError("a time base that is not positive")
    return head
