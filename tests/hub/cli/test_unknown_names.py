"""Names that nothing has: said at once, with where the right ones are listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.archive.values import EventFilter
from hub.cli.main import main
from tests.hub.archive.conformance import batch
from tests.hub.cli.hubs import new_hub
from tests.hub.journals import Journal


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A hub that heard of one camera of gate-1."""
    path, archive = new_hub(tmp_path)
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


QUESTIONS = ("query", "timeline", "coverage", "gaps")


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_about_a_node_that_is_none_names_the_near_ones(
    config: Path, capsys: pytest.CaptureFixture[str], question: str
) -> None:
    """It does not say that nothing happened there."""
    assert run(config, question, "--node", "gat-1") == 1
    told = capsys.readouterr().err
    assert "--node: there is no node gat-1; gate-1?" in told
    assert "camwatch-hub nodes lists them" in told
    assert "no event fits" not in told and "nothing is missing" not in told


@pytest.mark.parametrize("question", ["query", "timeline", "coverage"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--camera", "roof"), "--camera: there is no camera roof; there is door"),
        (
            ("--node", "gate-1", "--camera", "dor"),
            "--camera: gate-1 has no camera dor; it has door",
        ),
    ],
)
def test_a_question_about_a_camera_that_is_none_names_those_that_are(
    config: Path, capsys: pytest.CaptureFixture[str], question: str, options: tuple[str, ...],
    said: str,
) -> None:  # fmt: skip
    """Of the node that is named with it, if one is."""
    assert run(config, question, *options) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "given", "said"),
    [
        ("zone", "pth", "--zone: there is no zone pth; path?"),
        ("label", "persn", "--label: there is no label persn; person?"),
        ("kind", "moton", "kind: 'moton' is none of motion, tampered, lost"),
    ],
)
def test_a_question_about_a_zone_label_or_kind_that_is_none_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str], option: str, given: str, said: str
) -> None:
    """It does not say that nothing fits."""
    assert run(config, "query", f"--{option}", given) in (1, 2)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("what", ["area", "organisation"])
def test_a_question_about_a_place_that_is_none_names_the_near_ones(
    config: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    """Also where somebody gave its name for its code."""
    kind = ("--kind", "town") if what == "area" else ("--type", "school")
    assert run(config, what, "add", "Liên Chiểu", *kind) == 0
    for given in ("Liên Chiểu", "lien-chiu"):
        assert run(config, "query", f"--{what}", given) == 1
        told = capsys.readouterr().err
        assert f"--{what}: there is no {what} {given}; lien-chieu?" in told
        assert f"camwatch-hub {what} list" in told


def test_a_node_that_is_awaited_is_known(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no event of it: that is the answer."""
    assert run(config, "node", "add", "gate-7", "--to", str(tmp_path / "gate-7.node")) == 0
    assert run(config, "query", "--node", "gate-7") == 1
    assert "no event fits" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["area", "organisation"])
def test_a_user_of_an_unknown_place_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    """They would see nothing, and nobody would know why."""
    assert run(config, "user", "add", "anna", f"--{what}", "nosuch") == 1
    told = capsys.readouterr().err
    assert f"{what}s: there is no {what} nosuch" in told
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
    assert run(config, "suggest", "--node", "gate1") == 1
    assert "--node: there is no node gate1; gate-1?" in capsys.readouterr().err
