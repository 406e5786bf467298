"""The seeing bench from its command line to its files, on films made here."""

from __future__ import annotations

import csv
from pathlib import Path

import av
import pytest

from scripts.bench import seeing, seeing_contest, seeing_sheets, seeing_sweep
from scripts.bench.seeing_contest import OURS, OURS_ALL, Turn, play
from scripts.bench.seeing_footage import known
from scripts.bench.seeing_report import judge_all
from scripts.bench.seeing_score import Tally
from tests.bench.seeing_films import FPS, HEIGHT, WIDTH, write_film
from tests.harness.footage import Footage

CROSSING = (150, 190)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A crossing by night, and one labelled where nobody is, so that it is missed."""
    folder = tmp_path_factory.mktemp("films")
    write_film(folder, "crossing", 220, [CROSSING], conditions=["night"], scene="yard")
    write_film(folder, "nobody", 120, [], motion=[[60, 90]], static=[[0, 59], [91, 119]])
    return folder


def test_the_bench_writes_a_line_for_each_and_draws_what_went_wrong(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything at its defaults; the miss is on a sheet."""
    assert seeing.main([str(films), "--out", str(tmp_path), "--workers", "1"]) == 0
    printed = capsys.readouterr().out
    assert "all recordings: 2 recordings" in printed
    assert "night: 1 recordings" in printed
    with (tmp_path / "recordings.csv").open(encoding="utf-8") as file:
        lines = {(row["recording"], row["contestant"]): row for row in csv.DictReader(file)}
    assert len(lines) == 2 * len(seeing_contest.ENTRIES)
    assert lines["crossing", OURS]["recall"] == "1"
    assert lines["nobody", OURS]["recall"] == "0"
    assert lines["crossing", OURS]["scene"] == "yard"
    with (tmp_path / "events.csv").open(encoding="utf-8") as file:
        events = [row for row in csv.DictReader(file) if row["contestant"] == OURS]
    assert [(row["recording"], row["what"]) for row in events] == [
        ("crossing", "true"),
        ("nobody", "missed"),
    ]
    assert [each.name for each in tmp_path.glob("*.png")] == ["camwatch-missed-1.png"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--only", "absent"], "no recording absent"), (["/nonexistent"], "no recordings"),
     (["--also", "dvr-scan itself"], "dvr-scan is not on the PATH")],
    ids=["recording", "folder", "program"],
)  # fmt: skip
def test_what_is_not_there_is_named(
    films: Path,
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before anything is played."""
    monkeypatch.setenv("PATH", "/nonexistent")
    chosen = arguments if arguments[0].startswith("/") else [str(films), *arguments]
    assert seeing.main(chosen) == 2
    assert words in capsys.readouterr().err


def test_the_product_is_judged_as_it_runs_with_its_gate(films: Path) -> None:
    """The event is told of once its packets have come, and dated to its first frame."""
    (recording,) = known(Footage(films), frozenset({"crossing"}))
    for name in (OURS, OURS_ALL):
        (outcome,) = play(Turn(recording, ((name, 5),)))
        (event,) = outcome.found
        assert event.span.meets(recording.visits[0].span)
        assert event.told_s > event.span.first_s
        assert any(look.moving for look in outcome.trace)
        assert "decoded" in outcome.note


def test_settings_that_look_at_pictures_share_a_decoding(films: Path) -> None:
    """The product and programs decode for themselves."""
    recordings = known(Footage(films))
    wanted = [(OURS, 5.0), ("frigate", 30.0), ("frigate", 50.0), ("motion", 1500.0)]
    turns = seeing_contest.turns(recordings, wanted, together=2)
    assert sorted(len(each.settings) for each in turns) == [1, 1, 1, 1, 2, 2]
    assert {each for turn in turns for each in turn.settings} == set(wanted)


def test_the_fewest_false_alarms_at_a_recall() -> None:
    """Of the settings that reach it; of equals, the one that is on less."""
    sums = {
        1.0: Tally(required=10, met=10, false=3, static_s=3600, inner_static_s=100, on_s=50),
        2.0: Tally(required=10, met=9, false=1, static_s=3600, inner_static_s=100, on_s=9),
        3.0: Tally(required=10, met=9, false=1, static_s=3600, inner_static_s=100, on_s=8),
    }
    best, worst = seeing_sweep.fewest(sums, 0.9), seeing_sweep.fewest(sums, 1.0)
    assert best is not None
    assert worst is not None
    assert (best[0], worst[0]) == (3.0, 1.0)
    assert seeing_sweep.fewest({3.0: sums[3.0]}, 0.95) is None


def test_a_sensitivity_is_chosen_on_other_scenes(
    films: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The best F1, of equals the nearest to the default; held against the scene left out."""
    recordings = known(Footage(films))
    wanted = [("motion", each) for each in seeing_contest.ALL["motion"].sweep]
    outcomes = [each for one in recordings for each in play(Turn(one, tuple(wanted)))]
    judgements = judge_all(recordings, outcomes)
    crossing = [each for each in recordings if each.name == "crossing"]
    assert seeing_sweep.choose(crossing, judgements, "motion") == 1500
    seeing_sweep.print_folds(recordings, judgements, ["motion"])
    assert "2 folds" in capsys.readouterr().out


def test_pictures_of_a_sheet_are_those_shown_at_their_times(tmp_path: Path) -> None:
    """Before a picture's time the one before it is shown; beyond the end, the last."""
    path = write_film(tmp_path, "made", 30, [(10, 20)])
    times_s = [0.9, 1.0, 2.0, 2.1, 99.0]
    shown = seeing_sheets.pictures_at(path, times_s)
    scale = seeing_sheets.CELL_PX / WIDTH
    row = round(190 * scale)
    dark = [(picture[row].mean(axis=1) < 45).sum() for picture in shown]
    assert shown[0].shape == (round(HEIGHT * scale), seeing_sheets.CELL_PX, 3)
    assert [each > 30 for each in dark] == [False, True, True, False, False]
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == FPS
