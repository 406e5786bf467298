"""The commands that tell of what is not there, over an archive on disk."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest

from edge.contract.record import JournalGap, Span
from hub.archive import SqliteArchive
from hub.archive.registry_values import Area, Place
from hub.archive.values import Batch, CameraKey
from hub.cli.main import main
from hub.registry import edit
from tests.hub.archive.absence_conformance import drop
from tests.hub.archive.conformance import batch
from tests.hub.cli.hubs import new_hub
from tests.hub.journals import START_UTC, Journal

SPANS = [Span(0, 120_000, "watched"), Span(120_000, 180_000, "blind", "stream_lost", "no answer")]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A hub in Vietnam whose archive has gaps, a lost clip, alarms, and a camera's accounts."""
    path, archive = new_hub(tmp_path, "Asia/Ho_Chi_Minh")
    journal = Journal()
    lines = [journal.booted() for _ in range(3)]
    lines += journal.event(clip=b"clip")
    lines.append(drop(journal, lines[3:], b"clip"))
    lines.append(journal.add(JournalGap("e" * 16, 4, "corrupt", 7, "page 3"), camera=None))
    lines.append(journal.account(START_UTC, START_UTC + timedelta(minutes=3), SPANS))
    archive.write(batch([lines[0], *lines[2:]]))
    archive.write(Batch(counts={("alarm.chain", "gate-1"): 2, ("refused.schema", "gate-1"): 1}))
    dark = Journal("gate-2")
    dark.reboot("c" * 32, clock="unsynced", wrong_by=timedelta(days=-20000))
    archive.write(batch(dark.event()))
    early = Journal("gate-3")
    early.reboot("d" * 32, clock="unsynced", wrong_by=timedelta(days=-20000))
    archive.write(batch([*early.event(), early.sync()]))
    archive.close()
    return path


def run(config: Path, *arguments: str) -> int:
    """One command in this process."""
    return main(["--config", str(config), *arguments])


def test_gaps_lists_missing_and_lost_and_alarms(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is asked for, what will never come and why, and what was refused."""
    assert run(config, "gaps") == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["node", "state", "what", "count", "cause", "noticed", "where"]
    assert lines[0].startswith("gate-1  missing  record 2")
    assert "asked for" in lines[0]
    assert "lost" in lines[1] and "records 4-7" in lines[1] and "corrupt" in lines[1]
    assert "page 3" in lines[1] and "chain not verified here" in lines[1]
    assert "clip 0, 4 B" in lines[2] and "quota" in lines[2]
    assert lines[3] == "gate-1: ALARM: chain (2)"


def test_gaps_are_the_same_as_json_and_csv(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For programs and for spreadsheets."""
    assert run(config, "gaps", "--json", "--node", "gate-1") == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = [(each["kind"], each["state"], each["count"]) for each in objects]
    assert kinds == [
        ("records", "missing", 1), ("records", "lost", 4), ("clip", "lost", 1),
        ("alarm", "alarm", 2),
    ]  # fmt: skip
    assert objects[1]["is_chain_verified"] is False
    assert run(config, "gaps", "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["kind"], row["state"]) for row in rows] == [kind[:2] for kind in kinds]


def test_no_gap_is_said_and_is_status_1(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, so that programs read an empty list."""
    assert run(config, "gaps", "--node", "gate-2") == 1
    captured = capsys.readouterr()
    assert (captured.out, "nothing is missing" in captured.err) == ("", True)
    assert run(config, "gaps", "--since", "soon") == 2


def test_nodes_counts_what_is_missing_and_lost(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the table, among the problems, and as JSON."""
    assert run(config, "nodes") == 0
    text = capsys.readouterr().out
    assert "4 records, 1 file" in text
    assert "gate-1: 1 record is missing" in text
    assert run(config, "nodes", "--json") == 0
    node = json.loads(capsys.readouterr().out.splitlines()[0])
    found = (node["missing_records"], node["lost_records"], node["lost_files"])
    assert found == (1, 4, 1)
    assert node["journals"][0]["missing"] == 1


def test_a_lost_clip_is_said_wherever_it_is_asked_for(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By query, by show, and by clip, with the cause."""
    assert run(config, "query", "--node", "gate-1") == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert "0/1 lost" in line
    event = line.split()[-1]
    assert run(config, "show", event) == 0
    assert "lost on the node: quota" in capsys.readouterr().out
    assert run(config, "show", event, "--json") == 0
    (clip,) = json.loads(capsys.readouterr().out)["clips"]
    assert (clip["state"], clip["lost_cause"]) == ("lost", "quota")
    assert run(config, "clip", event, "-o", str(tmp_path / "x")) == 1
    assert "is lost: its node said quota" in capsys.readouterr().err


def test_show_tells_both_times_of_a_clock_that_was_not_set(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is known best, what the node claimed, and between which times where nobody can tell."""
    assert run(config, "query", "--json") == 0
    events = {each["node"]: each for each in map(json.loads, capsys.readouterr().out.splitlines())}
    corrected, bounded = events["gate-3"], events["gate-2"]
    assert (corrected["is_corrected"], corrected["clock"]) == (True, "unsynced")
    assert corrected["started_utc"] == "2026-03-01T12:00:00.000Z"
    assert corrected["started_claimed_utc"].startswith("1971-")
    assert run(config, "show", corrected["id"]) == 0
    text = capsys.readouterr().out
    assert "2026-03-01 19:00:00+07:00, corrected, within" in text
    assert "1971-" in text and "clock unsynced" in text
    assert bounded["latest_utc"] is not None and bounded["is_corrected"] is False
    assert run(config, "show", bounded["id"]) == 0
    assert "between - and 2026-03-01 18:59:" in capsys.readouterr().out
    assert run(config, "query", "--node", "gate-2") == 0
    assert "<= 2026-03-01" in capsys.readouterr().out


DAY = ("--since", "2026-03-01 19:00", "--until", "2026-03-01 19:05")


def test_coverage_tells_percent_and_causes(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And lists what was not watched; unheard time is unknown."""
    assert run(config, "coverage", "--camera", "door", *DAY) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:7] == ["gate-1", "door", "40.0", "%", "5", "1", "2"]
    told = "the node has not told yet 2m00s, the camera sends nothing 1m00s"
    assert lines[1].endswith(told)
    assert lines[3] == "gate-1, door: not watched, or not wholly"
    assert "1m00s   not watched  the camera sends nothing: no answer" in lines[5]
    assert "2m00s   not known    the node has not told yet" in lines[6]


def test_coverage_is_the_same_as_json_and_csv(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Times in UTC, durations in milliseconds."""
    assert run(config, "coverage", "--json", *DAY) == 0
    (answer,) = map(json.loads, capsys.readouterr().out.splitlines())
    found = [answer[f"{each}_minutes"] for each in ("watched", "blind", "unknown")]
    assert (answer["percent"], answer["minutes"], found) == (40.0, 5, [2, 1, 2])
    assert answer["causes"] == {"not_heard": 120.0, "stream_lost": 60.0}
    assert [each["state"] for each in answer["stretches"]] == ["blind", "unknown"]
    assert run(config, "coverage", "--csv", *DAY) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["state"] for row in rows] == ["watched", "blind", "unknown"]
    assert rows[1]["from_utc"] == "2026-03-01T12:02:00.000Z"


@pytest.mark.parametrize(
    ("by", "since", "until", "counts"),
    [
        ("minute", "2026-03-01 19:00", "2026-03-01 19:04", [(1, 1), (1, 1), (1, 0), (1, 0)]),
        ("hour", "2026-03-01 18:30", "2026-03-01 20:30", [(30, 0), (60, 2), (30, 0)]),
        ("day", "2026-02-28 12:00", "2026-03-01", [(720, 0), (1440, 2)]),
    ],
)
def test_coverage_by_minute_hour_or_day(
    config: Path,
    capsys: pytest.CaptureFixture[str],
    by: str,
    since: str,
    until: str,
    counts: list[tuple[int, int]],
) -> None:
    """Hours and days are those of the hub's zone."""
    where = ("--by", by, "--since", since, "--until", until)
    assert run(config, "coverage", "--json", *where) == 0
    (answer,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert [(row["minutes"], row["watched_minutes"]) for row in answer["rows"]] == counts
    assert run(config, "coverage", "--csv", *where) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(counts)
    assert run(config, "coverage", *where) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(counts)


def test_coverage_of_no_camera_is_status_1_and_of_no_time_is_status_2(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with its reason."""
    assert run(config, "coverage", "--camera", "roof") == 1
    assert "there is no camera roof; there is door" in capsys.readouterr().err
    assert run(config, "coverage", "--camera", "door", "--node", "gate-9") == 1
    assert run(config, "coverage", "--since", "now") == 2
    assert run(config, "coverage", "--since", "soon") == 2
    assert "--since" in capsys.readouterr().err


def test_coverage_of_an_area_is_that_of_the_cameras_there_now(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also of those below it; of an area that is none, and of one without cameras, it says so."""
    archive = SqliteArchive(config.parent / "state" / "archive.sqlite")
    edit.change(archive, lambda before: edit.put_area(before, Area("dong", "town", "Đông")))
    edit.change(archive, lambda before: edit.put_area(before, Area("tay", "town", "Tây")))
    group = Area("to-5", "group", "Tổ 5", "dong")
    edit.change(archive, lambda before: edit.put_area(before, group))
    door, place = CameraKey("gate-1", "door"), Place(area="to-5")
    edit.change(archive, lambda before: edit.place_camera(before, door, place))
    archive.close()
    for area in ("dong", "to-5"):
        assert run(config, "coverage", "--json", "--area", area, *DAY) == 0
        (answer,) = map(json.loads, capsys.readouterr().out.splitlines())
        assert (answer["node"], answer["camera"]) == ("gate-1", "door")
    assert run(config, "coverage", "--area", "tay", *DAY) == 1
    assert "no such camera is there now" in capsys.readouterr().err
    assert run(config, "coverage", "--area", "dongg", *DAY) == 1
    assert "there is no area dongg; dong?" in capsys.readouterr().err
