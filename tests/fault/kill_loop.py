"""Kills a writer at random moments: fork, let it write, SIGKILL, recover, judge.

    python -m tests.fault.kill_loop PATH KILLS FOLDER [--seed N]

The writer reports through a pipe what the product told it was done, a line each; what was reported
must be there after the kill. One process, no threads, so that forking is safe.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tests.fault.verdict import Verdict

PATHS = ("journal", "clips", "archive", "uploads", "store", "files")
TRIALS_PER_FOLDER = 40  # then a fresh one, so that judging does not grow
EARLY_SHARE = 0.15  # of the kills, aimed at the opening of files
EARLY_S = 0.004
RECOVERY_SHARE = 0.25  # of the kills are followed by one of the recovery

Say = Callable[[str], None]


class WritePath(Protocol):
    """One way that the product writes, in a folder of its own."""

    span_s: float
    """Kills fall within so long after the start."""

    def work(self, say: Say) -> None:
        """Write for ever, in a process that will be killed; `say` what is done."""

    def judge(self, said: list[str], verdict: Verdict) -> None:
        """Recover as the product does at its start, and hold it against all that was ever said."""

    def recover(self, say: Say) -> None:
        """Recover alone; it may be killed too, and is then run again."""


def run_child(work: Callable[[Say], None], delay_s: float, verdict: Verdict) -> list[str]:
    """Fork, run `work`, kill it after `delay_s`; the lines that it said before."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            work(lambda line: _say(writing, line))
        except BaseException:  # noqa: BLE001 - whatever it is, it is reported and ends the child
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    time.sleep(delay_s)
    os.kill(pid, signal.SIGKILL)
    said = b""
    while piece := os.read(reading, 1 << 16):
        said += piece
    os.close(reading)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        verdict.find("crashed", "a writer failed before it was killed, see the log")
    verdict.counts["killed" if os.WIFSIGNALED(status) else "ended before the kill"] += 1
    *lines, _ = said.decode().split("\n")
    return lines


def _say(fd: int, line: str) -> None:
    os.write(fd, line.encode() + b"\n")


def run(make: Callable[[Path], WritePath], kills: int, folder: Path, seed: int) -> Verdict:
    """So many processes killed; stops at the first broken promise, the folder being evidence."""
    rng, verdict = random.Random(seed), Verdict()
    for trial in itertools.count():
        if verdict.counts["killed"] >= kills or not verdict.is_good:
            break
        place = folder / str(trial // TRIALS_PER_FOLDER)
        if trial % TRIALS_PER_FOLDER == 0:
            shutil.rmtree(folder, ignore_errors=True)
            place.mkdir(parents=True)
            path = make(place)
        span_s = EARLY_S if rng.random() < EARLY_SHARE else path.span_s
        said = run_child(path.work, rng.uniform(0, span_s), verdict)
        verdict.counts["things said to be done"] += len(said)
        if rng.random() < RECOVERY_SHARE:
            run_child(path.recover, rng.uniform(0, path.span_s / 2), verdict)
        path.judge(said, verdict)
    return verdict


def main() -> int:
    """Print what was counted and found as JSON; exit status 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", choices=PATHS)
    parser.add_argument("kills", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    room = importlib.import_module(f"tests.fault.killed_{arguments.path}")
    began_s = time.monotonic()
    verdict = run(room.make, arguments.kills, arguments.folder, arguments.seed)
    told = {
        "counts": dict(verdict.counts),
        "seconds": round(time.monotonic() - began_s, 1),
        "findings": [f"{each.rule}: {each.detail}" for each in verdict.findings],
    }
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    return 0 if verdict.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
