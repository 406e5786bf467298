"""An event's picture on the command line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from hub.archive import SqliteArchive
from hub.cli.main import main
from hub.clipstore import FileClipStore
from tests.hub.archive.conformance import batch
from tests.hub.cli.hubs import new_hub
from tests.hub.journals import START_UTC, Journal

PICTURE = b"\xff\xd8 a picture \xff\xd9"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A hub with an event whose picture is announced, and one that has none."""
    path, archive = new_hub(tmp_path)
    archive.write(batch(Journal("gate-1").event(snapshot=PICTURE)))
    archive.write(batch(Journal("gate-2", seed=2).event()))
    archive.close()
    return path


def run(config: Path, *arguments: str) -> int:
    return main([*arguments, "--config", str(config)])


def event_of(config: Path, node: str, *, has_come: bool = False) -> str:
    """The node's event; with `has_come` its picture is here from now on."""
    archive = SqliteArchive(config.parent / "state" / "archive.sqlite")
    try:
        (event,) = [each for each in archive.events_by_id("", limit=9) if each.node == node]
        if has_come:
            digest = hashlib.sha256(PICTURE).hexdigest()
            store = FileClipStore(config.parent / "state" / "snapshots", suffix=".jpg")
            store.keep(PICTURE, digest)
            archive.snapshots_stored(archive.snapshots_of(event), START_UTC)
        return event.id
    finally:
        archive.close()


def test_a_picture_is_copied_as_it_was_recorded(
    config: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """To a file or to standard output."""
    event = event_of(config, "gate-1", has_come=True)
    target = tmp_path / "out.jpg"
    assert run(config, "snapshot", event, "-o", str(target)) == 0
    assert target.read_bytes() == PICTURE
    assert b"as recorded" in capfdbinary.readouterr().out


def test_a_picture_that_is_not_here_says_why(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Announced, or never taken; no file is left."""
    target = tmp_path / "out.jpg"
    for node, said in (("gate-1", "was announced, but is not here yet"), ("gate-2", "no picture")):
        assert run(config, "snapshot", event_of(config, node), "-o", str(target)) == 1
        assert said in capsys.readouterr().err
    assert not target.exists()


def test_a_picture_that_changed_on_disk_is_not_given_out(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1 and no file."""
    event = event_of(config, "gate-1", has_come=True)
    for path in (tmp_path / "state" / "snapshots").rglob("*.jpg"):
        path.write_bytes(b"x" + path.read_bytes()[1:])
    target = tmp_path / "out.jpg"
    assert run(config, "snapshot", event, "-o", str(target)) == 1
    assert "SHA-256" in capsys.readouterr().err and not target.exists()
