"""Settings of the watch over the camera itself: was it covered, turned, blurred, blinded?"""

from __future__ import annotations

from dataclasses import dataclass

from edge.base.schema import item
from edge.base.units import parse_duration_s


@dataclass(frozen=True)
class TamperSettings:
    """What is told of somebody's hands on one camera, or of a fault of its picture."""

    enabled: bool = item(
        "tell when the camera is covered, turned, out of focus, blinded, frozen or black", True
    )
    sensitivity: int = item("how soon: 1 (after 8 s or more) to 10 (after 3 s)", 5, min=1, max=10)
    pre_roll_s: float = item(
        "kept from before it, where 16 MiB of memory hold so much: it shows who did it",
        60.0,
        parse=parse_duration_s,
        min=0,
        max=300,
    )
