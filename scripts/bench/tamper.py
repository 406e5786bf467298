"""How tampering is found: recall and delay by kind over made films, and what is found for nothing.

The product's own analysis plays each film, with its gate; see `scripts/bench/tamper`.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from edge.camera.tamper_story import Evidence
from edge.camera.tamper_watch import TamperWatch
from edge.contract.motion import MotionSettings
from edge.contract.tamper import TamperSettings
from edge.motion.tamper import Over, TamperJudge
from scripts.bench import seeing_altered
from scripts.bench.made_nuisances import MAKERS
from scripts.bench.seeing_altered import TWINS
from scripts.bench.tamper_films import LEAD_S, Film, films
from tests.footage.gate_replay import view
from tests.harness.footage import Footage, find_footage

WITHIN_S = 10.0
LABELLED = {"tamper-1": 1930 / 30}  # seconds, where the label file's frames say so
SHEET_WIDTH = 240


@dataclass(frozen=True)
class Found:
    """One tampering found, in seconds of the film."""

    fault: str
    at_s: float
    since_s: float


class Listener:
    """Keeps what is found, in place of the camera's story."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.pictures: list[np.ndarray] = []

    def begin(self, evidence: Evidence) -> None:
        """A fault was found."""
        told = evidence.tampering
        self.found.append(Found(told.fault, told.at_ns / 1e9, told.since_ns / 1e9))
        before = evidence.before_luma if evidence.before_luma is not None else evidence.frame.luma
        self.pictures += [before, evidence.frame.luma]

    def end(self, _over: Over) -> None:
        """The fault is over."""

    def lose(self) -> None:
        """The film is over."""

    def stop(self) -> None:
        """The same."""


def play(path: Path, settings: MotionSettings) -> Listener:
    """What the product finds in one film."""
    listener = Listener()
    view(path, settings, tamper=TamperWatch(TamperSettings(), listener))
    return listener


def main() -> int:
    """Play all, print, write CSV and sheets; 1 where the aims are missed."""
    options = _options()
    footage = Footage(options.footage) if options.footage else find_footage()
    if footage is None:
        print("tamper: no recordings; say where they are: scripts/bench/tamper FOLDER")
        return 78
    settings = MotionSettings(decode="all" if options.all else "auto")
    options.out.mkdir(parents=True, exist_ok=True)
    names = [each for each in footage.names if each not in TWINS]
    wrong = _play_real(footage, names, settings, options.out)
    if options.nuisances:
        wrong_made = _play_nuisances(footage, settings, options)
        print(f"false ones in recordings made harder: {wrong_made}")
    missed = _play_made(footage, [n for n in names if n not in LABELLED], settings, options)
    _print_cost()
    return 1 if missed or wrong > 1 else 0


def _play_real(footage: Footage, names: list[str], settings: MotionSettings, out: Path) -> int:
    wrong, seconds = 0, 0.0
    for name in names:
        recording = footage.recording(name)
        seconds += recording.labels.frames / recording.labels.fps
        listener = play(recording.path, settings)
        begins_s = LABELLED.get(name)
        for each in listener.found:
            is_true = begins_s is not None and each.at_s >= begins_s
            wrong += not is_true
            delay = f"{each.at_s - begins_s:.1f} s after" if begins_s and is_true else "FALSE"
            print(f"{name}: {each.fault} at {each.at_s:.1f} s, {delay}", flush=True)
            _sheet(out / f"real-{name}.png", listener.pictures[:2])
        if begins_s is not None and not listener.found:
            print(f"{name}: MISSED")
    print(f"false ones in {seconds:.0f} s of recordings: {wrong}")
    return wrong


def _play_nuisances(footage: Footage, settings: MotionSettings, options: argparse.Namespace) -> int:
    wrong = 0
    for kind in MAKERS:
        made = seeing_altered.altered(footage, kind, options.films / f"harder-{kind}", frozenset())
        for name in made.names:
            listener = play(made.recording(name).path, settings)
            for each in listener.found:
                wrong += 1
                print(f"{name}: FALSE {each.fault} at {each.at_s:.1f} s")
                _sheet(options.out / f"false-{name}.png", listener.pictures[:2])
    return wrong


def _play_made(
    footage: Footage, names: list[str], settings: MotionSettings, options: argparse.Namespace
) -> int:
    rows: list[tuple[Film, Found | None, int]] = []
    worst: list[np.ndarray] = []
    for film in films(footage, options.films, names, stride=options.stride):
        listener = play(film.path, settings)
        early = [each for each in listener.found if each.at_s < LEAD_S]
        late = [each for each in listener.found if each.at_s >= LEAD_S]
        found = late[0] if late else None
        if not is_timely(film, found):
            told = "missed" if found is None else f"{found.fault} after {found.at_s - LEAD_S:.1f} s"
            print(f"{film.recording}, {film.light}, {film.kind.name}: {told}", flush=True)
            worst += _last_pictures(film.path)
        rows.append((film, found, len(early)))
    _write(options.out / "tamper.csv", rows)
    _sheet(options.out / "missed.png", worst)
    return _print_table(rows)


def is_timely(film: Film, found: Found | None) -> bool:
    """Told as what it is, within WITHIN_S after it was complete."""
    if found is None or found.fault not in film.kind.faults:
        return False
    return found.at_s - LEAD_S <= WITHIN_S + film.kind.takes_s


def _print_table(rows: Iterable[tuple[Film, Found | None, int]]) -> int:
    by_kind: dict[str, list[tuple[Film, Found | None]]] = defaultdict(list)
    early = missed = total = 0
    for film, found, before in rows:
        by_kind[film.kind.name].append((film, found))
        early += before
    print(f"{'kind':24} {'found':>9} {'in time':>8} {'median':>7} {'worst':>6}  named")
    for kind, each in by_kind.items():
        delays = [found.at_s - LEAD_S for _, found in each if found is not None]
        timely = sum(is_timely(film, found) for film, found in each)
        named = Counter(found.fault for _, found in each if found is not None)
        words = ", ".join(f"{name} {count}" for name, count in named.most_common())
        missed, total = missed + len(each) - timely, total + len(each)
        middle, most = (median(delays), max(delays)) if delays else (0.0, 0.0)
        share = f"{len(delays)}/{len(each)}"
        print(f"{kind:24} {share:>9} {timely:8} {middle:6.1f}s {most:5.1f}s  {words}")
    print(f"{total - missed} of {total} in time; {early} found before anything was done")
    return missed + early


def _print_cost() -> None:
    """What one judged picture costs, beside nothing else."""
    judge, took = TamperJudge(), 0.0
    rng = np.random.default_rng(1)
    still = rng.uniform(20, 230, (18, 32)).repeat(10, 0).repeat(10, 1)
    count = 300
    for number in range(count):
        luma = np.clip(still + rng.normal(0, 2, still.shape), 0, 255).astype(np.uint8)
        before_s = time.process_time()
        judge.observe(luma, (number + 1) * 10**9)
        took += time.process_time() - before_s
    print(f"judging one picture of 320x180: {took / count * 1000:.2f} ms of CPU, once a second")


def _last_pictures(path: Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    shown = []
    for number in (200, 390):
        capture.set(cv2.CAP_PROP_POS_FRAMES, number)
        is_read, picture = capture.read()
        if is_read:
            shown.append(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    capture.release()
    return shown


def _sheet(path: Path, pictures: list[np.ndarray]) -> None:
    """Two columns: before, and what was found or missed."""
    if not pictures:
        return
    shape = (SHEET_WIDTH, SHEET_WIDTH * 9 // 16)
    small = [cv2.resize(each, shape, interpolation=cv2.INTER_AREA) for each in pictures]
    rows = [np.hstack(small[at : at + 2]) for at in range(0, len(small) - 1, 2)]
    cv2.imwrite(str(path), np.vstack(rows[:60]))


def _write(path: Path, rows: list[tuple[Film, Found | None, int]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("recording", "light", "kind", "found", "delay_s", "early"))
        for film, found, early in rows:
            delay = "" if found is None else f"{found.at_s - LEAD_S:.2f}"
            fault = "" if found is None else found.fault
            writer.writerow((film.recording, film.light, film.kind.name, fault, delay, early))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench/tamper", description=__doc__)
    parser.add_argument("footage", nargs="?", type=Path, help="folder of labelled recordings")
    parser.add_argument("--films", type=Path, default=Path("var/tamper/films"), help="made here")
    parser.add_argument("--out", type=Path, default=Path("var/tamper"), help="CSV and sheets")
    parser.add_argument("--stride", type=int, default=1, help="play every so-many-th made film")
    parser.add_argument("--all", action="store_true", help="decode every picture, without the gate")
    parser.add_argument("--nuisances", action="store_true", help="also recordings made harder")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
