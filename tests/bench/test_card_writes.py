"""The card bench counts what was written, by file and in whole pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.bench.card_writes import PAGE_BYTES, Writes, projected, read_trace

STATE = Path("/state")
WAL = "4</state/journal.db-wal>"


def traced(*lines: str) -> dict[str, Writes]:
    return read_trace([f"17 {line}" for line in lines], STATE)


def test_a_flush_writes_each_page_once() -> None:
    """SQLite writes a frame's header and its page by two calls; the card gets the pages."""
    found = traced(
        f'pwrite64({WAL}, ""..., 24, 32) = 24',
        f'pwrite64({WAL}, ""..., 4096, 56) = 4096',
        f"fdatasync({WAL})                 = 0",
        f'pwrite64({WAL}, ""..., 24, 4152) = 24',
        f"fsync({WAL}) = 0",
        f"fsync({WAL}) = 0",
    )
    (wal,) = found.values()
    assert (wal.calls, wal.byte_count, wal.flushes) == (3, 4144, 3)
    assert wal.flushed_bytes == 3 * PAGE_BYTES


def test_what_is_never_flushed_is_counted_all_the_same() -> None:
    """The kernel writes it half a minute later."""
    found = traced(
        'write(5</state/a b\\74c\\76>, ""..., 9000) = 9000', 'write(5</state/d>, "", 0) = 0'
    )
    assert found["a b<c>"].flushed_bytes == 3 * PAGE_BYTES
    assert found["a b<c>"].flushes == 0
    assert found["d"].flushed_bytes == 0


def test_writes_without_an_offset_follow_each_other() -> None:
    """Two halves of a page are one page."""
    found = traced(
        'write(5</state/x>, ""..., 2048) = 2048', 'write(5</state/x>, ""..., 2048) = 2048'
    )
    assert found["x"].flushed_bytes == PAGE_BYTES


def test_only_the_state_folder_and_what_was_done_counts() -> None:
    """No pipes, sockets and other files; no call that failed; clips together."""
    found = traced(
        'write(1<pipe:[77]>, ""..., 9) = 9',
        'write(9</statement>, ""..., 9) = 9',
        'pwrite64(9</state/x>, ""..., 9, 0) = -1 ENOSPC (No space left on device)',
        'write(6</state/spool/a.mp4>, ""..., 9) = 9',
        'write(7</state/spool/b.mp4>, ""..., 9) = 9',
        "fsync(8</state>) = 0",
        "+++ exited with 0 +++",
    )
    assert sorted(found) == [".", "spool/*"]
    assert (found["spool/*"].calls, found["."].flushes) == (2, 1)


def test_a_call_that_another_thread_interrupted_is_put_together() -> None:
    """strace prints its two halves apart."""
    lines = [
        f'17 pwrite64({WAL}, ""..., 4096, 8192 <unfinished ...>',
        "18 fsync(5</state/x> <unfinished ...>",
        "17 <... pwrite64 resumed>)  = 4096",
        "18 <... fsync resumed>) = 0",
        "19 <... write resumed>) = 5",
    ]
    found = read_trace(lines, STATE)
    assert (found["journal.db-wal"].byte_count, found["x"].flushes) == (4096, 1)


def test_totals_and_projections() -> None:
    """Ten in five minutes are 120 an hour."""
    total = Writes.total([Writes(1, 2, 3, 4), Writes(10, 20, 30, 40)])
    assert (total.calls, total.byte_count, total.flushes, total.flushed_bytes) == (11, 22, 33, 44)
    assert projected(10, 300) == (120, 120 * 24 * 365)


def test_a_real_trace_is_read(tmp_path: Path) -> None:
    """Of strace itself, where it is there and may watch."""
    code = "import os; f = open('x', 'wb', 0); f.write(b'a' * 5000); os.fsync(f)"
    argv = ["strace", "-f", "-y", "-qq", "-s", "0", "-e", "trace=write,fsync", "-o", "trace"]
    state = tmp_path / "state"
    state.mkdir()
    try:
        subprocess.run(
            [*argv[:-1], str(tmp_path / "trace"), sys.executable, "-c", code],
            cwd=state, capture_output=True, check=True,
        )  # fmt: skip
    except (FileNotFoundError, subprocess.CalledProcessError) as err:
        pytest.skip(f"no strace that may watch: {err}")
    lines = (tmp_path / "trace").read_text(encoding="utf-8").splitlines()
    found = read_trace(lines, state)
    assert (found["x"].byte_count, found["x"].flushes, found["x"].flushed_bytes) == (5000, 1, 8192)
