"""Proposes settings that drop false alarms, each with the proof that no confirmed event is lost.

Candidates are tried on the trace around the events that were judged: lower sensitivities, larger
smallest areas, more frames, and masks where false alarms lie. One is offered only where every
confirmed event of the time at which it would hold, and at least one, is found again by it, as it
is by the settings that ran; an event of which the trace says nothing speaks against every proposal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edge.contract.motion import MotionSettings
from edge.trace.candidates import Candidate, Plan, candidates, is_own
from edge.trace.compare import Comparison, as_it_was, compare, without
from edge.trace.tape import Found, Tape, Window
from edge.trace.verdicts import Verdicts

UNPROVEN = (
    "no event within its traces was marked confirmed, so that nothing proves what a change would"
    " lose; mark real events confirmed first, in the console or by camwatch-hub mark ID confirmed"
)


@dataclass(frozen=True)
class Proposal:
    """One change, and its proof. What is counted is of the time at which it would hold."""

    candidate: Candidate
    dropped: int
    """False alarms that it would have dropped, of `false_alarms`."""
    false_alarms: int
    confirmed: int
    """Confirmed events, all of which are kept."""
    unmarked_dropped: int
    """Events that nobody judged and that it would have dropped, too."""
    unmarked: int

    @property
    def name(self) -> str:
        """What it changes, for people."""
        return self.candidate.name


@dataclass(frozen=True)
class Advice:
    """What is proposed for a camera, or why nothing is; `note`: what was left aside."""

    tape: Tape
    proposals: tuple[Proposal, ...]
    refusal: str = ""
    note: str = ""


def advise(
    tape: Tape, verdicts: Verdicts, *, window: Window | None = None, plan: Plan | None = None,
    most: int = 5,
) -> Advice:  # fmt: skip
    """Proposals, those that drop most first. `plan`: None where it is not known; no sensitivity
    is proposed then where more than one ran."""
    then = tape.events(window)
    judged = [each for each in then if each.event in verdicts]
    if not judged:
        return Advice(tape, (), "no event within its traces was marked confirmed or false alarm")
    ground = compare(tape, as_it_was, verdicts=verdicts, near=judged)
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
    ran = tape.ran(window)
    ran_at = tape.ran_at_start()
    found = [
        (candidate, tried)
        for candidate in candidates(tape, ran, plan, false_alarms, confirmed)
        if (tried := _tried(tape, candidate, verdicts, judged, ran_at)) is not None
    ]
    rest = [each for each in then if each.event not in verdicts]
    proposals = [
        _proposal(tape, candidate, tried, window, [e for e in rest if _is_of(candidate, e, ran_at)])
        for candidate, tried in _best(found)[:most]
    ]
    refusal = "" if proposals else "nothing that was tried drops a false alarm and keeps all else"
    return Advice(tape, tuple(proposals), refusal, _note(ran, plan))


RanAt = Mapping[str, MotionSettings]


def _is_of(candidate: Candidate, event: Found, ran_at: RanAt) -> bool:
    """Whether an event began while the candidate would have held."""
    return candidate.holds(ran_at[event.event])


def _tried(
    tape: Tape, candidate: Candidate, verdicts: Verdicts, judged: Sequence[Found], ran_at: RanAt
) -> Comparison | None:
    """The comparison around those of the judged events that it is about; None where a confirmed
    one is lost, or there is none."""
    own = [each for each in judged if _is_of(candidate, each, ran_at)]
    if {verdicts[each.event] for each in own} != {"confirmed", "false_alarm"}:
        return None
    compared = compare(tape, candidate.change, verdicts=verdicts, near=own)
    is_proven = not compared.lost_confirmed
    return compared if is_proven and compared.having(compared.gone, "false_alarm") else None


def _note(ran: Sequence[MotionSettings], plan: Plan | None) -> str:
    """Why no sensitivity of the camera's own was tried."""
    if is_own(ran, plan):
        return ""
    sensitivities = ", ".join(map(str, sorted({each.sensitivity for each in ran})))
    return (
        f"sensitivity {sensitivities} ran, not the camera's own alone, so none is proposed but"
        " that of a schedule"
    )


Tried = tuple[Candidate, Comparison]


def _best(found: Iterable[Tried]) -> list[Tried]:
    """Those that drop most first; of one kind, the mildest of those that drop as many."""
    by_kind: dict[tuple[str, int], Tried] = {}
    for each in found:
        candidate, compared = each
        kind = candidate.name.partition("=")[0]
        by_kind.setdefault((kind, len(compared.having(compared.gone, "false_alarm"))), each)
    best: dict[str, tuple[int, Tried]] = {}
    for (kind, dropped), each in by_kind.items():
        if kind not in best or dropped > best[kind][0]:
            best[kind] = dropped, each
    ordered = sorted(best.values(), key=lambda each: -each[0])
    return [each for _, each in ordered]


def _proposal(
    tape: Tape, candidate: Candidate, tried: Comparison, window: Window | None,
    rest: Sequence[Found],
) -> Proposal:  # fmt: skip
    gone = without(rest, tape.rerun(candidate.change, window))
    alarms, confirmed = (
        len(tried.having(tried.then, verdict)) for verdict in ("false_alarm", "confirmed")
    )
    dropped = len(tried.having(tried.gone, "false_alarm"))
    return Proposal(candidate, dropped, alarms, confirmed, len(gone), len(rest))


def yaml_of(proposal: Proposal) -> str:
    """What to write into the camera's `motion:`, or of schedules into the camera's own part."""
    written = proposal.candidate.written
    ((key, value),) = written.get("motion", written).items()
    return f"{key}: {_flow(value)}"


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
