"""What a quiet camera costs: this node, Debian's Motion, and the floors of reading and decoding.

Prepared streams over real RTSP, one contestant after the other, each with a server of its own that
is not counted. Processor time and memory are taken over a window after a warm-up, so that neither
start-up nor the node's learning is in them; a stream keeps real time, so a second of the window is
a second of the stream.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.bench import idle_aims, idle_contestants, idle_streams
from scripts.bench.idle_aims import Verdict
from scripts.bench.idle_contestants import ALL_NAMES, NAMES, Run
from scripts.bench.idle_film import FilmError
from scripts.bench.idle_streams import FILM_S, Prepared, Stream
from scripts.bench.parties import positive, say

WINDOW_S, WARM_UP_S = 60.0, 20.0  # the node learns its scene meanwhile


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when every aim was reached."""
    arguments = _parser().parse_args(argv)
    try:
        streams = _streams(arguments)
    except ValueError as err:
        print(f"scripts/bench/idle: {err}", file=sys.stderr)
        return 2
    names = tuple(arguments.contestant or NAMES)
    if missing := {
        program for name in names if (program := idle_contestants.missing_program(name))
    }:
        print(f"please install: {' '.join(sorted(missing))}", file=sys.stderr)
        return 2
    if arguments.seconds % FILM_S and any(stream.action == "moving" for stream in streams):
        print(
            f"Somebody moves in a tenth of {FILM_S} s: in windows of another length, more or less."
        )
    try:
        films = [idle_streams.prepare(each, arguments.folder, say) for each in streams]
    except FilmError as err:
        print(f"scripts/bench/idle: {err}", file=sys.stderr)
        return 2
    verdicts = []
    for film in films:
        runs = measure(film, names, arguments.warm_up, arguments.seconds, arguments.rounds)
        verdicts += report(film, runs)
    reached = sum(each.is_reached is True for each in verdicts)
    print(f"\n{reached} of {len(verdicts)} reached")
    return 0 if reached == len(verdicts) else 1


def measure(
    film: Prepared, names: Sequence[str], warm_up_s: float, window_s: float, rounds: int
) -> dict[str, Run]:
    """All contestants on one stream, in turn; the median of the rounds."""
    runs: dict[str, list[Run]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            turn = f", round {number + 1}" if rounds > 1 else ""
            say(f"{film.stream.name}: {name}, {warm_up_s:g} + {window_s:g} s{turn} ...")
            with tempfile.TemporaryDirectory(prefix="camwatch-idle-") as folder:
                runs[name].append(
                    idle_contestants.run(name, film, Path(folder), warm_up_s, window_s)
                )
    return {name: idle_aims.median(each) for name, each in runs.items()}


def report(film: Prepared, runs: dict[str, Run]) -> list[Verdict]:
    """Print one stream's figures and verdicts; the verdicts."""
    print(f"\n{film.stream.name}, {film.kbps:.0f} kbit/s")
    print(f"  {'':16} {'CPU ms/s':>9} {'RSS MB':>7}  events archived")
    for name, each in runs.items():
        print(f"  {name:16} {each.cost.cpu_ms_per_s:9.2f} {each.cost.rss_mb:7.1f}  {events(each)}")
    verdicts = idle_aims.judge(film.stream, runs)
    for verdict in verdicts:
        print(f"  {verdict}")
    sys.stdout.flush()
    return verdicts


def events(run: Run) -> str:
    """What the hub's archive holds of a run; nothing for who has none."""
    if run.met is None:
        return ""
    found = f"{run.met} of {run.known} crossings, " if run.known else ""
    return f"{found}{run.strays} others"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench/idle")
    parser.add_argument("--all", action="store_true", help="the whole matrix of streams")
    parser.add_argument(
        "--only", action="append", metavar="NAME",
        help="this stream, such as 720p-vbr-day-idle or '1080p-*'; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--contestant", action="append", choices=ALL_NAMES,
        help="this one alone, for finding out where time goes; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=positive, default=WINDOW_S, help="measured, default %(default)g"
    )
    parser.add_argument(
        "--warm-up",
        type=float,
        default=WARM_UP_S,
        help="seconds before, default %(default)g; Motion needs 5",
    )
    parser.add_argument(
        "--rounds", type=int, choices=range(1, 100), default=1, metavar="N",
        help="of which the median counts, default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--folder", type=Path, default=idle_streams.cache_folder(),
        help="where films are kept, default %(default)s",
    )  # fmt: skip
    return parser


def _streams(arguments: argparse.Namespace) -> list[Stream]:
    if arguments.all:
        return idle_streams.matrix()
    return idle_streams.choose(arguments.only or idle_streams.DEFAULT)


if __name__ == "__main__":
    sys.exit(main())
