"""What is tried for a proposal: one change each, and at which times it would hold.

A change holds wherever the camera's settings ran, each part of the trace with the rest of what ran
there; a change of a schedule holds where the sensitivity ran that the schedule sets. So what is
judged is what would be after the change was written, and nothing but it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.base import schema
from edge.contract.motion import MAX_ZONES, MotionSettings, Polygon
from edge.contract.parts import Box
from edge.contract.schedule import Schedule
from edge.contract.settings import Plain, SettableCamera
from edge.motion.needs import LEAST, of_camera
from edge.trace.tape import Found, Tape

AREA_FACTORS = (1.5, 2.0, 3.0, 5.0, 8.0)
FRAMES = (4, 6, 8, 12)
MARGINS = (0.01, 0.03)  # of the picture, around what a mask is to cover
MAX_MASK = 0.25  # of the picture: a camera is not to be blinded
MAX_MASKS = 4  # places where false alarms gather that are tried


@dataclass(frozen=True)
class Plan:
    """A camera's own sensitivity, and its schedules, which may set another."""

    sensitivity: int
    schedules: tuple[Schedule, ...] = ()

    @classmethod
    def of(cls, camera: SettableCamera) -> Plan:
        """As these settings of a camera have it."""
        return cls(camera.motion.sensitivity, camera.schedules)

    @property
    def scheduled(self) -> set[int]:
        """The sensitivities that schedules set, as far as they tell that from the camera's own."""
        found = {each.sensitivity for each in self.schedules if each.sensitivity is not None}
        return found - {self.sensitivity}

    def lowered(self, sensitivity: int, to: int) -> tuple[Schedule, ...]:
        """The schedules with `to` for that sensitivity."""
        return tuple(
            dataclasses.replace(each, sensitivity=to) if each.sensitivity == sensitivity else each
            for each in self.schedules
        )


@dataclass(frozen=True)
class Candidate:
    """One change: `key` of the motion settings is as in `tried`."""

    name: str
    key: str
    tried: MotionSettings
    only_at: int | None = None
    """Of schedules: it holds only where this sensitivity ran."""
    schedules: tuple[Schedule, ...] = ()
    """Of schedules: as they would be then."""

    def holds(self, ran: MotionSettings) -> bool:
        """Whether it is any change where these settings ran."""
        return self.only_at is None or ran.sensitivity == self.only_at

    def change(self, ran: MotionSettings) -> MotionSettings:
        """What would have run in place of these."""
        if not self.holds(ran):
            return ran
        return dataclasses.replace(ran, **{self.key: getattr(self.tried, self.key)})

    @property
    def written(self) -> Plain:
        """What it puts into the camera's settings."""
        if self.only_at is not None:
            return {"schedules": [_plain(each) for each in self.schedules]}
        return {"motion": {self.key: schema.dump(self.tried)[self.key]}}


def candidates(
    tape: Tape, ran: Sequence[MotionSettings], plan: Plan | None,
    false_alarms: Sequence[Found], confirmed: Sequence[Found],
) -> Iterator[Candidate]:  # fmt: skip
    """Of one kind the mildest first. `ran`: all settings that ran, the newest first."""
    now = ran[0]
    yield from _sensitivities(ran, plan)
    area = max(of_camera(each).min_area for each in ran)
    for factor in AREA_FACTORS:
        larger = float(f"{area * factor:.2g}")
        yield _of(now, f"motion.min_area={larger:g}", min_area=larger)
    for frames in FRAMES:
        if frames > max(each.min_frames for each in ran):
            yield _of(now, f"motion.min_frames={frames}", min_frames=frames)
    if len(now.masks) < MAX_ZONES:
        for number, box in enumerate(_places(tape, false_alarms, confirmed)):
            for margin in MARGINS:
                mask = _mask(box, margin)
                if _size(mask) <= MAX_MASK:
                    yield _of(now, f"mask {number + 1}", masks=(*now.masks, mask))


def is_own(ran: Sequence[MotionSettings], plan: Plan | None) -> bool:
    """Whether what ran is the camera's own sensitivity alone, so that it can be judged."""
    sensitivities = {each.sensitivity for each in ran}
    if plan is None:
        return len(sensitivities) == 1
    is_scheduled = any(each.sensitivity == plan.sensitivity for each in plan.schedules)
    return sensitivities == {plan.sensitivity} and not is_scheduled


def _sensitivities(ran: Sequence[MotionSettings], plan: Plan | None) -> Iterator[Candidate]:
    now = ran[0]
    if is_own(ran, plan):
        for lower in range(now.sensitivity - 1, LEAST - 1, -1):
            yield _of(now, f"motion.sensitivity={lower}", sensitivity=lower)
    if plan is None:
        return
    for own in sorted(plan.scheduled & {each.sensitivity for each in ran}):
        times = ", ".join(_when(each) for each in plan.schedules if each.sensitivity == own)
        for lower in range(own - 1, LEAST - 1, -1):
            yield Candidate(
                f"schedules {times}: sensitivity={lower} instead of {own}", "sensitivity",
                dataclasses.replace(now, sensitivity=lower), own, plan.lowered(own, lower),
            )  # fmt: skip


def _when(schedule: Schedule) -> str:
    days = f" {'+'.join(schedule.days)}" if schedule.days else ""
    return f"{schedule.starts}-{schedule.ends}{days}"


def _plain(schedule: Schedule) -> Plain:
    return {key: value for key, value in schema.dump(schedule).items() if value != []}


def _of(now: MotionSettings, name: str, **changed: float | tuple[Polygon, ...]) -> Candidate:
    (key,) = changed
    return Candidate(name, key, dataclasses.replace(now, **changed))  # type: ignore[arg-type]


def _places(tape: Tape, false_alarms: Sequence[Found], confirmed: Sequence[Found]) -> Iterator[Box]:
    """Boxes in which whole false alarms lie, where most gather first."""
    boxes = [box for each in false_alarms if (box := tape.extent(each)) is not None]
    kept = [box for each in confirmed if (box := tape.extent(each)) is not None]
    for _ in range(MAX_MASKS):
        if not boxes:
            return
        seed = max(boxes, key=lambda box: sum(_meet(box, each) for each in boxes))
        group = [each for each in boxes if _meet(seed, each)]
        together = _around(group)
        # A mask that would swallow a whole confirmed event is not worth trying.
        yield together if not any(_holds(together, each) for each in kept) else seed
        boxes = [each for each in boxes if not _meet(seed, each)]


def _mask(box: Box, margin: float) -> Polygon:
    """A rectangle around `box`, with corners of two decimals."""
    left, top = max(0.0, box[0] - margin), max(0.0, box[1] - margin)
    right, bottom = min(1.0, box[0] + box[2] + margin), min(1.0, box[1] + box[3] + margin)
    left, top, right, bottom = (round(each, 2) for each in (left, top, right, bottom))
    return Polygon(((left, top), (right, top), (right, bottom), (left, bottom)))


def _size(mask: Polygon) -> float:
    (left, top), _, (right, bottom), _ = mask.points
    return (right - left) * (bottom - top)


def _meet(one: Box, other: Box) -> bool:
    is_across = one[0] < other[0] + other[2] and other[0] < one[0] + one[2]
    return is_across and one[1] < other[1] + other[3] and other[1] < one[1] + one[3]


def _holds(outer: Box, inner: Box) -> bool:
    is_across = outer[0] <= inner[0] and inner[0] + inner[2] <= outer[0] + outer[2]
    return is_across and outer[1] <= inner[1] and inner[1] + inner[3] <= outer[1] + outer[3]


def _around(boxes: Sequence[Box]) -> Box:
    left, top = min(each[0] for each in boxes), min(each[1] for each in boxes)
    right = max(each[0] + each[2] for each in boxes)
    bottom = max(each[1] + each[3] for each in boxes)
    return (left, top, right - left, bottom - top)
