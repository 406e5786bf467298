"""What the settings that ran kept from becoming events, counted from the traces.

Each setting that can make a camera see less is lifted by itself, wherever it ran: a mask or the
zones taken away, a sensitivity put back to the default. What the trace then shows besides the
events that were is what that setting suppressed. Since two may hide the same thing, and either
still does when the other is lifted, all of them are lifted together, too. What lies in a mask was
looked at only as often as the gate or a glance came by, so its count is a least one; moments that
were glanced at alone are counted beside.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edge.contract.motion import Expert, MotionSettings, Polygon, Zone
from edge.motion.look import Look
from edge.trace.compare import without
from edge.trace.rerun import Rerun
from edge.trace.tape import Change, Found, Tape, Window

LULL_NS = 60 * 10**9  # between two moments that count as two
DEFAULTS = MotionSettings()
ALL = "all of these"


@dataclass(frozen=True)
class Suppressed:
    """What one setting kept from becoming events."""

    setting: str
    events: tuple[Found, ...]
    glances: int
    """Moments besides, at least a minute apart, at which only a glance showed something."""


def count(tape: Tape, window: Window | None = None) -> list[Suppressed]:
    """By setting; only what can make a camera see less than one with nothing set."""
    then = tape.events(window)
    found = []
    for name, change in _lifted(tape.ran(window)).items():
        more = without(tape.rerun(change, window), then)
        found.append(Suppressed(name, tuple(more), _glances(tape, change, window, more)))
    return found


def uncounted(tape: Tape, window: Window | None = None) -> list[str]:
    """Settings other than the default of which nothing can be counted: by them a camera sees
    more, or other pictures are looked at."""
    found = []
    for each in tape.ran(window):
        if each.sensitivity > DEFAULTS.sensitivity:
            found.append(f"motion.sensitivity={each.sensitivity}")
        if each.min_frames < DEFAULTS.min_frames:
            found.append(f"motion.min_frames={each.min_frames}")
        if each.quiet_s != DEFAULTS.quiet_s:
            found.append(f"motion.quiet_s={each.quiet_s:g}")
        if each.decode != DEFAULTS.decode:
            found.append(f"motion.decode={each.decode}")
        if each.analysis_fps != DEFAULTS.analysis_fps:
            found.append(f"motion.analysis_fps={each.analysis_fps:g}")
    return list(dict.fromkeys(found))


def _lifted(ran: Sequence[MotionSettings]) -> dict[str, Change]:
    """Each setting by its name, and what makes settings without it. `ran`: the newest first."""
    found = _masks(ran)
    others: dict[str, Change] = {}
    if any(each.zones for each in ran):
        others["motion.zones"] = _without_zones
    for each in ran:
        others |= _of_camera(each)
        for zone in each.zones:
            others |= _of_zone(each, zone)
    found |= others
    if others and len(found) > 1:
        found[ALL] = _without_any
    return found


def _masks(ran: Sequence[MotionSettings]) -> dict[str, Change]:
    newest = ran[0].masks if ran else ()
    found = {f"motion.masks[{n}]": _without_masks((mask,)) for n, mask in enumerate(newest)}
    known = dict.fromkeys(mask for each in ran for mask in each.masks)
    if earlier := tuple(each for each in known if each not in newest):
        found["motion.masks of before"] = _without_masks(earlier)
    if len(known) > 1:
        found["motion.masks"] = _without_masks(tuple(known))
    return found


def _of_camera(settings: MotionSettings) -> Iterator[tuple[str, Change]]:
    if settings.sensitivity < DEFAULTS.sensitivity:
        yield f"motion.sensitivity={settings.sensitivity}", _by_default("sensitivity", settings)
    if settings.min_area is not None:
        yield f"motion.min_area={settings.min_area:g}", _by_default("min_area", settings)
    if settings.min_frames > DEFAULTS.min_frames:
        yield f"motion.min_frames={settings.min_frames}", _by_default("min_frames", settings)
    if settings.expert != DEFAULTS.expert:
        yield "motion.expert", lambda ran: dataclasses.replace(ran, expert=DEFAULTS.expert)


def _by_default(key: str, settings: MotionSettings) -> Change:
    """The default, where what these settings say of `key` ran."""
    value, default = getattr(settings, key), getattr(DEFAULTS, key)
    return lambda ran: (
        dataclasses.replace(ran, **{key: default}) if getattr(ran, key) == value else ran
    )


def _of_zone(settings: MotionSettings, zone: Zone) -> Iterator[tuple[str, Change]]:
    path = f"motion.zones.{zone.name}"
    if zone.sensitivity is not None and zone.sensitivity < _usual(settings):
        yield (
            f"{path}.sensitivity={zone.sensitivity}",
            _with_zone(zone, lambda ran, own: dataclasses.replace(own, sensitivity=_usual(ran))),
        )
    if zone.min_area is not None:
        yield (
            f"{path}.min_area={zone.min_area:g}",
            _with_zone(zone, lambda _, own: dataclasses.replace(own, min_area=None)),
        )
    if zone.expert != Expert():
        yield (
            f"{path}.expert",
            _with_zone(zone, lambda _, own: dataclasses.replace(own, expert=Expert())),
        )


def _usual(ran: MotionSettings) -> int:
    """The sensitivity that a zone would have with none of its own, or the default if that is
    lower."""
    return max(ran.sensitivity, DEFAULTS.sensitivity)


def _with_zone(zone: Zone, change: Callable[[MotionSettings, Zone], Zone]) -> Change:
    return lambda ran: dataclasses.replace(
        ran, zones=tuple(change(ran, e) if e.name == zone.name else e for e in ran.zones)
    )


def _without_zones(ran: MotionSettings) -> MotionSettings:
    return dataclasses.replace(ran, zones=())


def _without_masks(masks: Sequence[Polygon]) -> Change:
    return lambda ran: dataclasses.replace(
        ran, masks=tuple(each for each in ran.masks if each not in masks)
    )


def _without_any(ran: MotionSettings) -> MotionSettings:
    return dataclasses.replace(
        ran,
        sensitivity=_usual(ran),
        zones=(),
        masks=(),
        min_area=None,
        min_frames=min(ran.min_frames, DEFAULTS.min_frames),
        expert=DEFAULTS.expert,
    )


def _glances(tape: Tape, change: Change, window: Window | None, events: list[Found]) -> int:
    """How many moments, beside these events, only a glance showed something that would count."""
    moments = 0
    for chunk in tape.chunks:
        head = chunk.head
        own = Rerun(head.motion, width=head.width, height=head.height, layers=head.layers)
        other = Rerun(change(head.motion), width=head.width, height=head.height, layers=head.layers)
        last_ns: int | None = None
        for line in chunk.lines:
            if not isinstance(line, Look) or line.kind != "glance" or not line.layers:
                continue
            at = tape.at(head, line.mono_ns)
            if window is not None and not window[0] <= at < window[1]:
                continue
            if any(
                each.boot == head.boot and each.started_ns <= line.mono_ns <= each.last_ns
                for each in events
            ):
                continue
            if other.shows(line) and not own.shows(line):
                moments += last_ns is None or line.mono_ns - last_ns >= LULL_NS
                last_ns = line.mono_ns
    return moments
