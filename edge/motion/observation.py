"""What the detector says about one frame: values only, the input of every decision about events."""

from __future__ import annotations

from dataclasses import dataclass

from edge.contract.parts import Box


@dataclass(frozen=True, slots=True)
class Moment:
    """When a frame was captured: `pts` in ticks of its stream, `mono_ns` on the monotonic clock."""

    pts: int
    mono_ns: int


@dataclass(frozen=True, slots=True)
class Region:
    """One connected part of the picture that differs from the background.

    `track` names the same thing from frame to frame. `is_moving` once it was seen to travel or is
    too large and new to be anything else; before that it is a candidate, often a leaf. `area` is
    the changed part of the picture, 0 to 1. `is_cut` where it touches the picture's border.
    """

    track: int
    since: Moment
    is_moving: bool
    box: Box
    area: float
    is_cut: bool
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Observation:
    """One analysed frame.

    `has_motion`: something that travels is in the watched picture, at least since the moment
    `since`. `is_stirring`: something changed that may turn out to be that. `score`: the part of
    the watched picture, 0 to 1, that moving regions cover; `box` is the largest one's. `regions`
    holds at most MAX_REGIONS, largest first. `brightness` is the mean luma, 0 to 255; `noise`
    the mean absolute deviation of the still picture in luma levels; `changed` the part of the
    watched picture that differs from the background and is not at rest, whatever the reason.
    `is_settled` is false for a moment after the start and after a sudden change of the light.
    """

    at: Moment
    has_motion: bool
    is_stirring: bool
    since: Moment | None
    score: float
    box: Box | None
    zones: tuple[str, ...]
    regions: tuple[Region, ...]
    changed: float
    brightness: float
    noise: float
    is_settled: bool
