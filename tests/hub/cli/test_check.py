"""`check`, `problems` and `accept-archive`, over an archive on disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from pathlib import Path

import pytest

from hub.archive import problems
from hub.archive.opening import open_to_write
from hub.archive.values import Clip
from hub.cli.main import main
from hub.clipstore import FileClipStore
from hub.config import HubSettings, load_file
from tests.hub.archive.conformance import EVERYTHING, batch
from tests.hub.journals import START_UTC, Journal

CLIP, PICTURE, OTHER = b"a clip" * 500, b"\xff\xd8 a picture" * 50, b"of no record"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A hub whose archive has two events; the first one's clip and picture are stored."""
    path = tmp_path / "hub.yaml"
    path.write_text(f"state_dir: {tmp_path / 'state'}\n")
    settings = load_file(path)
    archive, _ = open_to_write(settings)
    journal = Journal()
    archive.pin_key("gate-1", journal.key.public.raw, START_UTC)
    archive.write(
        batch([*journal.event(clip=CLIP, snapshot=PICTURE), *journal.event(clip=b"late")])
    )
    event = archive.events(EVERYTHING, limit=9, before=None)[-1]
    (clip,), (shot,) = archive.clips_of(event), archive.snapshots_of(event)
    _clips(settings).keep(CLIP, clip.sha256)
    _pictures(settings).keep(PICTURE, shot.sha256)
    archive.clip_stored(clip, START_UTC)
    archive.snapshots_stored([shot], START_UTC)
    archive.close()
    return path


def _clips(settings: HubSettings) -> FileClipStore:
    return FileClipStore(settings.clips_path, suffix=".mp4")


def _pictures(settings: HubSettings) -> FileClipStore:
    return FileClipStore(settings.snapshots_path, suffix=".jpg")


def run(config: Path, *arguments: str) -> int:
    """One command in this process."""
    return main(["--config", str(config), *arguments])


def change(config: Path, sql: str) -> None:
    """What somebody with access to the disk could do."""
    with contextlib.closing(sqlite3.connect(load_file(config).archive_path)) as db:
        db.execute(sql)
        db.commit()


def only(config: Path, folder: str) -> Path:
    """The one file below that folder."""
    (path,) = [each for each in (config.parent / "state" / folder).rglob("*") if each.is_file()]
    return path


@pytest.mark.parametrize("full", [[], ["--full"]])
def test_a_whole_archive_is_sound(
    config: Path, capsys: pytest.CaptureFixture[str], full: list[str]
) -> None:
    """Status 0, one line."""
    assert run(config, "check", *full) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(": sound")


def test_removed_and_shortened_files_are_found(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without reading them."""
    only(config, "clips").unlink()
    picture = only(config, "snapshots")
    picture.write_bytes(PICTURE[:-1])
    assert run(config, "check") == 1
    clip, shot, summary = capsys.readouterr().out.splitlines()
    assert clip.startswith("clip: ") and "(gate-1) is gone" in clip
    assert f"has {len(PICTURE) - 1} bytes, recorded are {len(PICTURE)}" in shot
    assert summary.endswith(": 2 damaged")


def test_changed_bytes_are_found_by_the_full_check(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a clip and of a picture, in their right sizes."""
    for folder in ("clips", "snapshots"):
        path = only(config, folder)
        path.write_bytes(b"x" + path.read_bytes()[1:])
    assert run(config, "check") == 0
    assert run(config, "check", "--full", "--json") == 1
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()[1:]]
    assert [(each["kind"], each["text"].split()[-1]) for each in found] == [
        ("clip", "changed"), ("snapshot", "changed"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "options", "text"),
    [
        ("DELETE FROM records WHERE seq = 4", [], "its head, is not there"),
        ("UPDATE records SET hash = zeroblob(32) WHERE seq = 2", [], "record 3 breaks the chain"),
        (
            "UPDATE records SET payload = replace(payload, 'quiet', 'QUIET') WHERE seq = 2",
            ["--full"],
            "record 2: its bytes have changed",
        ),
        (
            "UPDATE records SET sig = zeroblob(64) WHERE seq = 3",
            ["--full"],
            "record 3: its signature is of no key of its node",
        ),
        ("UPDATE nodes SET public_key = NULL", ["--full"], "record 1: its signature is of no key"),
        (
            "UPDATE records SET seq = seq + 1 WHERE seq = 4",
            ["--full"],
            "record 5: it stands under another number than its own",
        ),
    ],
)
def test_records_that_somebody_changed_are_found(
    config: Path, capsys: pytest.CaptureFixture[str], sql: str, options: list[str], text: str
) -> None:
    """By the columns alone, or with --full from the stored bytes and signatures."""
    change(config, sql)
    assert run(config, "check", *options) == 1
    assert text in capsys.readouterr().out


def test_records_of_a_replaced_box_are_checked_with_its_old_key(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Retired keys still prove old records."""
    settings = load_file(config)
    archive, _ = open_to_write(settings)
    archive.unpin_key("gate-1", START_UTC)
    archive.pin_key("gate-1", Journal("gate-2").key.public.raw, START_UTC)
    archive.close()
    assert run(config, "check", "--full") == 0
    assert "sound" in capsys.readouterr().out


def test_files_without_a_row_are_listed_and_are_no_damage(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that a record announced will be taken in; one of no record is only told."""
    settings = load_file(config)
    late = [clip for clip in _waiting(settings) if clip.size_bytes == 4]
    _clips(settings).keep(b"late", late[0].sha256)
    _pictures(settings).keep(OTHER, _sha256(OTHER))
    assert run(config, "check") == 0
    clip, shot, summary = capsys.readouterr().out.splitlines()
    assert "is here and not noted" in clip
    assert shot == f"snapshot: {_sha256(OTHER)} belongs to no record"
    assert summary.endswith("sound")


def test_a_damaged_database_is_found(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever else is in it is then not believed."""
    path = load_file(config).archive_path
    with path.open("r+b") as file:
        for page in range(2, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xee" * 4096)
    assert run(config, "check") == 1
    captured = capsys.readouterr()
    assert "database: " in captured.out or "damaged" in captured.err


def test_problems_tells_of_the_hub_and_of_its_nodes(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the running hub noted and what the disk shows; status 1 when there is anything."""
    assert run(config, "problems") == 0
    assert capsys.readouterr().out == "no problem is known\n"
    config.write_text(config.read_text() + "keep_free: 900TiB\n")
    assert run(config, "problems") == 1
    assert "must stay free of clips and snapshots" in capsys.readouterr().out
    assert run(config, "nodes") == 0
    assert capsys.readouterr().out.startswith("hub: ")
    (config.parent / "state" / problems.FILE_NAME).write_text(
        '[{"what": "disk", "text": "it is full", "since_utc": "2026-03-01T12:00:00.000Z"}]'
    )
    assert run(config, "problems", "--json") == 1
    (found,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (found["who"], found["text"]) == ("hub", "it is full")


@pytest.mark.parametrize("text", ["", "[", "{}", '[{"what": 1}]', "[1]", '[{"since_utc": "x"}]'])
def test_a_problems_file_of_another_shape_is_no_problem(config: Path, text: str) -> None:
    """It is only a note of a running hub."""
    (config.parent / "state" / problems.FILE_NAME).write_text(text)
    assert problems.read(config.parent / "state") == []


def test_accept_archive_prints_the_id_and_lets_the_hub_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the hub refused to begin an archive on the root disk."""
    path = tmp_path / "hub.yaml"
    path.write_text(f"state_dir: {tmp_path / 'state'}\narchive_dir: {tmp_path / 'archive'}\n")
    assert run(path, "node", "add", "gate-1", "--secret-to", "-") == 1
    assert "accept-archive" in capsys.readouterr().err
    assert run(path, "accept-archive") == 0
    marker = capsys.readouterr().out.strip()
    assert (tmp_path / "archive" / "archive.id").read_text().strip() == marker
    assert run(path, "node", "add", "gate-1", "--secret-to", "-") == 0
    path.write_text(path.read_text() + f"archive_id: {'e' * 32}\n")
    assert run(path, "accept-archive") == 78
    assert run(path, "query") == 1


def _waiting(settings: HubSettings) -> list[Clip]:
    archive, _ = open_to_write(settings)
    clips, _ = archive.waiting()
    archive.close()
    return clips


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
