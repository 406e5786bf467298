"""The rules by which events are scored against labels. Pure: values in, values out.

- An *event* is what `seeing_events` says, from its first to its last frame with motion. What
  happens in a recording's first START_S is left out: a camera starts once, a recording each minute.
- A *visit* is a labelled motion interval. It is *met* when an event overlaps it by any moment, and
  *required* if it lasts at least 0.5 s and is not of a kind that the labels call hard; recall is
  the met part of the required visits.
- An event is *true* when it overlaps a visit, *false* when it lies wholly within labelled `static`
  time, and not scored otherwise (it touches what is uncertain or not labelled).
- A true event that goes on for more than BRIDGE_S through static time *overruns*: each such stretch
  counts like a false alarm, once. Else whoever alarms without end would be perfect.
- False alarms an hour: false events and overruns, for each hour labelled static.
- Precision: true / (true + false + overruns). F1: of that and recall.
- Time on: the part of static time, without EDGE_S at both ends of each stretch, that events cover.
  Time seen: the part of the required visits' time that they cover.
- Onset: start of the first event that meets a visit, minus the visit's first frame; negative where
  the event begins before it. Told: the same for the moment at which the event was known. Neither is
  taken of a visit that begins in the first START_S, nor where the event began before the end of the
  visit before (it ran already), nor where it began in time that has no label.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from scripts.bench.seeing_events import Found
from scripts.bench.seeing_footage import Known, Span, Visit

BRIDGE_S = 10.0  # twice the quiet time: more than the end of one visit and the onset of the next
EDGE_S = 1.0
START_S = 2.0
SLACK_S = 0.5  # between labelled stretches, where labels leave frames out

Verdict = Literal["true", "false", "not scored"]


@dataclass(frozen=True)
class JudgedEvent:
    """One event and what it is; `overruns` are its long stretches of static time."""

    found: Found
    verdict: Verdict
    overruns: tuple[Span, ...]


@dataclass(frozen=True)
class JudgedVisit:
    """One visit, the first event that met it, and that event's delays in seconds."""

    visit: Visit
    found: Found | None
    onset_s: float | None
    told_s: float | None


@dataclass(frozen=True)
class Judged:
    """One contestant on one recording."""

    events: tuple[JudgedEvent, ...]
    visits: tuple[JudgedVisit, ...]


def judge(recording: Known, found: Sequence[Found]) -> Judged:
    """Hold one contestant's events against one recording's labels."""
    found = _started(found)
    return Judged(
        tuple(_judge_event(recording, each) for each in found),
        tuple(_judge_visit(recording, index, found) for index in range(len(recording.visits))),
    )


def _started(found: Sequence[Found]) -> list[Found]:
    """The events without what they have of the first START_S."""
    return [
        replace(each, span=Span(max(START_S, each.span.first_s), each.span.last_s))
        for each in found
        if each.span.last_s >= START_S
    ]


def _judge_event(recording: Known, found: Found) -> JudgedEvent:
    if any(found.span.meets(each.span) for each in recording.visits):
        shared = [found.span.shared(each) for each in recording.static]
        overruns = tuple(each for each in shared if each is not None and each.length_s > BRIDGE_S)
        return JudgedEvent(found, "true", overruns)
    is_false = any(
        each.first_s <= found.span.first_s and found.span.last_s <= each.last_s
        for each in recording.static
    )
    return JudgedEvent(found, "false" if is_false else "not scored", ())


def _judge_visit(recording: Known, index: int, found: Sequence[Found]) -> JudgedVisit:
    visit = recording.visits[index]
    first_s = visit.span.first_s
    met = min(
        (each for each in found if each.span.meets(visit.span)),
        key=lambda each: each.span.first_s,
        default=None,
    )
    before_s = max((each.span.last_s for each in recording.visits[:index]), default=-1.0)
    is_onset = (
        met is not None
        and first_s >= START_S
        and met.span.first_s > before_s
        and _is_labelled(recording, met.span.first_s, first_s)
    )
    if met is None or not is_onset:
        return JudgedVisit(visit, met, None, None)
    return JudgedVisit(visit, met, met.span.first_s - first_s, met.told_s - first_s)


def _is_labelled(recording: Known, at_s: float, visit_s: float) -> bool:
    """Whether `at_s`, near the start of a visit or before it, is in time that has a label."""
    spans = (*recording.static, *recording.uncertain)
    is_near = at_s >= visit_s - SLACK_S
    return is_near or any(each.first_s - SLACK_S <= at_s <= each.last_s + SLACK_S for each in spans)


@dataclass
class Tally:
    """Sums over recordings, and the figures that come of them."""

    required: int = 0
    met: int = 0
    optional: int = 0
    optional_met: int = 0
    true: int = 0
    false: int = 0
    overruns: int = 0
    not_scored: int = 0
    static_s: float = 0.0
    inner_static_s: float = 0.0
    on_s: float = 0.0
    visited_s: float = 0.0
    seen_s: float = 0.0
    onsets_s: list[float] = field(default_factory=list)
    tellings_s: list[float] = field(default_factory=list)

    def add(self, recording: Known, judged: Judged) -> None:
        """Take one recording in."""
        for each in judged.visits:
            self._add_visit(each, judged)
        for event in judged.events:
            self.true += event.verdict == "true"
            self.false += event.verdict == "false"
            self.not_scored += event.verdict == "not scored"
            self.overruns += len(event.overruns)
        for static in recording.static:
            self.static_s += static.length_s
            if static.length_s > 2 * EDGE_S:
                inner = Span(static.first_s + EDGE_S, static.last_s - EDGE_S)
                self.inner_static_s += inner.length_s
                self.on_s += _covered_s(inner, judged)

    def _add_visit(self, judged_visit: JudgedVisit, judged: Judged) -> None:
        if not judged_visit.visit.is_required:
            self.optional += 1
            self.optional_met += judged_visit.found is not None
            return
        self.required += 1
        self.met += judged_visit.found is not None
        self.visited_s += judged_visit.visit.span.length_s
        self.seen_s += _covered_s(judged_visit.visit.span, judged)
        if judged_visit.onset_s is not None and judged_visit.told_s is not None:
            self.onsets_s.append(judged_visit.onset_s)
            self.tellings_s.append(judged_visit.told_s)

    @property
    def alarms(self) -> int:
        """False events, and the stretches of static time that true ones overrun."""
        return self.false + self.overruns

    @property
    def recall(self) -> float | None:
        """Met part of the required visits; None where there are none."""
        return self.met / self.required if self.required else None

    @property
    def precision(self) -> float | None:
        """Of what was scored; None where nothing was."""
        scored = self.true + self.alarms
        return self.true / scored if scored else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of recall and precision."""
        recall, precision = self.recall, self.precision
        if recall is None or precision is None:
            return 0.0 if recall == 0 else None
        return 2 * recall * precision / (recall + precision) if recall + precision else 0.0

    @property
    def alarms_per_h(self) -> float | None:
        """False alarms an hour of static time; None where no second is labelled static."""
        return self.alarms / (self.static_s / 3600) if self.static_s else None

    @property
    def time_on(self) -> float | None:
        """Part of the inner static time that events cover."""
        return self.on_s / self.inner_static_s if self.inner_static_s else None

    @property
    def time_seen(self) -> float | None:
        """Part of the required visits' time that events cover."""
        return self.seen_s / self.visited_s if self.visited_s else None


def _covered_s(span: Span, judged: Judged) -> float:
    shared = [span.shared(each.found.span) for each in judged.events]  # events do not overlap
    return sum(each.length_s for each in shared if each is not None)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which `share` of all lie, between neighbours in proportion; None of none."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))
