"""The commands as a shell user meets them, over an archive on disk."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge.base.clock import SystemClock
from edge.contract import health
from edge.contract.health import Health, OutboxHealth
from edge.contract.parts import ClockStamp, Track
from edge.contract.status import Status
from hub.archive import SqliteArchive
from hub.archive.values import Batch, EventFilter, HealthNote, StatusNote
from hub.cli.main import main
from hub.cli.render import CSV_COLUMNS, EventPrinter
from hub.clipstore import FileClipStore
from tests.hub.archive.conformance import batch
from tests.hub.cli.hubs import new_hub
from tests.hub.journals import BOOT, START_UTC, Journal

ROOT = Path(__file__).parents[3]
TRACK = Track("left", "inside", "right", ((0.0, 0.5), (0.5, 0.625)), ("lawn", "path"), 0, 4200)
CLIPS = (b"first part" * 100, b"last part" * 100)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A settings file whose archive has three events, the oldest with clips."""
    path, archive = new_hub(tmp_path, "Asia/Ho_Chi_Minh")
    one, two = Journal("gate-1"), Journal("gate-2", start_utc=START_UTC + timedelta(hours=1))
    oldest_lines = one.event(
        clip=CLIPS[1], more_parts=CLIPS[:1], zones=("lawn", "path"), tracks=(TRACK,)
    )
    labels = one.labels(oldest_lines[0], person=0.875, dog=0.5)
    archive.write(batch([*oldest_lines, labels]))
    archive.write(batch(two.event(zones=(), duration_ms=65_000)))
    archive.write(batch(two.event()[:1]))
    store = FileClipStore(tmp_path / "state" / "clips", suffix=".mp4")
    (oldest,) = archive.events(EventFilter(node="gate-1"), limit=1, before=None)
    for clip, content in zip(archive.clips_of(oldest), CLIPS, strict=True):
        store.keep(content, clip.sha256)
        archive.clip_stored(clip, START_UTC)
    status = Status(1, "online", BOOT, "0.1.0", one.epoch, one.key.public.text, ("door",))
    archive.write(
        Batch(
            statuses=(StatusNote("gate-1", status, START_UTC),),
            counts={("alarm.chain", "gate-1"): 2, ("refused.schema", "gate-1"): 1},
        )
    )
    archive.close()
    return path


def run(config: Path, *arguments: str) -> int:
    """One command in this process."""
    return main(["--config", str(config), *arguments])


def test_query_prints_a_table_newest_first(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the hub's zone, with what an operator wants to see at a glance."""
    assert run(config, "query") == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == [
        "started", "duration", "node", "camera", "kind", "labels", "zones", "clips",
        "state", "mark", "id",
    ]  # fmt: skip
    assert [line.split()[3] for line in lines] == ["gate-2", "gate-2", "gate-1"]
    assert lines[2].startswith("2026-03-01 19:00:00+07:00  4.2s")
    assert "lawn,path" in lines[2] and "2/2" in lines[2]
    assert " - " in lines[0] and " open " in lines[0]
    assert "1m05s" in lines[1]


def test_query_prints_json_lines_and_csv(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs and for spreadsheets, with the same content."""
    assert run(config, "query", "--json") == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert run(config, "query", "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["id"] for row in rows] == [each["id"] for each in objects]
    assert rows[2]["zones"] == "lawn path"
    assert rows[2]["labels"] == "person dog"
    assert [each["label"] for each in objects[2]["labels"]] == ["person", "dog"]
    assert objects[0]["labels"] is None
    assert objects[2]["started_utc"] == "2026-03-01T12:00:00.000Z"
    assert objects[0]["duration_ms"] is None


def test_query_pages_by_key(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The key of the last line leads to the next page, until there is none."""
    seen: list[str] = []
    more: list[str] = []
    while True:
        assert run(config, "query", "--json", "--limit", "1", *more) == 0
        captured = capsys.readouterr()
        seen.append(json.loads(captured.out)["id"])
        if "more with --before" not in captured.err:
            break
        more = ["--before", captured.err.split()[-1]]
    assert len(set(seen)) == len(seen) == 3


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (["--node", "gate-2"], 2),
        (["--zone", "lawn"], 1),
        (["--label", "dog"], 1),
        (["--label", "dog", "--zone", "lawn"], 1),
        (["--min-duration", "1m"], 1),
        (["--since", "2026-03-01 19:30"], 2),
        (["--until", "2026-03-01 19:30"], 1),
        (["--since", "2026-03-01", "--until", "2026-03-01", "--camera", "door"], 3),
    ],
)
def test_query_filters(
    config: Path, capsys: pytest.CaptureFixture[str], filters: list[str], count: int
) -> None:
    """Times are those of the hub's zone."""
    assert run(config, "query", "--json", *filters) == 0
    assert len(capsys.readouterr().out.splitlines()) == count


def test_nothing_found_is_said_and_is_status_1(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, so that programs read an empty list."""
    assert run(config, "query", "--since", "1s") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no event fits" in captured.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["query", "--since", "soon"],
        ["query", "--limit", "0"],
        ["query", "--before", "x"],
        ["query", "--json", "--csv"],
        ["query", "--min-duration", "long"],
        ["query", "--state", "bogus"],
        ["mark", "0123", "maybe"],
        ["mark", "0123"],
        ["note", "0123"],
        ["show", "../x"],
        ["clip", "0123", "-o"],
        ["frobnicate"],
        [],
    ],
)
def test_wrong_usage_is_status_2(config: Path, arguments: list[str]) -> None:
    """As everywhere."""
    try:
        status = run(config, *arguments)
    except SystemExit as err:
        status = int(str(err.code))
    assert status == 2


def test_wrong_settings_are_status_78(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With every problem on its own line."""
    path = tmp_path / "hub.yaml"
    path.write_text("state_dri: x\nhttp: {port: 0}\n")
    assert run(path, "query") == 78
    assert len(capsys.readouterr().err.splitlines()) == 1 + 2
    assert run(tmp_path / "absent.yaml", "nodes") == 78


def test_show_tells_all_of_an_event(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the beginning of its id: facts, clips, records; and as JSON with the signed bytes."""
    run(config, "query", "--json", "--node", "gate-1")
    event = json.loads(capsys.readouterr().out)["id"]
    assert run(config, "show", event[:-3]) == 0
    text = capsys.readouterr().out
    for part in (
        event,
        "gate-1, door",
        "lawn, path",
        "stored and verified",
        "event.ended",
        "person 0.88, dog 0.50",
    ):
        assert part in text
    assert (
        "from the left, going right, last seen within the picture; lawn > path; 0.0 to 4.2 s"
        in text
    )
    assert run(config, "show", event, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [clip["part"] for clip in document["clips"]] == [0, 1]
    (track,) = document["tracks"]
    assert (track["entry"], track["path"]) == ("left", [[0.0, 0.5], [0.5, 0.625]])
    for each in document["records"]:
        assert hashlib.sha256(each["payload"].encode()).hexdigest() == each["sha256"]


def test_an_id_must_name_one_event(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """None and several are both status 1, each with its own words."""
    assert run(config, "show", "ffff") == 1
    assert "no event ffff" in capsys.readouterr().err
    assert run(config, "show", "019c") == 1
    assert "several events begin with 019c" in capsys.readouterr().err


def test_clip_copies_the_verified_bytes(
    config: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """To a file or to standard output; other parts by number."""
    event = _oldest(config)
    target = tmp_path / "out.mp4"
    assert run(config, "clip", event, "-o", str(target)) == 0
    assert target.read_bytes() == CLIPS[0]
    assert b"part 0 of 2" in capfdbinary.readouterr().err
    result = _process(config, "clip", event, "--part", "1", "-o", "-")
    assert (result.returncode, result.stdout) == (0, CLIPS[1])
    assert run(config, "clip", event, "--part", "2", "-o", str(target)) == 1


def test_a_clip_that_changed_on_disk_is_not_given_out(config: Path, tmp_path: Path) -> None:
    """Status 1, no file, nothing on standard output."""
    event = _oldest(config)
    for path in (tmp_path / "state" / "clips").rglob("*.mp4"):
        path.write_bytes(b"x" + path.read_bytes()[1:])
    target = tmp_path / "out.mp4"
    result = _process(config, "clip", event, "-o", str(target))
    assert (result.returncode, target.exists()) == (1, False)
    assert b"SHA-256" in result.stderr
    assert _process(config, "clip", event, "-o", "-").stdout == b""


def test_nodes_shows_who_is_there_and_what_is_wrong(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alarms stand out; JSON has the same."""
    assert run(config, "nodes") == 0
    text = capsys.readouterr().out
    assert "online" in text and "2026-03-01 19:00:00+07:00" in text
    assert "gate-1: ALARM: chain (2)" in text
    assert "gate-1: 1 message refused: schema" in text
    assert run(config, "nodes", "--json") == 0
    one, two = map(json.loads, capsys.readouterr().out.splitlines())
    assert (one["state"], two["state"]) == ("online", "never seen")
    assert one["journals"][0]["upto"] == 4


def test_a_node_s_health_is_told_over_time(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for ten minutes of the day, for an hour of months; JSON has the numbers."""
    now_utc = SystemClock().utc()
    archive = SqliteArchive(config.parent / "state" / "archive.sqlite")
    for minutes in (3 * 1440, 60, 30):
        moment = now_utc - timedelta(minutes=minutes)
        stamp = ClockStamp("synced", BOOT, 1, 5)
        outbox = OutboxHealth(7, 0, 1, 2_000_000, 0.0)
        report = Health(1, moment, stamp, 1.0, 12.5, 2**20, 2**30, 1, (), outbox)
        archive.write(Batch(healths=(HealthNote("gate-1", health.encode(report), moment),)))
    archive.close()
    assert run(config, "nodes", "gate-1") == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert "clock error" in heading and len(lines) == 2
    assert "5 ms" in lines[0] and "1.0 GiB" in lines[0]
    for over, counts in (("week", {3}), ("months", {2, 3})):  # two may be of the same hour
        assert run(config, "nodes", "gate-1", "--over", over, "--json") == 0
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert len(found) in counts
        assert {each["waiting_records"] for each in found} == {7}
    assert run(config, "nodes", "gate-9") == 1
    assert run(config, "nodes", "--over", "day") == 2
    assert "name of a node" in capsys.readouterr().err


def test_an_archive_that_is_not_there_is_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the remedy."""
    path = tmp_path / "hub.yaml"
    path.write_text(f"state_dir: {tmp_path}\n")
    assert run(path, "query") == 1
    assert "start the hub once" in capsys.readouterr().err


def test_a_reader_that_has_had_enough_is_no_error(config: Path) -> None:
    """`camwatch-hub query | head -1` prints one line and nothing else."""
    archive = SqliteArchive(config.parent / "state" / "archive.sqlite")
    journal = Journal("gate-3")
    for _ in range(300):
        archive.write(batch(journal.event()))
    archive.close()
    command = f"'{sys.executable}' -m hub.cli --config '{config}' query --json --limit 1000"
    result = subprocess.run(
        ["sh", "-c", f"{command} | head -1; echo done"], cwd=ROOT, capture_output=True, check=True
    )
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr == b""


def test_follow_prints_what_comes_until_interrupted(config: Path) -> None:
    """First what is there, then each change; the interrupt is quiet."""
    process = subprocess.Popen(
        [*_argv(config), "query", "--json", "--follow", "--node", "gate-4"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    archive = SqliteArchive(config.parent / "state" / "archive.sqlite")
    journal = Journal("gate-4")
    states = []
    for line in journal.event():
        archive.write(batch([line]))
        states.append(json.loads(process.stdout.readline())["state"])
    archive.close()
    assert states == ["open", "ended"]
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert "Traceback" not in process.stderr.read()
    process.stdout.close()
    process.stderr.close()


def test_csv_never_carries_a_formula(config: Path) -> None:
    """A cell that a spreadsheet would run is marked as a text."""
    archive = SqliteArchive(config.parent / "state" / "archive.sqlite", is_read_only=True)
    (event,) = archive.events(EventFilter(node="gate-1"), limit=1, before=None)
    archive.close()
    out = io.StringIO()
    EventPrinter("csv", ZoneInfo("UTC"), out).print([replace(event, fault="=HYPERLINK(1)")])
    row = list(csv.reader(io.StringIO(out.getvalue())))[1]
    assert row[CSV_COLUMNS.index("fault")] == "'=HYPERLINK(1)"


def _oldest(config: Path) -> str:
    archive = SqliteArchive(config.parent / "state" / "archive.sqlite", is_read_only=True)
    (event,) = archive.events(EventFilter(node="gate-1"), limit=1, before=None)
    archive.close()
    return event.id


def _argv(config: Path) -> list[str]:
    return [sys.executable, "-m", "hub.cli", "--config", str(config)]


def _process(config: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*_argv(config), *arguments], cwd=ROOT, capture_output=True, check=False, env=os.environ
    )


def test_a_secret_that_cannot_be_written_makes_no_account(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is shown only once; with the account made, it would be lost."""
    (tmp_path / "state" / "hub.key").unlink(missing_ok=True)
    secret = tmp_path / "nowhere" / "gate-9.secret"
    assert run(config, "node", "add", "gate-9", "--secret-to", str(secret)) == 1
    assert "--secret-to: no file can be written in" in capsys.readouterr().err
    secret.parent.mkdir()
    assert run(config, "node", "add", "gate-9", "--secret-to", str(secret)) == 0
    assert len(secret.read_text().strip()) == 43


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize(
    "arguments", [("node", "add", "gate-9", "--secret-to", "-"), ("key",), ("run",)]
)
def test_root_does_not_write_into_another_users_state(
    arguments: tuple[str, ...], config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The hub itself could not change those files any more."""
    state = tmp_path / "state"
    before = sorted(state.iterdir())
    os.chown(state, 12345, 12345)
    assert run(config, *arguments) == 78
    assert "belongs to #12345, and this is root" in capsys.readouterr().err
    assert sorted(state.iterdir()) == before
