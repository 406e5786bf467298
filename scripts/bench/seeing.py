"""Event scores of motion detection on labelled recordings, beside others' detectors.

What an event, a miss and a false alarm are is said in `seeing_score` and docs/design/seeing.md. One
default set of parameters for each contestant, the same for all recordings.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import cv2

from scripts.bench import (
    seeing_altered,
    seeing_contest,
    seeing_programs,
    seeing_report,
    seeing_sheets,
    seeing_sweep,
)
from scripts.bench.made_nuisances import MAKERS
from scripts.bench.seeing_contest import ALL, ENTRIES, PROGRAMS, Outcome, Turn
from scripts.bench.seeing_footage import Known, known
from scripts.bench.seeing_report import Judgements
from tests.harness.footage import Footage, find_footage

WORKERS = 2
ALTERED = Path("var/seeing-altered")
STILL = Path("var/seeing-still")
PLAYERS = 6  # recordings that the real Motion plays at once, in real time, at a few per cent each


def main(argv: Sequence[str] | None = None) -> int:
    """Play, score, print; 0 when all was scored, 2 when something asked for is not there."""
    arguments = _parser().parse_args(argv)
    try:
        recordings = _recordings(arguments)
        wanted = _wanted(arguments)
    except ValueError as err:
        print(f"scripts/bench/seeing: {err}", file=sys.stderr)
        return 2
    began_s = time.monotonic()
    outcomes = play_all(seeing_contest.turns(recordings, wanted), arguments.workers)
    judgements = seeing_report.judge_all(recordings, outcomes)
    defaults = [each for each in wanted if each[1] == ALL[each[0]].default]
    seeing_report.print_tables(recordings, judgements, defaults)
    names = list(dict.fromkeys(name for name, _ in wanted))
    if arguments.sweep or arguments.folds:
        seeing_sweep.print_sweep(recordings, judgements, names)
    if arguments.folds:
        seeing_sweep.print_folds(recordings, judgements, names)
    write(arguments.out, recordings, judgements, outcomes, arguments.sheets or names[:1])
    print(f"\n{time.monotonic() - began_s:.0f} s; CSV and sheets in {arguments.out}")
    return 0


def play_all(turns: Sequence[Turn], workers: int) -> list[Outcome]:
    """All the work; what keeps real time is done beside what takes processors."""
    is_slow = {each.name for each in PROGRAMS if each.program == seeing_programs.MOTION}
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(workers, mp_context=context, initializer=_begin) as pool,
        ThreadPoolExecutor(PLAYERS) as players,
    ):
        running: list[Future[list[Outcome]]] = [
            (players if turn.settings[0][0] in is_slow else pool).submit(seeing_contest.play, turn)
            for turn in turns
        ]
        return [outcome for each in running for outcome in each.result()]


def write(
    folder: Path,
    recordings: Sequence[Known],
    judgements: Judgements,
    outcomes: Sequence[Outcome],
    drawn: Sequence[str],
) -> None:
    """The CSV files and the sheets, in place of those of an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in folder.glob("*.png"):
        each.unlink()
    notes = {f"{each.recording} {each.contestant} {each.setting:g}": each.note for each in outcomes}
    seeing_report.write_recordings(folder / "recordings.csv", recordings, judgements, notes)
    seeing_report.write_events(folder / "events.csv", recordings, judgements)
    for name in drawn:
        setting = ALL[name].default
        traces = {
            each.recording: each.trace
            for each in outcomes
            if each.contestant == name and each.setting == setting
        }
        wrong = [
            row
            for known_one in recordings
            for row in seeing_sheets.rows(
                known_one, judgements[known_one.name, name, setting], traces[known_one.name]
            )
        ]
        seeing_sheets.write(folder, name, wrong, dict(traces))


def _begin() -> None:
    cv2.setNumThreads(1)


def _recordings(arguments: argparse.Namespace) -> list[Known]:
    if arguments.still and not arguments.altered:
        raise ValueError("--still says nothing by itself: add --altered and what shall disturb")
    footage = Footage(arguments.footage) if arguments.footage else find_footage()
    if footage is None or not footage.names:
        raise ValueError("no recordings: name their folder, or set CAMWATCH_FOOTAGE")
    only = frozenset(arguments.only)
    recordings = [] if arguments.altered else known(footage, only)
    for kind in dict.fromkeys(arguments.altered):
        print(f"altering recordings: {kind} ...", file=sys.stderr)
        if arguments.still:
            made = seeing_altered.still(footage, kind, STILL / kind, only)
        else:
            made = seeing_altered.altered(footage, kind, ALTERED / kind, only)
        recordings += known(made, frozenset(f"{name}-{kind}" for name in only))
    if not recordings:
        raise ValueError("none of these recordings has labels")
    return recordings


def _wanted(arguments: argparse.Namespace) -> list[tuple[str, float]]:
    """Contestants and settings. Raises ValueError for a program that is not installed."""
    names = arguments.contestant or [each.name for each in ENTRIES]
    for name in [*names, *arguments.also]:
        if (program := ALL[name].program) and seeing_programs.missing(program):
            raise ValueError(f"{program} is not on the PATH; install it, or leave {name!r} out")
    wanted = []
    for name in dict.fromkeys([*names, *arguments.also]):
        entry = ALL[name]
        sweep = entry.sweep if arguments.sweep or arguments.folds else ()
        wanted += [(name, each) for each in dict.fromkeys((entry.default, *sweep))]
    return wanted


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench/seeing")
    parser.add_argument("footage", nargs="?", type=Path, help="folder of recordings and labels")
    parser.add_argument("--only", action="append", default=[], help="one recording; repeatable")
    parser.add_argument("--contestant", action="append", choices=list(ALL), help="repeatable")
    parser.add_argument("--also", action="append", default=[], choices=[e.name for e in PROGRAMS],
                        help="a program that is installed, beside the others")  # fmt: skip
    parser.add_argument("--altered", action="append", default=[],
                        choices=list(MAKERS),
                        help="the recordings made harder in this way; repeatable")  # fmt: skip
    parser.add_argument("--still", action="store_true",
                        help="with --altered: over the scenes with nobody in them")  # fmt: skip
    parser.add_argument("--sweep", action="store_true", help="all sensitivities")
    parser.add_argument("--folds", action="store_true", help="choose one on the other scenes")
    parser.add_argument("--sheets", action="append", choices=list(ALL),
                        help="whose errors to draw, instead of the first's")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("var/seeing"), help="for CSV and sheets")
    parser.add_argument("--workers", type=int, default=WORKERS, help="processes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
