"""The checker finds nothing in a good archive, and each of many defects planted in a copy of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.base.clock import FakeClock
from edge.contract import record
from edge.keys import PrivateKey
from tests.fault import small_town
from tests.fault.checker import check
from tests.fault.media_rules import check_films
from tests.fault.small_town import HISTORY, HUB_DIR, KEY, NODE_DIR
from tests.fault.verdict import Verdict

ROOT = Path(__file__).parents[2]
Planting = Callable[[Path], None]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small town that lost nothing."""
    folder = tmp_path_factory.mktemp("checker") / "good"
    small_town.make_town(folder)
    return folder


@pytest.fixture
def town(good: Path, tmp_path: Path) -> Path:
    """A copy of it to be spoilt."""
    return Path(shutil.copytree(good, tmp_path / "town"))


def judge(town: Path, *, is_drained: bool = True) -> Verdict:
    """The verdict about a town."""
    return check(
        town / HUB_DIR, [town / HISTORY], node_states=[town / NODE_DIR], is_drained=is_drained
    )


def change(town: Path, *statements: str) -> None:
    """Change the archive's rows behind the hub's back."""
    with contextlib.closing(sqlite3.connect(town / HUB_DIR / "archive.sqlite")) as db:
        for statement in statements:
            assert db.execute(statement).rowcount > 0, statement
        db.commit()


def change_node(town: Path, statement: str) -> None:
    """Change the journal's rows behind the node's back."""
    with contextlib.closing(sqlite3.connect(town / NODE_DIR / "journal.db")) as db:
        assert db.execute(statement).rowcount > 0
        db.commit()


def first(town: Path, kind: str) -> Path:
    """One visible media file of the hub's."""
    return next(path for path in sorted((town / HUB_DIR / kind).rglob("*")) if path.is_file())


def rewrite(town: Path, seq: int, key: PrivateKey = KEY, **changes: object) -> None:
    """Replace an archived record by one that says something else, all columns in keeping."""
    with contextlib.closing(sqlite3.connect(town / HUB_DIR / "archive.sqlite")) as db:
        (payload,) = db.execute("SELECT payload FROM records WHERE seq = ?", (seq,)).fetchone()
        body = json.loads(payload) | changes
        payload = json.dumps(body).encode()
        db.execute(
            "UPDATE records SET payload = ?, sig = ?, hash = ?, prev = ?, type = ? WHERE seq = ?",
            (
                payload, key.sign(payload), hashlib.sha256(payload).digest(),
                bytes.fromhex(body["prev"]), body["type"], seq,
            ),
        )  # fmt: skip
        db.commit()


def last_seq(town: Path) -> int:
    """The newest archived record's."""
    with contextlib.closing(sqlite3.connect(town / HUB_DIR / "archive.sqlite")) as db:
        return int(db.execute("SELECT max(seq) FROM records").fetchone()[0])


def lose_the_newest_record(town: Path) -> None:
    """Acknowledged, then gone: the whole tail is consistent without it."""
    change(
        town,
        "DELETE FROM records WHERE seq = (SELECT max(seq) FROM records)",
        "UPDATE epochs SET upto = upto - 1, head ="
        " (SELECT hash FROM records ORDER BY seq DESC LIMIT 1)",
    )


def lose_a_record_in_the_middle(town: Path) -> None:
    """Only its number tells."""
    change(town, "DELETE FROM records WHERE seq = 5")


def lose_a_whole_event(town: Path) -> None:
    """Its row and its records."""
    change(town, "DELETE FROM records WHERE event = (SELECT event FROM events WHERE id = 1)")


def change_a_byte_of_a_payload(town: Path) -> None:
    """The columns stay as they were."""
    change(
        town,
        "UPDATE records SET payload = CAST(replace(payload, 'quiet', 'QUIET') AS BLOB)"
        " WHERE seq = (SELECT max(seq) FROM records)",
    )  # fmt: skip


def forge_a_record(town: Path) -> None:
    """Another key signs."""
    rewrite(town, last_seq(town), PrivateKey(b"\x09" * 32))


def invent_a_record(town: Path) -> None:
    """The node's own key signs what the node never journalled."""
    rewrite(town, last_seq(town), score=0.75)


def cut_the_chain(town: Path) -> None:
    """A record that is signed, and follows another one than its neighbour."""
    rewrite(town, 4, prev="ab" * 32)


def tell_a_column_another_event(town: Path) -> None:
    """Row and payload disagree."""
    change(town, "UPDATE records SET event = NULL WHERE seq = 3")


def end_an_event_twice(town: Path) -> None:
    """One more end, archived under the next number."""
    change(
        town,
        "INSERT INTO records (epoch_id, seq, prev, hash, type, camera, event, at_ms, received_ms,"
        " payload, sig) SELECT epoch_id, seq + 1, prev, hash, type, camera, event, at_ms,"
        " received_ms, payload, sig FROM records WHERE seq = (SELECT max(seq) FROM records)",
    )


def show_an_event_twice(town: Path) -> None:
    """The same event of another node."""
    change(
        town,
        "INSERT INTO nodes (name) VALUES ('gate-2')",
        "INSERT INTO events (change, event, node_id, camera, rank, source_epoch, source_seq,"
        " started_ms, zones, parts) SELECT change, event, 2, camera, rank, source_epoch,"
        " source_seq, started_ms, zones, parts FROM events LIMIT 1",
    )


def show_a_part_twice(town: Path) -> None:
    """Two clips that claim one place in an event."""
    change(
        town,
        "INSERT INTO clips SELECT event_id, node_id, part, zeroblob(32), epoch_id, seq, size_bytes,"
        " duration_ms, codec, width, height, starts_ms, pre_roll_ms, stored_ms FROM clips LIMIT 1",
    )


def change_the_reason_of_an_end(town: Path) -> None:
    """The event's row says something else than its last record."""
    change(town, "UPDATE events SET reason = 'stopped' WHERE id = 1")


def count_a_part_too_few(town: Path) -> None:
    """The event of two parts has one."""
    change(town, "UPDATE events SET parts = 1 WHERE id = 2")


def move_an_event(town: Path) -> None:
    """By a second, though the node's clock was set."""
    change(town, "UPDATE events SET started_ms = started_ms + 1000 WHERE id = 1")


def misquote_a_time(town: Path) -> None:
    """What the node's own clock is said to have shown is not what the record says."""
    change(town, "UPDATE events SET ended_claimed_ms = ended_claimed_ms + 1 WHERE id = 1")


def reopen_an_event(town: Path) -> None:
    """Its end was archived and not applied."""
    change(town, "UPDATE events SET rank = 1, ended_ms = NULL WHERE id = 1")


def remove_an_event(town: Path) -> None:
    """Its records are there."""
    change(town, "DELETE FROM events WHERE id = 1")


def claim_more_than_there_is(town: Path) -> None:
    """The acknowledgement runs ahead of the archive."""
    change(town, "UPDATE epochs SET upto = upto + 3")


def claim_another_head(town: Path) -> None:
    """The number is right, the hash is not."""
    change(town, "UPDATE epochs SET head = zeroblob(32)")


def never_advance(town: Path) -> None:
    """The node keeps what the hub has."""
    change(town, "UPDATE epochs SET upto = 0, head = zeroblob(32)")


def remove_a_clip(town: Path) -> None:
    """A stored clip's file is gone."""
    first(town, "clips").unlink()


def cut_a_clip(town: Path) -> None:
    """As a rename before its fsync would leave it."""
    path = first(town, "clips")
    path.write_bytes(path.read_bytes()[:-1000])


def blank_a_clip_s_middle(town: Path) -> None:
    """The size is right, a block of pictures was never written."""
    path = first(town, "clips")
    data = bytearray(path.read_bytes())
    data[-1024:-512] = bytes(512)
    path.write_bytes(data)


def keep_half_a_clip_under_its_own_hash(town: Path) -> None:
    """Whoever only compares hashes with names is content."""
    data = first(town, "clips").read_bytes()[:-1000]
    (town / HUB_DIR / "clips" / f"{hashlib.sha256(data).hexdigest()}.mp4").write_bytes(data)


def never_store_a_clip(town: Path) -> None:
    """Announced, and still missing when everything has come to rest."""
    change(town, "UPDATE clips SET stored_ms = NULL WHERE event_id = 1")


def cut_a_snapshot(town: Path) -> None:
    """Half a picture."""
    path = first(town, "snapshots")
    path.write_bytes(path.read_bytes()[:-1])


def leave_an_unfinished_clip(town: Path) -> None:
    """A part that nobody will finish lies among the clips."""
    (town / HUB_DIR / "clips" / "ab.mp4.part").write_bytes(b"x")


def leave_an_open_clip_on_the_node(town: Path) -> None:
    """Recovery overlooked it."""
    (town / NODE_DIR / "spool" / "0.0.mp4.part").write_bytes(b"x")


def leave_a_torn_clip_on_the_node(town: Path) -> None:
    """Visible under its final name."""
    name = "01890a5d-ac96-774b-bcce-b302099a8057.0.mp4"
    data = first(town, "clips").read_bytes()[:-7]
    (town / NODE_DIR / "spool" / name).write_bytes(data)


def cut_the_journal_s_end(town: Path) -> None:
    """The journal goes back to an earlier state."""
    change_node(town, "UPDATE journal SET last_seq = last_seq - 1")


def spoil_a_page_of_the_archive(town: Path) -> None:
    """An index no longer fits its table."""
    with contextlib.closing(sqlite3.connect(town / HUB_DIR / "archive.sqlite")) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("DELETE FROM sqlite_schema WHERE name = 'records_by_event'")
        db.commit()


DEFECTS: dict[Planting, str] = {
    lose_the_newest_record: "lost",
    lose_a_record_in_the_middle: "missing",
    lose_a_whole_event: "lost",
    change_a_byte_of_a_payload: "altered",
    forge_a_record: "signature",
    invent_a_record: "invented",
    cut_the_chain: "chain",
    tell_a_column_another_event: "altered",
    end_an_event_twice: "duplicate",
    show_an_event_twice: "duplicate",
    show_a_part_twice: "duplicate",
    change_the_reason_of_an_end: "event",
    count_a_part_too_few: "event",
    move_an_event: "event",
    misquote_a_time: "event",
    reopen_an_event: "unended",
    remove_an_event: "event",
    claim_more_than_there_is: "overclaimed",
    claim_another_head: "overclaimed",
    never_advance: "stuck",
    remove_a_clip: "dangling",
    cut_a_clip: "torn",
    blank_a_clip_s_middle: "torn",
    keep_half_a_clip_under_its_own_hash: "torn",
    never_store_a_clip: "undelivered",
    cut_a_snapshot: "torn",
    leave_an_unfinished_clip: "unfinished",
    leave_an_open_clip_on_the_node: "unfinished",
    leave_a_torn_clip_on_the_node: "torn",
    cut_the_journal_s_end: "chain",
    spoil_a_page_of_the_archive: "corrupt",
}


def test_a_good_archive_has_no_defect(good: Path) -> None:
    """Otherwise finding something in a bad one would prove nothing; and it was really looked at."""
    verdict = judge(good)
    assert verdict.is_good, str(verdict)
    counts = verdict.counts
    assert counts["records returned by append"] == counts["records archived"] == 13
    assert (counts["clips seen"], counts["snapshots seen"], counts["events"]) == (7, 5, 5)
    assert counts["pictures in clips"] == 7 * len(small_town.FILM)


@pytest.mark.parametrize("plant", DEFECTS, ids=lambda plant: plant.__name__)
def test_a_planted_defect_is_found(town: Path, plant: Planting) -> None:
    """Each way to break a promise is found, under its own name."""
    plant(town)
    verdict = judge(town)
    assert DEFECTS[plant] in verdict.rules, str(verdict)


def test_what_still_waits_on_the_node_is_not_lost(town: Path) -> None:
    """Before the drain a record may be on either side, and a clip too; after it, only archived."""
    clock = FakeClock(mono_ns=10**13)
    with small_town.history_in(town / HISTORY):
        box = small_town.outbox(town / NODE_DIR, clock)
        small_town.journal_event(box, town / NODE_DIR / "spool", clock)
        box.close()
    assert judge(town, is_drained=False).is_good, str(judge(town, is_drained=False))
    assert {"lost", "undelivered"} <= judge(town).rules


def test_a_confessed_gap_is_explained_and_not_lost(town: Path) -> None:
    """A signed journal.gap record excuses the numbers that it names, and no others."""
    change(town, "DELETE FROM records WHERE seq = 13")
    change(town, "UPDATE epochs SET upto = 12, head = (SELECT hash FROM records WHERE seq = 12)")
    with contextlib.closing(sqlite3.connect(town / NODE_DIR / "journal.db")) as db:
        (epoch,) = db.execute("SELECT epoch FROM journal").fetchone()
    for path in (town / NODE_DIR).glob("journal.db*"):
        path.unlink()
    clock = FakeClock(mono_ns=10**13)
    with small_town.history_in(town / HISTORY):
        box = small_town.outbox(town / NODE_DIR, clock)
        box.append(record.JournalGap(epoch, 13, "corrupt", 13))
        small_town.deliver(box, town / NODE_DIR / "spool", town / HUB_DIR, clock)
        box.close()
    verdict = judge(town)
    assert "lost" not in verdict.rules
    assert verdict.counts["records whose loss is explained"] == 1
    change(town, "DELETE FROM records WHERE seq = 12")
    assert {"lost", "overclaimed"} <= judge(town).rules


def test_the_checker_imports_nothing_of_the_product() -> None:
    """Nor any library of its own making that does: it must not share the product's mistakes."""
    code = (
        "import sys; import tests.fault.checker\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('edge', 'hub')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_clip_with_a_picture_missing_or_strange_is_not_of_the_film() -> None:
    """A run of the film is, also over its seam; a hole, a swap or a stranger is not."""
    film = list("abcdefgh")
    cases = {"bcd": True, "ghab": True, "bd": False, "cb": False, "bxc": False, "": False}
    for pictures, is_run in cases.items():
        verdict = Verdict()
        check_films(verdict, [Path("clip")], [list("xyz"), film], lambda _, it=pictures: list(it))  # type: ignore[misc]
        assert verdict.is_good == is_run, pictures


def test_the_checker_can_be_asked_from_the_command_line(town: Path) -> None:
    """GOOD and exit status 0; after a loss, BROKEN with the evidence and exit status 1."""
    arguments = [
        town / HUB_DIR, town / HISTORY, "--node", town / NODE_DIR,
    ]  # fmt: skip

    def ask() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.fault.checker", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    good = ask()
    assert (good.returncode, good.stdout.splitlines()[0]) == (0, "GOOD"), good.stderr
    lose_the_newest_record(town)
    bad = ask()
    assert bad.returncode == 1
    assert bad.stdout.startswith("BROKEN")
    assert "lost: gate-1" in bad.stdout
