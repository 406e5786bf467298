"""Other settings on segments, a slice at a time: as on the whole, and each event counted once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.base import schema
from edge.base.errors import ConfigError
from edge.trace import changes, segment, trial
from edge.trace.lines import Line
from edge.trace.tape import Change
from edge.trace.trial import Slice, Tally
from tests.edge.trace import made
from tests.edge.trace.test_replay import band, event, marked, walker_and_branch, week

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
LOWER_MASKED = {"masks": [schema.dump(band(0.6, 0.9))]}


def segments(folder: Path, *parts: Sequence[Line]) -> list[tuple[Path, int]]:
    """A file for each part, oldest first."""
    found = []
    for number, lines in enumerate(parts, 1):
        path = folder / f"{number:08}-aaaaaaaa.trace"
        data = segment.encode(made.head(), lines)
        path.write_bytes(data)
        found.append((path, len(data)))
    return found


def tried(
    files: list[tuple[Path, int]], change: Change, since_utc: datetime = LONG_AGO,
    confirmed: Sequence[str] = (),
) -> tuple[list[Slice], Tally]:  # fmt: skip
    """Each slice, and all together."""
    found = list(trial.slices(files, "gate", change, since_utc, confirmed))
    tally = Tally()
    for each in found:
        tally.add(each)
    return found, tally


def test_a_mask_is_tried_on_all_segments(tmp_path: Path) -> None:
    """What lies in it is gone, the rest is kept; where it moved is told."""
    _, tally = tried(segments(tmp_path, week()), changes.to(LOWER_MASKED))
    gone = {name for name, outcome in tally.outcomes.items() if outcome == "gone"}
    kept = {name for name, outcome in tally.outcomes.items() if outcome == "kept"}
    assert gone == {event(n) for n in (0, 2, 4, 6)} and kept == {event(n) for n in (1, 3, 5)}
    left, top, width, height = tally.boxes[event(0)]
    assert left < 0.1 and 0.6 < top < top + height < 0.9 and width > 0.2
    assert not tally.new


def test_an_event_across_two_slices_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By either's answer; the second half of it is not taken for something new."""
    monkeypatch.setattr(trial, "FIRST_SLICE_BYTES", 1)
    lines = marked(1, made.crossing(60.0, seconds=9))
    half = len(lines) // 3
    files = segments(tmp_path, lines[:half], lines[half:])
    found, tally = tried(files, lambda ran: ran)
    assert len(found) == 2 and [len(each.judged) for each in found] == [1, 1]
    assert tally.outcomes == {event(1): "kept"} and not tally.new


def test_who_was_confirmed_is_kept_by_nothing_that_only_ends_with_them(tmp_path: Path) -> None:
    """An event that nobody judged is kept by whatever moves while it lasts."""
    files = segments(tmp_path, marked(1, walker_and_branch()))
    change = changes.to({"sensitivity": 3})
    _, tally = tried(files, change, confirmed=[event(1)])
    assert tally.outcomes == {event(1): "gone"}
    assert tried(files, change)[1].outcomes == {event(1): "kept"}


def test_a_confirmed_event_across_two_slices_is_judged_where_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of its second half does not keep it, and is nothing new either."""
    monkeypatch.setattr(trial, "FIRST_SLICE_BYTES", 1)
    lines = marked(1, walker_and_branch())
    half = len(lines) // 2
    files = segments(tmp_path, lines[:half], lines[half:])
    found, tally = tried(files, changes.to({"sensitivity": 3}), confirmed=[event(1)])
    assert [len(each.judged) for each in found] == [0, 1]
    assert tally.outcomes == {event(1): "gone"} and not tally.new
    assert tried(files, lambda ran: ran, confirmed=[event(1)])[1].outcomes == {event(1): "kept"}


def test_slices_come_newest_first_and_end_at_the_time_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is older is not even read."""
    monkeypatch.setattr(trial, "FIRST_SLICE_BYTES", 1)
    monkeypatch.setattr(trial, "SLICE_BYTES", 1)
    parts = [marked(n, made.crossing(1000.0 * n)) for n in (1, 2, 3)]
    files = segments(tmp_path, *parts)
    files[0][0].write_bytes(b"not even looked at")
    at = made.head().at(1500 * 10**9)
    found, tally = tried(files, lambda ran: ran, at)
    assert set(tally.outcomes) == {event(2), event(3)}
    assert found[0].since_utc > found[1].since_utc and tally.until_utc is not None
    assert tally.until_utc - at < timedelta(hours=1)


def test_what_the_settings_that_ran_do_not_show_either_is_unsure(tmp_path: Path) -> None:
    """The trace has the node's word for an event and nothing that moved."""
    lines = marked(1, made.still(60.0, 4.0))
    _, tally = tried(segments(tmp_path, lines), changes.to({"sensitivity": 3}))
    assert tally.outcomes == {event(1): "unsure"}


def test_what_would_be_new_is_told_with_its_time(tmp_path: Path) -> None:
    """Somebody whom the settings that ran did not see."""
    lines = [*week(), *made.crossing(600.0, upto=7), *made.still(604.1, 8.0)]
    _, tally = tried(segments(tmp_path, lines), changes.to({"sensitivity": 7}))
    assert tally.new == [made.head().at(600 * 10**9)]


def test_a_section_is_tried_as_far_as_a_trace_can_tell() -> None:
    """What decides which pictures are looked at stays; what is left out has its default."""
    change = changes.to({"sensitivity": 3, "analysis_fps": 1.0})
    after = change(dataclasses.replace(made.head().motion, analysis_fps=5.0, quiet_s=9.0))
    assert (after.sensitivity, after.analysis_fps, after.quiet_s) == (3, 5.0, 5.0)
    with pytest.raises(ConfigError, match=r"motion\.sensitivity"):
        changes.to({"sensitivity": 99})
