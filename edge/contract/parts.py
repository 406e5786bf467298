"""The pieces that several documents share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge.base.schema import item
from edge.contract import names

Box = tuple[float, float, float, float]
Point = tuple[float, float]
ClockState = Literal["synced", "holdover", "unsynced"]
Side = Literal["left", "right", "top", "bottom", "inside"]
Way = Literal["left", "right", "up", "down", "none"]


@dataclass(frozen=True)
class Instant:
    """One moment on both clocks of the node."""

    utc: datetime = item("wall time as the node believed it when it wrote this")
    mono_ns: int = item("nanoseconds since boot; belongs to the record's clock.boot", min=0)


@dataclass(frozen=True)
class ClockStamp:
    """How far `at_utc` can be trusted, and the same moment on the monotonic clock."""

    state: ClockState = item(
        "synced: set from the network; holdover: was; unsynced: not since boot"
    )
    boot: str = item("id of the boot that mono_ns counts from", pattern=names.BOOT_PATTERN)
    mono_ns: int = item("nanoseconds since boot at at_utc", min=0)
    error_ms: int | None = item("estimated error of at_utc in milliseconds", None, min=0)


@dataclass(frozen=True)
class Label:
    """What a model on the node took a moving thing for, where it was surest of that."""

    label: str = item(
        "person, vehicle, animal, or a name of the model's own", pattern=names.LABEL_PATTERN
    )
    confidence: float = item("the model's, 0 to 1; models differ in what it means", min=0, max=1)
    box: Box = item("where: left, top, width, height, each 0 to 1 of the picture", min=0, max=1)
    seen: Instant = item("when the frame was captured")


@dataclass(frozen=True)
class SnapshotRef:
    """A JPEG picture, sent on snapshot/<event> and named by its hash."""

    sha256: str = item("of the JPEG bytes", pattern=names.HASH_PATTERN)
    size_bytes: int = item("length of the JPEG", min=1, max=names.MAX_SNAPSHOT_BYTES)
    width: int = item("pixels", min=1, max=65535)
    height: int = item("pixels", min=1, max=65535)
    taken: Instant = item("when the frame was captured")
    box: Box | None = item(
        "what moved: left, top, width, height, each 0 to 1 of the picture", None, min=0, max=1
    )


@dataclass(frozen=True)
class ClipRef:
    """A clip file, uploaded over HTTP and named by its hash."""

    part: int = item("0 for the event's first clip, rising by one", min=0, max=9999)
    sha256: str = item("of the whole file", pattern=names.HASH_PATTERN)
    size_bytes: int = item("length of the file", min=1, max=names.MAX_CLIP_BYTES)
    duration_ms: int = item("of the video track", min=0)
    codec: Literal["h264", "hevc"] = item(
        "of the video track: as the camera sent it, or as encoded on the node from Motion JPEG or"
        " raw pictures"
    )
    width: int = item("pixels", min=1, max=65535)
    height: int = item("pixels", min=1, max=65535)
    starts: Instant = item("when the first frame was captured")
    pre_roll_ms: int = item(
        "how much of the clip lies before the event's start; 0 in later parts", min=0
    )
    first_pts: int = item("the camera's PTS of the frame that stands at 0 in the clip")
    time_base: tuple[int, int] = item("seconds per PTS tick: numerator, denominator", min=1)
    packets: int = item("video packets in the clip", min=1)
    lost_packets: int = item("video packets that should be in the clip and are not", 0, min=0)
    audio: str | None = item(
        "codec of the audio track, where the camera sends one", None, max_length=16
    )


@dataclass(frozen=True)
class Track:
    """The way of one thing through the picture, as far as it was seen."""

    entry: Side = item("the border it came in over; inside: it appeared within the picture")
    exit: Side = item("the border it left over; inside: it was last seen within the picture")
    way: Way = item("from its first to its last place, the longer way; none where those are near")
    path: tuple[Point, ...] = item(
        "its middle over time, a short line: x, y, each 0 to 1 of the picture",
        min=0,
        max=1,
        max_items=16,
    )
    zones: tuple[str, ...] = item(
        "zones it touched, in that order", max_items=64, pattern=names.ZONE_PATTERN
    )
    from_ms: int = item("when it was first seen, after the event's start", min=0)
    to_ms: int = item("when it was last seen, after the event's start", min=0)
