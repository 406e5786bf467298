"""What a pixel must have to count as changed, for each pixel of a picture; see `needs`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.contract.motion import MotionSettings
from edge.motion.needs import ZoneNeeds
from edge.motion.zones import rasterise

Plane = npt.NDArray[np.float32]


class SensitivityMap(ZoneNeeds):
    """What is needed at each pixel, for one picture size, and for things by the zones they touch.

    Immutable but for a memory of answers; one thread at a time.
    """

    def __init__(self, settings: MotionSettings, height: int, width: int) -> None:
        super().__init__(settings)
        self.floor: Plane | float = self.camera.floor
        """Levels; one number where it is the same everywhere."""
        self.noise_factor: Plane | float = self.camera.noise_factor
        if any(each != self.camera for each in self.zones):
            self.floor, self.noise_factor = self._drawn(settings, height, width)

    def _drawn(self, settings: MotionSettings, height: int, width: int) -> tuple[Plane, Plane]:
        floor = np.full((height, width), np.inf, np.float32)
        factor = np.full((height, width), np.inf, np.float32)
        for zone, needs in zip(settings.zones, self.zones, strict=True):
            inside = rasterise(zone.points, height, width) > 0
            floor[inside] = np.minimum(floor[inside], needs.floor)
            factor[inside] = np.minimum(factor[inside], needs.noise_factor)
        outside = np.isinf(floor)
        floor[outside], factor[outside] = self.camera.floor, self.camera.noise_factor
        return floor, factor
