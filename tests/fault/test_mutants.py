"""The harness is tested too: each bug seeded into a copy of the product must be found by it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fault import power_cut, power_vfs
from tests.fault.mutants.bugs import BUGS, Bug

pytestmark = pytest.mark.skipif(
    power_vfs.library() is None, reason="SQLite's file layer cannot be reached in this Python"
)
REPOSITORY = Path(__file__).resolve().parents[2]
# One for each kind of bug and each search, of both sides; the long tier has all.
BY_DEFAULT = {
    "no fsync of a file", "no fsync of a folder, on the hub", "rename before fsync",
    "an existing part is taken for a new one", "fsync tried again after EIO",
    "synchronous=NORMAL on the node", "the record before its clip",
    "record and journal in two transactions", "one record too many is freed",
    "the hub acknowledges before its commit",
}  # fmt: skip
SEEDED = [
    pytest.param(
        each, id=each.name.replace(" ", "-"),
        marks=() if each.name in BY_DEFAULT else pytest.mark.slow,
    )
    for each in BUGS
]  # fmt: skip


@pytest.mark.system
@pytest.mark.parametrize("bug", SEEDED)
def test_a_seeded_bug_is_found(bug: Bug, tmp_path: Path) -> None:
    """By a promise broken after a power cut or an error, and by the one that the bug breaks."""
    copy(tmp_path)
    bug.seed(tmp_path)
    found = find(tmp_path, bug.side, bug.search)
    assert found, f"{bug.name}: not found"
    assert bug.is_shown_by(found), f"{bug.name} is found by luck: {found}"


@pytest.mark.system
@pytest.mark.parametrize("side", ["node", "hub"])
def test_an_unchanged_copy_has_none_of_them(side: str, tmp_path: Path) -> None:
    """What is found is the bug, not the copy. All of both searches is made by `test_power_cut` and
    `test_io_errors` on the product where it stands, and finds nothing either."""
    copy(tmp_path)
    assert find(tmp_path, side, "cuts", states=60) == ""


def test_bugs_of_both_sides_and_searches_are_seeded_by_default() -> None:
    """Under names that there are."""
    chosen = [bug for bug in BUGS if bug.name in BY_DEFAULT]
    assert len(chosen) == len(BY_DEFAULT)
    assert {bug.side for bug in chosen} == {"node", "hub"}
    assert {bug.search for bug in chosen} == {"cuts", "errors"}


def copy(tree: Path) -> None:
    """The product's rooms and, by a link, the tests."""
    for room in ("edge", "hub"):
        shutil.copytree(REPOSITORY / room, tree / room, ignore=shutil.ignore_patterns("*.pyc"))
    (tree / "tests").symlink_to(REPOSITORY / "tests")


def find(tree: Path, side: str, search: str, states: int = power_cut.STATES) -> str:
    """The first broken promises of the product in `tree`, in the harness's words."""
    command = [sys.executable, "-m", "tests.fault.power_probe", "find", side, str(states), search]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=840,
        check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr[-3000:]
    assert (done.returncode == 1) == bool(done.stdout), done.stderr[-3000:]
    return done.stdout.strip()
