"""Proposes settings that drop false alarms, each with the proof that no confirmed event is lost.

Candidates are tried on the trace around the events that were judged: lower sensitivities, larger
smallest areas, more frames, and masks where false alarms lie. One is offered only where every
confirmed event within the traces is found again by it, as it is by the settings that ran; an event
of which the trace says nothing speaks against every proposal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge.base import schema
from edge.contract.motion import MAX_ZONES, MotionSettings, Polygon
from edge.contract.parts import Box
from edge.motion.needs import LEAST, of_camera
from edge.trace.compare import Comparison, compare, without
from edge.trace.tape import Change, Found, Tape, Window
from edge.trace.verdicts import Verdicts

AREA_FACTORS = (1.5, 2.0, 3.0, 5.0, 8.0)
FRAMES = (4, 6, 8, 12)
MARGINS = (0.01, 0.03)  # of the picture, around what a mask is to cover
MAX_MASK = 0.25  # of the picture: a camera is not to be blinded
MAX_MASKS = 4  # places where false alarms gather that are tried
UNPROVEN = (
    "no event within its traces was marked confirmed, so that nothing proves what a change would"
    " lose; mark real events confirmed first, in the console or by camwatch-hub mark ID confirmed"
)


@dataclass(frozen=True)
class Proposal:
    """One change, and its proof."""

    name: str
    settings: MotionSettings
    dropped: int
    """False alarms that it would have dropped, of `false_alarms`."""
    false_alarms: int
    confirmed: int
    """Confirmed events, all of which are kept."""
    unmarked_dropped: int
    """Events that nobody judged and that it would have dropped, too."""
    unmarked: int


@dataclass(frozen=True)
class Advice:
    """What is proposed for a camera, or why nothing is."""

    tape: Tape
    proposals: tuple[Proposal, ...]
    refusal: str = ""


def advise(
    tape: Tape, verdicts: Verdicts, *, window: Window | None = None, most: int = 5
) -> Advice:
    """Proposals, those that drop most first."""
    then = tape.events(window)
    judged = [each for each in then if each.event in verdicts]
    if tape.settings is None or not judged:
        return Advice(tape, (), "no event within its traces was marked confirmed or false alarm")
    ground = compare(tape, lambda ran: ran, verdicts=verdicts, near=judged)
    false_alarms = ground.having(ground.then, "false_alarm")
    confirmed = ground.having(ground.then, "confirmed")
    if not false_alarms:
        return Advice(tape, (), "no event within its traces was marked a false alarm")
    if not confirmed:
        return Advice(tape, (), UNPROVEN)
    if ground.lost_confirmed:
        names = ", ".join(each.event for each in ground.lost_confirmed[:3])
        return Advice(
            tape, (),
            f"the traces do not show {len(ground.lost_confirmed)} of the {len(confirmed)} confirmed"
            f" events ({names}), so nothing can be proven",
        )  # fmt: skip
    found = [
        (settings, name, tried)
        for name, settings in _candidates(tape.settings, tape, false_alarms, confirmed)
        if (tried := _tried(tape, settings, verdicts, judged)) is not None
    ]
    best = _best(found)[:most]
    rest = [each for each in then if each.event not in verdicts]
    proposals = [
        _proposal(tape, name, settings, tried, window, rest, len(false_alarms), len(confirmed))
        for settings, name, tried in best
    ]
    refusal = "" if proposals else "nothing that was tried drops a false alarm and keeps all else"
    return Advice(tape, tuple(proposals), refusal)


def _tried(
    tape: Tape, settings: MotionSettings, verdicts: Verdicts, judged: Sequence[Found]
) -> Comparison | None:
    """The comparison around the judged events; None where a confirmed one is lost."""
    compared = compare(tape, _always(settings), verdicts=verdicts, near=judged)
    is_proven = not compared.lost_confirmed
    return compared if is_proven and compared.having(compared.gone, "false_alarm") else None


Tried = tuple[MotionSettings, str, Comparison]


def _best(found: Iterable[Tried]) -> list[Tried]:
    """Those that drop most first; of one kind, the mildest of those that drop as many."""
    by_kind: dict[tuple[str, int], Tried] = {}
    for each in found:
        kind = each[1].partition("=")[0]
        by_kind.setdefault((kind, len(each[2].having(each[2].gone, "false_alarm"))), each)
    best: dict[str, tuple[int, Tried]] = {}
    for (kind, dropped), each in by_kind.items():
        if kind not in best or dropped > best[kind][0]:
            best[kind] = dropped, each
    ordered = sorted(best.values(), key=lambda each: -each[0])
    return [each for _, each in ordered]


def _proposal(
    tape: Tape, name: str, settings: MotionSettings, tried: Comparison, window: Window | None,
    rest: Sequence[Found], false_alarms: int, confirmed: int,
) -> Proposal:  # fmt: skip
    now = tape.rerun(_always(settings), window)
    gone = without(rest, now)
    dropped = len(tried.having(tried.gone, "false_alarm"))
    return Proposal(name, settings, dropped, false_alarms, confirmed, len(gone), len(rest))


def _candidates(
    ran: MotionSettings, tape: Tape, false_alarms: Sequence[Found], confirmed: Sequence[Found]
) -> Iterator[tuple[str, MotionSettings]]:
    """Each with its name; of one kind the mildest first."""
    for sensitivity in range(ran.sensitivity - 1, LEAST - 1, -1):
        yield (
            f"motion.sensitivity={sensitivity}",
            dataclasses.replace(ran, sensitivity=sensitivity),
        )
    area = of_camera(ran).min_area
    for factor in AREA_FACTORS:
        larger = float(f"{area * factor:.2g}")
        yield f"motion.min_area={larger:g}", dataclasses.replace(ran, min_area=larger)
    for frames in FRAMES:
        if frames > ran.min_frames:
            yield f"motion.min_frames={frames}", dataclasses.replace(ran, min_frames=frames)
    if len(ran.masks) < MAX_ZONES:
        for number, box in enumerate(_places(tape, false_alarms, confirmed)):
            for margin in MARGINS:
                mask = _mask(box, margin)
                if _size(mask) <= MAX_MASK:
                    yield f"mask {number + 1}", dataclasses.replace(ran, masks=(*ran.masks, mask))


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


def _always(settings: MotionSettings) -> Change:
    return lambda _: settings


def yaml_of(proposal: Proposal, ran: MotionSettings) -> str:
    """What to write into the camera's `motion:`, as YAML in one line a key."""
    own, other = schema.dump(ran), schema.dump(proposal.settings)
    changed = {key: value for key, value in other.items() if own.get(key) != value}
    return "\n".join(f"{key}: {_flow(value)}" for key, value in changed.items())


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)
