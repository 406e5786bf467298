"""The idle bench counts all that a program spends, its children's work too."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from scripts.bench import idle_meter
from scripts.bench.idle_meter import EndedError

BUSY = "import time\nwhile time.process_time() < {}: pass\n"
PARENT = f"import subprocess, sys, time\nsubprocess.run([sys.executable, '-c', '''{BUSY}'''])\n"


def test_children_count_while_they_live_and_when_they_have_ended() -> None:
    """Half a second of a child's work is half a second of the program's, and no work is none."""
    code = PARENT.format(0.5) + "time.sleep(60)\n"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            before_s = idle_meter.cpu_s(process.pid)
            deadline_s = time.monotonic() + 30
            while len(idle_meter.tree(process.pid)) < 2:
                assert time.monotonic() < deadline_s
                time.sleep(0.01)
            both_mb = idle_meter.rss_mb(process.pid)
            while len(idle_meter.tree(process.pid)) > 1:
                assert time.monotonic() < deadline_s
                time.sleep(0.01)
            spent_s = idle_meter.cpu_s(process.pid) - before_s
            assert 0.45 < spent_s < 1.5
            assert 1 < idle_meter.rss_mb(process.pid) < both_mb
            assert idle_meter.measure(process.pid, 0.3).cpu_ms_per_s < 50
        finally:
            process.kill()


def test_a_program_that_ends_is_not_measured() -> None:
    """Its cost would be that of nothing."""
    with (
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.3)"]) as process,
        pytest.raises(EndedError),
    ):
        idle_meter.measure(process.pid, 5.0)
