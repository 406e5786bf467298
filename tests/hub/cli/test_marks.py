"""Marks and notes as a shell user makes and sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.archive import SqliteArchive
from hub.cli.main import main
from tests.hub.archive.conformance import EVERYTHING, batch
from tests.hub.cli.hubs import new_hub
from tests.hub.journals import Journal


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A settings file whose archive has two events."""
    path, archive = new_hub(tmp_path, "Asia/Ho_Chi_Minh")
    journal = Journal()
    archive.write(batch([*journal.event(), *journal.event()]))
    archive.close()
    return path


def run(config: Path, *arguments: str) -> int:
    """One command in this process."""
    return main(["--config", str(config), *arguments])


def ids(config: Path) -> list[str]:
    """The events, newest first."""
    archive = SqliteArchive(config.parent / "state" / "archive.sqlite", is_read_only=True)
    found = archive.events(EVERYTHING, limit=9, before=None)
    archive.close()
    return [event.id for event in found]


def test_a_mark_with_its_note_is_shown(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With who and when; the JSON has the same."""
    monkeypatch.setenv("SUDO_USER", "lan")
    newest, _ = ids(config)
    assert run(config, "mark", newest, "false-alarm", "--note", "con mèo\nnhà số 5") == 0
    assert capsys.readouterr().out.split() == [newest, "gate-1/door", "false_alarm"]
    assert run(config, "note", newest, "nothing taken", "--user", "minh") == 0
    capsys.readouterr()
    assert run(config, "show", newest) == 0
    text = capsys.readouterr().out
    assert ", lan: false_alarm: con mèo\n    nhà số 5\n" in text
    assert ", minh: nothing taken\n" in text
    assert run(config, "show", newest, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["mark"] == "false_alarm"
    assert [(each["user"], each["mark"], each["note"]) for each in document["remarks"]] == [
        ("lan", "false_alarm", "con mèo\nnhà số 5"),
        ("minh", None, "nothing taken"),
    ]


@pytest.mark.parametrize("option", ["--mark", "--state"])
def test_query_finds_by_mark(config: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    """What is still to be looked at, or what was confirmed."""
    newest, oldest = ids(config)
    assert run(config, "mark", oldest, "confirmed") == 0
    capsys.readouterr()
    for mark, found in (("confirmed", oldest), ("new", newest)):
        assert run(config, "query", "--json", option, mark) == 0
        (line,) = capsys.readouterr().out.splitlines()
        assert (json.loads(line)["id"], json.loads(line)["mark"]) == (found, mark)
    assert run(config, "query", "--json", option, "new", option, "confirmed") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_note_that_cannot_be_kept_changes_nothing(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The field is named; the event stays new."""
    newest, _ = ids(config)
    assert run(config, "mark", newest, "seen", "--note", " ") == 1
    assert "note: it is empty" in capsys.readouterr().err
    assert run(config, "query", "--json", "--mark", "seen") == 1
