"""SIGKILL at random moments of every way that the product writes: more than a thousand by default.

A writer is forked and killed; then the product recovers as at its start (killed too, every fourth
time), and what lies on the disk is held against what the writer had been told was done.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fault import kill_loop

ROOT = Path(__file__).parents[2]
# Weighted by what each costs and risks; together 1,100 and 11,000.
KILLS = {
    "journal": 220,
    "clips": 220,
    "archive": 200,
    "uploads": 200,
    "store": 130,
    "files": 130,
}
MANY = 10
SEED_ENV = "CAMWATCH_KILL_SEED"


def kill(path: str, kills: int, folder: Path) -> dict[str, Any]:
    """What so many kills of a path came to."""
    seed = os.environ.get(SEED_ENV, "1")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fault.kill_loop", path, str(kills), str(folder),
         "--seed", seed],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["findings"] == [], f"seed {seed}\n{done.stderr[-4000:]}"
    return told


def check_worth(told: dict[str, Any], kills: int) -> None:
    """The kills hit processes that had work done and work to do."""
    counts = told["counts"]
    assert counts["killed"] >= kills
    assert counts["things said to be done"] > 0


@pytest.mark.parametrize("path", kill_loop.PATHS)
def test_a_kill_at_any_moment_of_writing_loses_and_tears_nothing(path: str, tmp_path: Path) -> None:
    """What was reported as done is there, whole and once; everything else is recovered or gone."""
    check_worth(kill(path, KILLS[path], tmp_path / path), KILLS[path])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("path", kill_loop.PATHS)
def test_ten_times_as_many_kills_lose_and_tear_nothing(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The long tier, with other moments than the short one."""
    monkeypatch.setenv(SEED_ENV, "2")
    check_worth(kill(path, MANY * KILLS[path], tmp_path / path), MANY * KILLS[path])


def test_there_are_a_thousand_kills_by_default_and_ten_thousand_in_all() -> None:
    """As promised; a smaller table would be a weaker test."""
    assert set(KILLS) == set(kill_loop.PATHS)
    assert sum(KILLS.values()) >= 1_000
    assert sum(KILLS.values()) * MANY >= 10_000


def test_a_writer_that_reports_too_early_is_found_out(tmp_path: Path) -> None:
    """The loop itself can fail: reporting before the rename is a broken promise that it sees."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from edge.base.durable import write_file\n"
        "from tests.fault import kill_loop, killed_files\n"
        "class Hasty(killed_files.Files):\n"
        "    def work(self, say):\n"
        "        while True:\n"
        "            self._version += 1\n"
        "            say(str(self._version))\n"
        "            write_file(self._path, killed_files.content(self._version))\n"
        "verdict = kill_loop.run(Hasty, 1000, Path(sys.argv[1]), 1)\n"
        "print(sorted(verdict.rules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "hasty")], cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "['lost']", done.stderr
