"""The day's timeline and what happened around an event, on the command line."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest

from hub.archive import SqliteArchive
from hub.archive.values import EventFilter
from hub.cli.main import main
from tests.hub.archive.conformance import batch
from tests.hub.journals import START_UTC, Journal

DAY = START_UTC.date().isoformat()
MINUTES = (0, 10, 61, 62, 300)  # after START_UTC


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A settings file whose archive has events of one node at MINUTES, of its yard at the second
    of them and of its door else, and one of another node."""
    path = tmp_path / "hub.yaml"
    path.write_text(f"state_dir: {tmp_path / 'state'}\ntime_zone: UTC\n")
    (tmp_path / "state").mkdir()
    archive = SqliteArchive(tmp_path / "state" / "archive.sqlite")
    journal = Journal("gate-1")
    for minutes in MINUTES:
        journal.now_utc = START_UTC + timedelta(minutes=minutes)
        camera = "yard" if minutes == MINUTES[-4] else "door"
        archive.write(batch(journal.event(camera=camera)))
    archive.write(batch(Journal("gate-2", start_utc=START_UTC).event()))
    archive.close()
    return path


def run(config: Path, *arguments: str) -> int:
    """One command in this process."""
    return main(["--config", str(config), *arguments])


def span(hours: int = 6) -> list[str]:
    """From START_UTC on."""
    until = START_UTC + timedelta(hours=hours)
    return ["--since", START_UTC.isoformat(), "--until", until.isoformat()]


def test_a_timeline_counts_events_by_pieces_and_draws_them(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under the same filters as a query; pieces without events are lines too."""
    assert run(config, "timeline", "--node", "gate-1", *span()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines] == ["2", "2", "0", "0", "0", "1"]
    assert len(lines[0].split()[3]) == 2 * len(lines[5].split()[3])
    assert run(config, "timeline", *span(2), "--bucket", "30m", "--json") == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["events"] for each in objects] == [3, 0, 2, 0]
    assert run(config, "timeline", *span(), "--csv") == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == ["since_utc", "events"]
    assert sum(int(row[1]) for row in rows[1:]) == len(MINUTES) + 1


def test_pieces_of_a_timeline_begin_at_the_edges_of_the_clock(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first and the last are cut to the time that was asked for, and count no more than it."""
    begun, ended = START_UTC + timedelta(minutes=5), START_UTC + timedelta(minutes=100)
    asked = ("--since", begun.isoformat(), "--until", ended.isoformat(), "--node", "gate-1")
    assert run(config, "timeline", *asked) == 0
    lines = capsys.readouterr().out.splitlines()
    clock = [line.split()[1][:8] for line in lines]
    assert clock == [f"{begun:%H:%M:%S}", f"{begun + timedelta(hours=1):%H}:00:00"]
    assert [line.split()[2] for line in lines] == ["1", "2"]
    assert run(config, "timeline", *asked, "--bucket", "30m", "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["since_utc"][14:19] for row in rows] == ["05:00", "30:00", "00:00", "30:00"]
    assert [row["events"] for row in rows] == [1, 0, 2, 0]


def test_a_timeline_says_what_it_cannot_draw(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing found, too many pieces, and times the wrong way round."""
    assert run(config, "timeline", "--kind", "tampered", *span()) == 1
    assert "no event fits" in capsys.readouterr().err
    assert run(config, "timeline", *span(), "--bucket", "1s") == 2
    assert "--bucket: 21600 pieces are more than 5000" in capsys.readouterr().err
    assert run(config, "timeline", "--since", "today", "--until", "2020-01-01") == 2
    assert "--until: it is not later than since" in capsys.readouterr().err


def test_near_lists_an_event_between_its_neighbours(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of its node's other cameras, newest first, as far around it as is asked for."""
    archive = SqliteArchive(config.parent / "state" / "archive.sqlite")
    events = archive.events(EventFilter(node="gate-1"), limit=9, before=None)
    (alone,) = archive.events(EventFilter(node="gate-2"), limit=9, before=None)
    archive.close()
    newest_first = [event.id for event in events]
    assert run(config, "near", newest_first[3], "--within", "2h", "--json") == 0
    found = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
    assert found == newest_first[1:]
    assert run(config, "near", newest_first[3], "--within", "2h", "--limit", "1", "--json") == 0
    found = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
    assert found == newest_first[2:]
    assert run(config, "near", alone.id) == 1
    assert "nothing else within 10m00s in node gate-2" in capsys.readouterr().err
