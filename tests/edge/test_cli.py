"""The command's own part: how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = """
import atexit, sys, threading
from edge import cli
atexit.register(print, "Python's own end", flush=True)
if {hangs}:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
sys.exit(cli._ended(3))
"""


@pytest.mark.parametrize("hangs", [False, True])
def test_the_agent_ends_at_once_where_a_thread_hangs(hangs: bool) -> None:
    """With its exit status, and without Python's own end, which would abort in such a thread."""
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(hangs=hangs)], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stdout == ("" if hangs else "Python's own end\n")
