"""Names that nothing has: said at once, with where the right ones are listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.archive import SqliteArchive
from hub.archive.values import EventFilter
from hub.cli.main import main
from tests.hub.archive.conformance import batch
from tests.hub.journals import Journal


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A hub that heard of one camera of gate-1."""
    path = tmp_path / "hub.yaml"
    path.write_text(f"state_dir: {tmp_path / 'state'}\n")
    (tmp_path / "state").mkdir()
    archive = SqliteArchive(tmp_path / "state" / "archive.sqlite")
    archive.write(batch(Journal("gate-1").event()))
    (event,) = archive.events(EventFilter(node="gate-1"), limit=1, before=None)
    assert event.camera == "door"
    archive.close()
    return path


def run(config: Path, *arguments: str) -> int:
    return main([*arguments, "--config", str(config)])


@pytest.mark.parametrize(
    "arguments",
    [
        ("nodes", "nosuch"),
        ("command", "nosuch", "prove-key"),
        ("command", "nosuch", "restart"),
        ("command", "nosuch", "snapshot", "door", "-o", "x.jpg"),
    ],
)
def test_a_node_that_is_none_is_told_at_once(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """Without a hub that waits for its answer."""
    assert run(config, *arguments) == 1
    told = capsys.readouterr().err
    assert "there is no node nosuch" in told
    assert "camwatch-hub nodes lists them" in told


@pytest.mark.parametrize("what", ["area", "organisation"])
def test_a_user_of_an_unknown_place_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    """They would see nothing, and nobody would know why."""
    assert run(config, "user", "add", "anna", f"--{what}", "nosuch") == 1
    told = capsys.readouterr().err
    assert f"--{what}: there is no {what} nosuch" in told
    assert f"camwatch-hub {what} list" in told
    run(config, "user", "list")
    assert "anna" not in capsys.readouterr().out


def test_a_camera_that_was_never_heard_of_is_placed_with_a_word(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may come later; or its name is mistyped."""
    assert run(config, "area", "add", "Liên Chiểu", "--kind", "town") == 0
    assert run(config, "camera", "place", "gate-1/door", "--area", "lien-chieu") == 0
    assert capsys.readouterr().err == ""
    assert run(config, "camera", "place", "gate-1/nosuch", "--area", "lien-chieu") == 0
    assert "gate-1 has no camera nosuch yet; it has door" in capsys.readouterr().err


def test_a_group_without_a_town_is_told_what_to_give(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the option's name."""
    assert run(config, "area", "add", "Tổ dân phố 5", "--kind", "group") == 1
    assert "a group lies in a town: --under CODE" in capsys.readouterr().err


def test_a_replay_looks_at_what_is_to_be_tried_first(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then for traces, which may not be there yet: no fault of the settings."""
    assert run(config, "replay", "--set", "motion.sensitivty=4") == 78
    assert "cannot be tried" in capsys.readouterr().err
    assert run(config, "replay", "--set", "motion.sensitivity=4") == 1
    assert "about an hour late" in capsys.readouterr().err
    assert run(config, "suggest") == 1
    assert "about an hour late" in capsys.readouterr().err
