"""A process that stays small: what is let go of, and what must not be."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from edge.base import memory

ROOT = Path(__file__).resolve().parents[3]
LET_GO = """
import re
from pathlib import Path
from edge import agent
from edge.base import memory
def file_kib():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = file_kib()
memory.let_go_of_code()
print(before, file_kib())
import hashlib, av, cv2, numpy
frame = cv2.resize(numpy.full((90, 160), 7, numpy.uint8), (320, 180))
assert av.VideoFrame.from_ndarray(frame, format="gray").to_ndarray().mean() == 7
assert hashlib.sha256(b"x").hexdigest().startswith("2d711642")
"""
SMAPS = """\
00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/python3
Rss:                 328 kB
Anonymous:             0 kB
00652000-00655000 rw-p 00052000 08:02 173521      /usr/bin/python3
Anonymous:            12 kB
7f0000000000-7f0000021000 r-xp 00000000 08:02 135522    /usr/lib/written.so
Anonymous:             4 kB
7f0000100000-7f0000121000 r-xp 00000000 00:00 0    [vdso]
Anonymous:             0 kB
7f0000200000-7f0000202000 r--p 00000000 08:02 9    /usr/lib/locale/x
Anonymous:             0 kB
7f0000300000-7f0000303000 r-xp 00001000 08:02 7    /usr/lib/last one.so
Anonymous:             0 kB
"""


def test_only_code_that_its_file_still_has_is_let_go_of() -> None:
    """Not data, not what was written to, not what no file holds."""
    found = memory._unwritten_code(SMAPS)
    assert found == [(0x400000, 0x52000), (0x7F0000300000, 0x3000)]


@pytest.mark.skipif(not memory.SMAPS.exists(), reason="no /proc/self/smaps here")
def test_code_that_ran_once_is_let_go_of_and_comes_back_when_it_is_called() -> None:
    """Loading the agent leaves megabytes of it; everything works as before."""
    done = subprocess.run(
        [sys.executable, "-c", LET_GO], cwd=ROOT, capture_output=True, text=True, check=True
    )
    before_kib, after_kib = map(int, done.stdout.split())
    assert after_kib < before_kib - 8 * 1024


def test_what_is_loaded_is_not_looked_at_again() -> None:
    """Modules and classes are out of the collector's way; what comes later is not."""
    try:
        memory.keep_what_is_loaded()
        assert gc.get_freeze_count() > 10_000
        assert len(gc.get_objects()) < gc.get_freeze_count()
    finally:
        gc.unfreeze()
