"""Settings of the packet ring and of the clips cut from it."""

from __future__ import annotations

from dataclasses import dataclass

from edge.base.schema import item
from edge.base.units import parse_duration_s, parse_size_bytes


@dataclass(frozen=True)
class ClipSettings:
    """How much is kept before, during and after an event."""

    pre_roll_s: float = item(
        "kept from before the event", 5.0, parse=parse_duration_s, min=0, max=60
    )
    post_roll_s: float = item(
        "kept after motion ended", 5.0, parse=parse_duration_s, min=0, max=120
    )
    max_length_s: float = item(
        "a longer event continues in a next part", 120.0, parse=parse_duration_s, min=5, max=3600
    )
    ring_bytes: int = item(
        "memory for packets of one camera, whatever its bit rate", 64 * 2**20,
        parse=parse_size_bytes, min=2**20, max=2**30,
    )  # fmt: skip
    audio: bool = item("carry the camera's audio into clips", True)
