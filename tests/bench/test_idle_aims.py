"""What the idle bench asks of a node, and how it judges."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.bench import idle_aims
from scripts.bench.idle_contestants import COPY, MOTION, NODE, Run, crossing_times, match
from scripts.bench.idle_meter import Cost
from scripts.bench.idle_streams import Prepared, Stream

QUIET = Stream(720, "vbr", "day", "idle")
MOVING = Stream(720, "vbr", "day", "moving")


def run(cpu: float, rss: float = 90.0, *, known: int = 0, met: int = 0, strays: int = 0) -> Run:
    return Run(Cost(cpu, rss), known, met, strays)


def missed(stream: Stream, runs: dict[str, Run]) -> list[str]:
    return [each.text for each in idle_aims.judge(stream, runs) if each.is_reached is not True]


@pytest.mark.parametrize(
    ("name", "part"),
    [("vbr-day-idle", 12), ("vbr-night-idle", 8), ("cbr-day-idle", 8), ("crf-day-idle", None),
     ("vbr-day-moving", 7), ("cbr-night-moving", 7)],
)  # fmt: skip
def test_the_aim_against_motion_depends_on_the_stream(name: str, part: int | None) -> None:
    """A twelfth in the plain case, less where the stream is harder."""
    control, light, action = name.split("-")
    stream = Stream(720, control, light, action)  # type: ignore[arg-type]
    assert idle_aims.motion_part(stream) == part


def test_aims_just_reached_and_just_missed() -> None:
    """Each aim is missed by itself when its figure is a little worse."""
    good = {NODE: run(5), MOTION: run(60, 110), COPY: run(0.85)}
    assert missed(QUIET, good) == []
    assert missed(QUIET, good | {MOTION: run(59.9, 110)}) == [
        "CPU 1/12.0 of Motion's (at most 1/12)"
    ]
    assert missed(QUIET, good | {COPY: run(0.83)}) == ["CPU 6.0 times ffmpeg -c copy (at most 6)"]
    assert missed(QUIET, good | {NODE: run(5, 101)}) == ["RSS 101 MB (at most 100)"]
    assert missed(QUIET, good | {MOTION: run(60, 90)}) == ["RSS 90 MB (Motion: 90, below it)"]
    assert missed(QUIET, good | {NODE: run(5, strays=1)}) == ["events where nobody moves: 1"]


def test_movement_is_judged_by_recall_too() -> None:
    """A crossing without an event, an event without a crossing, and no crossing at all."""
    others = {MOTION: run(70, 110), COPY: run(1)}
    assert missed(MOVING, others | {NODE: run(10, known=2, met=2)}) == []
    for told in (run(10, known=2, met=1), run(10, known=2, met=2, strays=1), run(10)):
        assert len(missed(MOVING, others | {NODE: told})) == 1


def test_what_has_no_contestant_is_not_judged() -> None:
    """And so is not counted as reached."""
    verdicts = idle_aims.judge(QUIET, {NODE: run(5)})
    assert [str(each) for each in verdicts if each.is_reached is None] == [
        "CPU at most 1/12 of Motion's: not judged",
        "CPU at most 6 times ffmpeg -c copy: not judged",
        "RSS below Motion's: not judged",
    ]


def test_rounds_give_the_median_cost_and_all_events() -> None:
    """One bad round does not decide about the cost, but hides no event."""
    rounds = [
        run(9, 80, known=2, met=2),
        run(5, 70, known=2, met=1, strays=1),
        run(6, 90, known=2, met=2),
    ]
    assert idle_aims.median(rounds) == run(6, 80, known=6, met=5, strays=1)
    assert idle_aims.median([Run(Cost(1, 2), 0, None, None)]) == Run(Cost(1, 2), 0, None, None)


def test_crossings_come_again_with_every_loop() -> None:
    """As far as the film has been played; an event belongs to the crossing that it began in."""
    film = Prepared(MOVING, Path("film.mp4"), ((150, 194), (600, 644)))
    times = crossing_times(film, 75.0, 1000.0)
    assert times == [(1010.0, 1013.0), (1040.0, 1043.0), (1070.0, 1073.0)]
    assert match(times, [1010.4, 1055.0, 1072.0]) == 2
