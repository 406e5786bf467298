"""The plugin of runs on emulated aarch64."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests import emulation

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("test", emulation.CANNOT)
def test_what_cannot_be_emulated_names_a_test_that_there_is(test: str) -> None:
    """A test that was renamed would else be run, or its reason stand there for nothing."""
    path, _, name = test.partition("::")
    assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.skipif(platform.machine() == emulation.MACHINE, reason="it is that machine")
def test_an_emulated_run_refuses_another_machine() -> None:
    """Tests that ran on x86-64 never pass for tests on aarch64."""
    argv = [sys.executable, "-m", "pytest", "-p", "tests.emulation", "--collect-only", "-q"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"this machine is {platform.machine()}, not aarch64" in done.stderr
