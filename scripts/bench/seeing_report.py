"""Tables for a person, CSV for a program."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scripts.bench.seeing_contest import ALL, Outcome
from scripts.bench.seeing_footage import Known
from scripts.bench.seeing_score import Judged, JudgedEvent, Tally, judge, percentile

HEADER = (
    f"{'':16} {'setting':>8} {'recall':>12} {'hard':>6} {'events':>6} {'false':>5} {'over':>4} "
    f"{'FA/h':>6} {'prec.':>5} {'F1':>5} {'on':>6} {'seen':>5} "
    f"{'onset p50':>9} {'p95':>6} {'told p50':>8} {'p95':>6}"
)
LEGEND = """\
recall: required visits met; hard: those met that need not be. events: all, false: where nobody is,
over: static stretches of more than 10 s that true events run through; FA/h: both, an hour of static
time. on: part of static time covered by events; seen: part of the visits' time. onset: start of the
event after the visit's, told: when it was known, both in seconds of the recording."""
RECORDING_FIELDS = (
    "recording", "scene", "conditions", "contestant", "setting", "required", "met", "recall",
    "optional", "optional_met", "true", "false", "overruns", "not_scored", "precision", "f1",
    "static_s", "false_alarms_per_h", "time_on", "visited_s", "time_seen", "onset_p50_s",
    "onset_p95_s", "told_p50_s", "told_p95_s", "note",
)  # fmt: skip
EVENT_FIELDS = (
    "recording", "contestant", "setting", "what", "first_s", "last_s", "told_s", "onset_s",
    "told_after_s", "kind", "box_s", "box",
)  # fmt: skip

Judgements = Mapping[tuple[str, str, float], Judged]
"""By recording, contestant and setting."""


def judge_all(recordings: Sequence[Known], outcomes: Iterable[Outcome]) -> Judgements:
    """Every outcome against its recording's labels."""
    by_name = {each.name: each for each in recordings}
    return {
        (each.recording, each.contestant, each.setting): judge(by_name[each.recording], each.found)
        for each in outcomes
    }


def tally(
    recordings: Iterable[Known], judgements: Judgements, contestant: str, setting: float
) -> Tally:
    """One contestant's sums over some recordings."""
    sums = Tally()
    for each in recordings:
        sums.add(each, judgements[each.name, contestant, setting])
    return sums


def line(name: str, setting: float, sums: Tally) -> str:
    """One line under HEADER."""
    onset, told = sums.onsets_s, sums.tellings_s
    return (
        f"{name:16} {setting:8g} {_share(sums.recall):>5} {f'{sums.met}/{sums.required}':>6} "
        f"{f'{sums.optional_met}/{sums.optional}':>6} "
        f"{sums.true + sums.false + sums.not_scored:6} {sums.false:5} {sums.overruns:4} "
        f"{_number(sums.alarms_per_h, 1):>6} {_number(sums.precision, 2):>5} "
        f"{_number(sums.f1, 3):>5} {_share(sums.time_on, 1):>6} {_share(sums.time_seen):>5} "
        f"{_number(percentile(onset, 0.5), 2):>9} {_number(percentile(onset, 0.95), 2):>6} "
        f"{_number(percentile(told, 0.5), 2):>8} {_number(percentile(told, 0.95), 2):>6}"
    )


def print_tables(
    recordings: Sequence[Known], judgements: Judgements, wanted: Sequence[tuple[str, float]]
) -> None:
    """All recordings together, then each condition."""
    conditions = dict.fromkeys(each for known in recordings for each in known.conditions)
    for title in ("all recordings", *sorted(conditions)):
        chosen = [
            each for each in recordings if title in each.conditions or title not in conditions
        ]
        static_s = sum(each.length_s for known in chosen for each in known.static)
        print(f"\n{title}: {len(chosen)} recordings, {sum(each.length_s for each in chosen):.0f} s,"
              f" of which {static_s:.0f} s static\n{HEADER}")  # fmt: skip
        for name, setting in wanted:
            print(line(name, setting, tally(chosen, judgements, name, setting)))
    print(f"\n{LEGEND}")


def write_recordings(
    path: Path, recordings: Sequence[Known], judgements: Judgements, notes: Mapping[str, str]
) -> None:
    """One line for each recording, contestant and setting. `notes` by recording, of the product."""
    by_name = {each.name: each for each in recordings}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(RECORDING_FIELDS)
        for (name, contestant, setting), judged in judgements.items():
            known, sums = by_name[name], Tally()
            sums.add(known, judged)
            writer.writerow([
                name, known.scene, "; ".join(known.conditions), contestant, setting, sums.required,
                sums.met, _cell(sums.recall), sums.optional, sums.optional_met, sums.true,
                sums.false, sums.overruns, sums.not_scored, _cell(sums.precision), _cell(sums.f1),
                _cell(sums.static_s), _cell(sums.alarms_per_h), _cell(sums.time_on),
                _cell(sums.visited_s), _cell(sums.time_seen),
                *(_cell(percentile(values, share)) for values in (sums.onsets_s, sums.tellings_s)
                  for share in (0.5, 0.95)),
                notes.get(f"{name} {contestant} {setting:g}", ""),
            ])  # fmt: skip


def write_events(path: Path, recordings: Sequence[Known], judgements: Judgements) -> None:
    """One line for each event, and one for each visit that no event met."""
    by_name = {each.name: each for each in recordings}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(EVENT_FIELDS)
        for (name, contestant, setting), judged in judgements.items():
            head = [name, contestant, setting]
            for event in judged.events:
                writer.writerow([*head, *_event_cells(by_name[name], judged, event)])
            for visit in judged.visits:
                if visit.found is None:
                    what = "missed" if visit.visit.is_required else "missed, not required"
                    span, kind = visit.visit.span, visit.visit.kind
                    cells = [what, _cell(span.first_s), _cell(span.last_s), "", "", "", kind]
                    writer.writerow([*head, *cells, "", ""])


def _event_cells(known: Known, judged: Judged, event: JudgedEvent) -> list[str]:
    found = event.found
    onset = next((each for each in judged.visits if each.found == found), None)
    kinds = [each.visit.kind for each in judged.visits if each.found == found and each.visit.kind]
    kinds += [kind for kind, span in known.nuisances if span.meets(found.span)]
    what = event.verdict + (f", overruns {len(event.overruns)} times" if event.overruns else "")
    box = " ".join(f"{each:.3f}" for each in found.box) if found.box else ""
    return [
        what, _cell(found.span.first_s), _cell(found.span.last_s), _cell(found.told_s),
        _cell(onset.onset_s if onset else None), _cell(onset.told_s if onset else None),
        "; ".join(dict.fromkeys(kinds)), _cell(found.box_s) if box else "", box,
    ]  # fmt: skip


def natural(name: str) -> str:
    """A contestant's name with that of its setting."""
    return f"{name} ({ALL[name].setting})"


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")


def _number(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _share(value: float | None, places: int = 0) -> str:
    return "-" if value is None else f"{value:.{places}%}"
