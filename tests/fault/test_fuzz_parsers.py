"""Every parser of bytes from network or disk, fed with mutations in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fault.fuzz_child import GROUPS
from tests.fault.fuzz_engine import Outcome

ROOT = Path(__file__).parents[2]
LEAST_INPUTS = {"wire": 100_000, "media": 70_000, "disk": 4_000, "hub": 8_000}
LONG_SCALE = 10
TIMEOUT_S = 280.0


def fuzz(group: str, scale: int, timeout_s: float) -> list[Outcome]:
    """Run one group in a child; fails with its last words when it ends badly."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fault.fuzz_child", group, str(scale)],
        cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{group} ended with {done.returncode}: {done.stderr[-6000:]}"
    found = [Outcome(**json.loads(line)) for line in done.stdout.splitlines()]
    for each in found:
        print(f"{group}: {each.name}: {each.taken} taken, {each.refused} refused, "
              f"slowest {each.worst_s * 1000:.0f} ms")  # fmt: skip
    return found


@pytest.mark.parametrize("group", GROUPS)
def test_mutated_inputs_are_taken_or_refused_and_never_break_a_parser(group: str) -> None:
    """No crash, no foreign error, no memory without end: some 190,000 inputs in all groups."""
    found = fuzz(group, 1, TIMEOUT_S)
    assert sum(each.taken + each.refused for each in found) >= LEAST_INPUTS[group]


@pytest.mark.slow
@pytest.mark.timeout(4000)
@pytest.mark.parametrize("group", GROUPS)
def test_ten_times_as_many_inputs_break_nothing_either(group: str) -> None:
    """Another seed, some 1,900,000 inputs in all groups."""
    found = fuzz(group, LONG_SCALE, 3900.0)
    assert sum(each.taken + each.refused for each in found) >= LONG_SCALE * LEAST_INPUTS[group]
