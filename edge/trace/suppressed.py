"""What the settings that ran kept from becoming events, counted from the traces.

Each setting is lifted by itself: a mask taken away, the sensitivity put back to the default. What
the trace then shows besides the events that were is what that setting suppressed. What lies in a
mask was looked at only as often as the gate or a glance came by, so its count is a least one;
moments that were glanced at alone are counted beside.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from edge.contract.motion import MotionSettings
from edge.motion.look import Look
from edge.trace.compare import without
from edge.trace.rerun import Rerun
from edge.trace.tape import Change, Found, Tape, Window

LULL_NS = 60 * 10**9  # between two moments that count as two
DEFAULTS = MotionSettings()


@dataclass(frozen=True)
class Suppressed:
    """What one setting kept from becoming events."""

    setting: str
    events: tuple[Found, ...]
    glances: int
    """Moments besides, at least a minute apart, at which only a glance showed something."""


def count(tape: Tape, window: Window | None = None) -> list[Suppressed]:
    """By setting; only what differs from a camera with nothing set."""
    if tape.settings is None:
        return []
    then = tape.events(window)
    found = []
    for name, change in _lifted(tape.settings):
        more = without(tape.rerun(change, window), then)
        found.append(Suppressed(name, tuple(more), _glances(tape, change, window, more)))
    return found


def _lifted(settings: MotionSettings) -> Iterator[tuple[str, Change]]:
    """Each setting by its name, and what makes settings without it."""
    for number in range(len(settings.masks)):
        yield f"motion.masks[{number}]", _without_mask(settings, number)
    if len(settings.masks) > 1:
        yield "motion.masks", lambda ran: dataclasses.replace(ran, masks=())
    if settings.sensitivity < DEFAULTS.sensitivity:
        yield (
            f"motion.sensitivity={settings.sensitivity}",
            lambda ran: dataclasses.replace(ran, sensitivity=DEFAULTS.sensitivity),
        )
    if settings.min_area is not None:
        yield (
            f"motion.min_area={settings.min_area:g}",
            lambda ran: dataclasses.replace(ran, min_area=None),
        )
    if settings.min_frames > DEFAULTS.min_frames:
        yield (
            f"motion.min_frames={settings.min_frames}",
            lambda ran: dataclasses.replace(ran, min_frames=DEFAULTS.min_frames),
        )


def _without_mask(settings: MotionSettings, number: int) -> Change:
    mask = settings.masks[number]
    return lambda ran: dataclasses.replace(
        ran, masks=tuple(each for each in ran.masks if each != mask)
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
