"""What `camwatch-edge journal` shows, beside a running agent and of what a dead one left."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from edge import cli, keys
from edge.contract import record
from edge.outbox.report import Report, report
from tests.edge.outbox.rig import KEY, NODE, Place, ack, fill

SETTINGS = """
node: gate-3
state_dir: {folder}
hub:
  mqtt: {{host: 127.0.0.1, port: 1883}}
  upload_url: http://127.0.0.1:1
  secret_file: {folder}/secret
  public_key_file: {folder}/hub.pub
cameras: [{{name: gate, source: "synthetic:"}}]
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def look(place: Place, *, is_verifying: bool = False) -> Report:
    return report(
        place.path, node=NODE, key=KEY.public, clock=place.clock, is_verifying=is_verifying
    )


def test_a_running_journal_is_shown_and_not_changed(place: Place) -> None:
    """Counts, ages, open events; the agent goes on appending meanwhile."""
    outbox = place.open()
    place.end(outbox, place.new_event())
    fill(outbox, 2)
    outbox.apply(ack(outbox, 1))
    place.start(outbox, event := place.new_event())
    place.clock.advance(120)
    before = place.path.read_bytes()
    found = look(place, is_verifying=True)
    assert place.path.read_bytes() == before
    assert (found.epoch, found.last_seq, found.acked_seq) == (outbox.epoch, 4, 1)
    assert (found.records, found.clips, found.snapshots) == (3, 1, 1)
    assert found.oldest_s == pytest.approx(120, abs=1)
    assert [each.event for each in found.open_events] == [event]
    assert (found.damage, found.was_closed, found.is_verified) == ((), False, True)
    fill(outbox, 1)
    outbox.close()
    assert look(place).was_closed


def test_verification_finds_a_forged_record(place: Place) -> None:
    """Hashes and chain may be made to fit again; the signature cannot."""
    outbox = place.open()
    fill(outbox, 1)
    payload = outbox.pending(0, 1)[0].payload.replace(b'"v1"', b'"v2"')
    outbox.close()
    forged = keys.PrivateKey(b"x" * 32)
    with sqlite3.connect(place.path) as db:
        db.execute("UPDATE records SET payload = ?, sig = ?", (payload, forged.sign(payload)))
        db.execute("UPDATE records SET sum = NULL, hash = ?", (record.digest(payload),))
        db.execute("UPDATE journal SET sum = NULL, last_hash = ?", (record.digest(payload),))
    db.close()
    assert look(place).damage == ()
    assert look(place, is_verifying=True).damage == ("record 1 is not signed by this node's key",)


def test_damage_is_shown_and_is_the_exit_status(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 for a sound journal, 1 for a damaged one, 78 where there is none."""
    config = place.folder / "edge.yaml"
    config.write_text(SETTINGS.format(folder=place.folder))
    assert cli.main(["journal", "--config", str(config)]) == 78
    assert "holds no journal" in capsys.readouterr().err
    key = keys.load_or_make(place.folder / "node.key")
    outbox = place.open()
    fill(outbox, 2)
    outbox.close()
    assert cli.main(["journal", "--config", str(config)]) == 0
    text = capsys.readouterr().out
    assert outbox.epoch in text
    assert key.public.fingerprint in text
    with sqlite3.connect(place.path) as db:
        db.execute("DELETE FROM records WHERE seq = 1")
    db.close()
    assert cli.main(["journal", "--json", "--config", str(config)]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["damage"] == ["records 1 to 1 are missing"]


def test_a_file_that_is_no_journal_is_shown_as_damage(place: Place) -> None:
    """Looking must work best when something is wrong."""
    place.path.write_bytes(b"garbage" * 1000)
    assert look(place).damage


def test_journals_moved_aside_are_named(place: Place) -> None:
    """Their epochs are in their names."""
    outbox = place.open()
    fill(outbox, 1)
    outbox.close()
    place.path.write_bytes(place.path.read_bytes()[:5000])
    place.open().close()
    assert look(place).moved_aside == (f"journal.db.{outbox.epoch}.damaged",)
