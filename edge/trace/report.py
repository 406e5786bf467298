"""A re-run's results as lines for people and as plain values for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from edge.base.clock import utc_text
from edge.base.units import format_count, format_duration, format_size
from edge.trace.compare import Comparison, without
from edge.trace.suggest import Advice, yaml_of
from edge.trace.suppressed import Suppressed
from edge.trace.tape import Found, Tape

MAX_LISTED = 20


def comparison_lines(found: Comparison, zone: tzinfo | None, *, lists_all: bool) -> list[str]:
    """What other settings would have made of one camera's trace."""
    gone, kept, new = found.gone, found.kept, found.new
    lines = [
        *tape_lines(found.tape, zone),
        f"  then: {_judged(found, found.then)}; the re-run by the settings of then finds"
        f" {len(found.then) - len(found.unsure)} of them"
        f" and {len(without(found.again, found.then))} more",
        f"  now:  would drop {_judged(found, gone)},",
        f"        keep {_kept(found, kept)},",
        f"        add {_events(len(new))}",
    ]
    for title, events in (("gone", gone), ("new", new)):
        lines += _listed(title, found, events, zone, lists_all=lists_all)
    return lines


def _kept(found: Comparison, kept: Sequence[Found]) -> str:
    confirmed = found.having(found.then, "confirmed")
    if not confirmed:
        return _events(len(kept))
    lost = len(confirmed) - len(found.having(kept, "confirmed"))
    if not lost:
        return f"{_events(len(kept))}, all {len(confirmed)} confirmed"
    return (
        f"{_events(len(kept))}, {len(confirmed) - lost} of {len(confirmed)} confirmed: LOSES {lost}"
    )


def _listed(
    title: str, found: Comparison, events: Sequence[Found], zone: tzinfo | None, *, lists_all: bool
) -> list[str]:
    shown = events if lists_all else events[:MAX_LISTED]
    lines = [
        f"  {title:4} {each.started_utc.astimezone(zone).isoformat(sep=' ', timespec='seconds')}"
        f"  {format_duration((each.last_ns - each.started_ns) / 1e9):>6}"
        f"  {found.verdicts.get(each.event, '-'):11}  {each.event}".rstrip()
        for each in shown
    ]
    if len(shown) < len(events):
        lines.append(f"  ... and {len(events) - len(shown)} more: --all lists them")
    return lines


def tape_lines(tape: Tape, zone: tzinfo | None) -> list[str]:
    """What there is of a camera's trace."""
    lines = []
    span = tape.span
    if span is not None:
        first, last = (
            each.astimezone(zone).isoformat(sep=" ", timespec="minutes") for each in span
        )
        lines.append(
            f"{tape.node}, camera {tape.camera}: {first} to {last},"
            f" {format_count(tape.lines, 'line')} in {format_count(tape.files, 'segment')},"
            f" {format_size(tape.size_bytes)}"
        )
    return lines + [
        f"  damaged: {each.path.name}, {each.damage.size_bytes} bytes from"
        f" {each.damage.offset}: {each.damage.reason}; skipped"
        for each in tape.damage
    ]


def comparison_object(found: Comparison) -> dict[str, object]:
    """The same for programs."""
    return tape_object(found.tape) | {
        "then": _counts(found, found.then),
        "found_again": len(found.then) - len(found.unsure),
        "gone": _counts(found, found.gone),
        "kept": _counts(found, found.kept),
        "new": {"events": len(found.new)},
        "lost_confirmed": [each.event for each in found.lost_confirmed],
        "gone_events": [_event(found, each) for each in found.gone],
        "new_events": [_event(found, each) for each in found.new],
    }


def tape_object(tape: Tape) -> dict[str, object]:
    """What there is of a camera's trace."""
    span = tape.span
    return {
        "node": tape.node,
        "camera": tape.camera,
        "since_utc": utc_text(span[0]) if span else None,
        "until_utc": utc_text(span[1]) if span else None,
        "lines": tape.lines,
        "bytes": tape.size_bytes,
        "damaged": [
            {
                "file": each.path.name,
                "offset": each.damage.offset,
                "bytes": each.damage.size_bytes,
                "reason": each.damage.reason,
            }
            for each in tape.damage
        ],
    }


def suppressed_lines(
    tape: Tape, found: Sequence[Suppressed], uncounted: Sequence[str], zone: tzinfo | None
) -> list[str]:
    """What a camera's settings kept from becoming events; `uncounted` are those of which that
    cannot be told."""
    lines = tape_lines(tape, zone)
    if not found and not uncounted:
        lines.append("  nothing is set that suppresses anything")
    for each in found:
        text = f"  {each.setting}: at least {_events(len(each.events))} suppressed"
        if each.glances:
            text += f", and {format_count(each.glances, 'moment')} only glanced at"
        lines.append(text)
    if uncounted:
        lines.append(f"  not the default, and not countable: {', '.join(uncounted)}")
    return lines


def suppressed_object(
    tape: Tape, found: Sequence[Suppressed], uncounted: Sequence[str]
) -> dict[str, object]:
    """The same for programs."""
    return tape_object(tape) | {
        "suppressed": [
            {
                "setting": each.setting,
                "events": len(each.events),
                "glances": each.glances,
                "started_utc": [utc_text(event.started_utc) for event in each.events],
            }
            for each in found
        ],
        "not_counted": list(uncounted),
    }


def advice_lines(advice: Advice, zone: tzinfo | None) -> list[str]:
    """What is proposed for a camera, and why that can be believed."""
    lines = tape_lines(advice.tape, zone)
    if advice.refusal:
        lines.append(f"  nothing is proposed: {advice.refusal}")
    for number, each in enumerate(advice.proposals, 1):
        sensitivity = each.candidate.only_at
        when = "" if sensitivity is None else f" while sensitivity {sensitivity} ran"
        lines += [
            f"  {number}. {each.name}",
            f"     would have dropped {each.dropped} of"
            f" {format_count(each.false_alarms, 'false alarm')}{when};"
            f" proven by replay: keeps all {each.confirmed} confirmed",
            f"     of {_events(each.unmarked)} that nobody judged it would have dropped"
            f" {each.unmarked_dropped}",
            f"       {yaml_of(each)}",
        ]
    return lines + ([f"  {advice.note}"] if advice.note else [])


def advice_object(advice: Advice) -> dict[str, object]:
    """The same for programs."""
    return tape_object(advice.tape) | {
        "refusal": advice.refusal or None,
        "note": advice.note or None,
        "proposals": [
            {
                "name": each.name,
                "dropped": each.dropped,
                "false_alarms": each.false_alarms,
                "confirmed_kept": each.confirmed,
                "unmarked_dropped": each.unmarked_dropped,
                "unmarked": each.unmarked,
                "section": "motion" if each.candidate.only_at is None else "camera",
                "only_at_sensitivity": each.candidate.only_at,
                "settings": yaml_of(each),
            }
            for each in advice.proposals
        ],
    }


def _event(found: Comparison, each: Found) -> dict[str, object]:
    return {
        "id": each.event or None,
        "verdict": found.verdicts.get(each.event),
        "started_utc": utc_text(each.started_utc),
        "ended_utc": utc_text(each.last_utc),
    }


def _counts(found: Comparison, events: Sequence[Found]) -> dict[str, int]:
    return {
        "events": len(events),
        "confirmed": len(found.having(events, "confirmed")),
        "false_alarms": len(found.having(events, "false_alarm")),
    }


def _judged(found: Comparison, events: Sequence[Found]) -> str:
    false, confirmed = (
        len(found.having(events, verdict)) for verdict in ("false_alarm", "confirmed")
    )
    text = _events(len(events))
    if not found.verdicts:
        return text
    rest = len(events) - false - confirmed
    alarms = format_count(false, "false alarm")
    return f"{text} ({alarms}, {confirmed} confirmed, {rest} not judged)"


def _events(count: int) -> str:
    return format_count(count, "event")
