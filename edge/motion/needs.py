"""From one number, 1 to 10, to all that a changed pixel and a moving thing must have.

A camera's number holds where its zones say nothing else. A zone's own number, or a part of it that
an expert set, holds in that zone; where zones overlap, whatever sees more. The middle number is
what the labelled recordings were scored with (docs/seeing.md). Plain Python: traces are judged by
it too.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.contract.motion import Expert, MotionSettings, Zone

LEAST, MOST = 1, 10
MIDDLE = 5
STEPS_PER_DOUBLING = 3.0
FLOOR = 3.5  # levels of luma, at the middle; doubles with STEPS_PER_DOUBLING
NOISE_FACTOR = 4.0  # mean absolute deviations, 3.2 standard ones, at the middle
NOISE_FACTOR_STEP = 0.25
MIN_AREA = 0.0003  # of the picture, at the middle: a walker of 32 px in 720p
BULK_AREA = 0.012  # of the picture, at the middle: what is larger need not drift
MAX_REMEMBERED = 256  # combinations of zones


@dataclass(frozen=True, slots=True)
class Needs:
    """What is needed to be seen: by a pixel to have changed, by a thing to move.

    A pixel has changed beyond `floor` levels plus `noise_factor` times its noise. A thing needs
    `min_area` of the picture; from `bulk_area` on it need not be seen to travel.
    """

    floor: float
    noise_factor: float
    min_area: float
    bulk_area: float

    def or_less(self, other: Needs) -> Needs:
        """The smaller need of each."""
        return Needs(
            min(self.floor, other.floor),
            min(self.noise_factor, other.noise_factor),
            min(self.min_area, other.min_area),
            min(self.bulk_area, other.bulk_area),
        )


def of_camera(settings: MotionSettings) -> Needs:
    """What is needed where no zone says anything else."""
    return _set(of_number(settings.sensitivity), settings.min_area, settings.expert)


def of_zone(settings: MotionSettings, zone: Zone) -> Needs:
    """What is needed in a zone. Its own number takes the place of all that the camera says."""
    needs = of_camera(settings) if zone.sensitivity is None else of_number(zone.sensitivity)
    return _set(needs, zone.min_area, zone.expert)


def of_number(sensitivity: int) -> Needs:
    """What is needed at one of the numbers, with nothing else set."""
    steps = MIDDLE - sensitivity
    scale = 2.0 ** (steps / STEPS_PER_DOUBLING)
    factor = NOISE_FACTOR + NOISE_FACTOR_STEP * steps
    return Needs(FLOOR * scale, factor, MIN_AREA * scale, BULK_AREA * scale)


def _set(needs: Needs, min_area: float | None, expert: Expert) -> Needs:
    """With the parts that somebody set."""
    return Needs(
        floor=needs.floor if expert.floor is None else expert.floor,
        noise_factor=needs.noise_factor if expert.noise_factor is None else expert.noise_factor,
        min_area=needs.min_area if min_area is None else min_area,
        bulk_area=needs.bulk_area if expert.bulk_area is None else expert.bulk_area,
    )


class ZoneNeeds:
    """What things need by the zones they touch. One thread at a time: it remembers answers."""

    def __init__(self, settings: MotionSettings) -> None:
        self.camera = of_camera(settings)
        self.zones = tuple(of_zone(settings, zone) for zone in settings.zones)
        self._touched: dict[int, Needs] = {0: self.camera}

    def of(self, zones: int) -> Needs:
        """What a thing needs that touches these zones, as bits in the order of the settings."""
        needs = self._touched.get(zones)
        if needs is None:
            touched = [each for number, each in enumerate(self.zones) if zones >> number & 1]
            needs = touched[0]
            for each in touched[1:]:
                needs = needs.or_less(each)
            if len(self._touched) < MAX_REMEMBERED:
                self._touched[zones] = needs
        return needs

    @property
    def least(self) -> Needs:
        """The smallest need anywhere."""
        needs = self.zones[0] if self.zones else self.camera
        for each in self.zones:
            needs = needs.or_less(each)
        return needs
