"""That too little is looked at: what is said of it, and whether the time still counts as watched.

Either the box leaves pictures out (`load`), or too few come, or the settings ask for too few.
Called by the analysis at every packet.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.camera.load import Load
from edge.camera.pace import Pace
from edge.contract.record import BlindCause
from edge.motion.cadence import Cadence

# Between two pictures looked at. At 0.9 a second the detector met 25 visits of 28 in seven
# recordings, as at 2 a second; at 0.7 it lost a quarter of those of the street.
MAX_INTERVAL_S = 1.25
FEW = f"fewer than {1 / MAX_INTERVAL_S:g} pictures a second"


@dataclass(frozen=True, slots=True)
class Shortage:
    """What is missing, as a camera's problem tells it; `blind` where that is not watched."""

    says: str = ""
    blind: BlindCause | None = None


NONE = Shortage()
FEW_COME = Shortage(f"{FEW} come", "stream_lost")
FEW_LOOKED_AT = Shortage(f"overload: {FEW} are looked at", "overload")


class Looks:
    """How often a camera would be looked at while something moves. One thread at a time."""

    def __init__(self, analysis_fps: float, load: Load) -> None:
        """`load` says what the box leaves out of `analysis_fps`."""
        self._load = load
        self._pace = Pace(1 / analysis_fps)
        self._coming, self._looked = Cadence(), Cadence()

    def note(self, mono_ns: int) -> None:
        """A picture was captured at `mono_ns`, whether it is decoded or not."""
        step = self._load.step
        self._coming.note(mono_ns)
        if self._pace.is_due(mono_ns, step.rate * (step.share if self._load.is_spread else 1.0)):
            self._looked.note(mono_ns)

    @property
    def shortage(self) -> Shortage:
        """Of what, now."""
        if self._coming.slow_s > MAX_INTERVAL_S:
            return FEW_COME
        if self._looked.slow_s > MAX_INTERVAL_S:
            return FEW_LOOKED_AT
        if says := self._load.says:
            return Shortage(f"overload: {says}", "overload" if self._load.is_blind else None)
        return NONE
