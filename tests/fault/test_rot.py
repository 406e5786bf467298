"""Files that rot on the disk: noticed, never given out as good, nothing more lost than that."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault.archive_files import read_hub
from tests.fault.trial import CAMERA, STILL, Trial, trial
from tests.system import stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("rot")]

PAGE_BYTES = 4096
TRACEBACK = "Traceback"


def flip(path: Path, at: int) -> None:
    """Turn one bit over."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A town with some archived events; node and hub do not run any more."""
    with trial(tmp_path_factory.mktemp("rot")) as made:
        made.node.start_ready()
        made.wait_for_archived(5)
        made.drain()
        yield made


def test_a_clip_that_rots_in_the_hub_is_never_handed_out(filled: Trial, tmp_path: Path) -> None:
    """Wherever the bit flips, `camwatch-hub clip` fails, says why and leaves no file."""
    rng = random.Random(11)
    rows = [row for row in filled.town.query() if row["clips_stored"]]
    files = read_hub(filled.town.hub.state_dir).media("clips", ".mp4")
    by_event = {
        each.body["event"]: files[each.body["clip"]["sha256"]]
        for each in read_hub(filled.town.hub.state_dir).records
        if each.body.get("clip")
    }
    for number, row in enumerate(rows[:4]):
        path = by_event[row["id"]]
        good, at = path.read_bytes(), rng.randrange(path.stat().st_size)
        target = tmp_path / f"{number}.mp4"
        flip(path, at)
        for output in (str(target), "-"):
            part = str(row["parts"] - 1)
            done = filled.town.hub.command("clip", row["id"], "--part", part, "-o", output)
            assert done.returncode != 0, f"byte {at}"
            assert "camwatch-hub:" in done.stderr and TRACEBACK not in done.stderr
        assert not target.exists()
        path.write_bytes(good)
        filled.town.clip(row["id"], row["parts"] - 1, target)
        assert target.read_bytes() == good


def test_a_damaged_archive_is_noticed_and_breaks_no_command(filled: Trial) -> None:
    """A page of noise, anywhere: each command answers or says what is wrong, without a traceback;
    the undamaged file then answers as before."""
    path = filled.town.hub.state_dir / "archive.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    good = path.read_bytes()
    before = filled.town.query()
    rng = random.Random(12)
    noticed = 0
    for number in range(8):
        page = 0 if number == 0 else rng.randrange(1, len(good) // PAGE_BYTES)
        data = bytearray(good)
        data[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = rng.randbytes(PAGE_BYTES)
        path.write_bytes(data)
        for command in (("query", "--json"), ("nodes",)):
            done = filled.town.hub.command(*command)
            assert TRACEBACK not in done.stderr, done.stderr
            noticed += "camwatch-hub:" in done.stderr
    path.write_bytes(good)
    assert noticed >= 2
    assert filled.town.query() == before


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 12))]
)
def test_a_damaged_journal_costs_at_most_what_its_damage_covers(seed: int, tmp_path: Path) -> None:
    """Records wait for a hub that is away, the node dies, a page of its journal turns to noise. The
    node starts, watches on, delivers what can be read, and tells of the rest as a gap."""
    with trial(tmp_path) as made:
        made.node.start_ready()
        made.wait_for_archived(1)
        made.town.broker.stop()
        made.wait_for_journalled(4)
        made.node.kill()
        spoil(made.node.state_dir / "journal.db", random.Random(seed))
        made.town.broker.start()
        made.node.start_ready()
        made.wait_for_archived(2)
        made.drain()
        verdict = made.judge()
        assert verdict.is_good, f"{verdict}\n{made.complaints()}"
        assert TRACEBACK not in made.node.log_text


def spoil(journal: Path, rng: random.Random) -> None:
    """Bring the journal into one file and overwrite one of its pages."""
    with sqlite3.connect(journal) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(journal.read_bytes())
    page = rng.randrange(len(data) // PAGE_BYTES)
    data[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = rng.randbytes(PAGE_BYTES)
    journal.write_bytes(data)


def test_a_clip_that_rots_on_the_node_is_refused_by_the_hub(tmp_path: Path) -> None:
    """The hash in its signed record tells; the others arrive, and no false one is stored."""
    with trial(tmp_path) as made:
        made.node.start_ready()
        made.wait_for_archived(1)
        made.town.hub.stop()
        made.wait_for_journalled(4)
        made.node.kill()
        clips = sorted((made.node.state_dir / "spool").glob("*.mp4"))
        assert len(clips) >= 3
        flip(clips[1], clips[1].stat().st_size // 2)
        made.town.hub.start_ready()
        made.node.settings["cameras"] = [stage.camera(CAMERA, STILL)]
        made.node.start_ready()
        stage.wait(lambda: is_all_but_one_stored(made, clips), 120, "every other clip")
        time.sleep(1)
        assert made.node.is_running
        stored = set(read_hub(made.town.hub.state_dir).media("clips", ".mp4"))
        announced = {
            each.body["clip"]["sha256"]
            for each in read_hub(made.town.hub.state_dir).records
            if each.body.get("clip")
        }
        assert stored < announced


def is_all_but_one_stored(made: Trial, clips: list[Path]) -> bool:
    """Whether the hub has all those clips but the second."""
    rows = {row["id"]: row for row in made.town.query()}
    events = [path.name.partition(".")[0] for path in clips if path != clips[1]]
    return all(event in rows and rows[event]["clips_stored"] for event in events)
