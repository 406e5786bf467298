"""Errors of the disk at every call of the durable path: none uncaught, nothing lost in silence."""

from __future__ import annotations

import errno
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault import power_cut, power_errors, power_vfs
from tests.fault.power_disk import Disk
from tests.fault.power_hub import NOT_STORED
from tests.fault.power_tap import DiskFailed, errno_name

pytestmark = pytest.mark.skipif(
    power_vfs.library() is None, reason="SQLite's file layer cannot be reached in this Python"
)
needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed (apt-get install strace)"
)
SIDES = ("node", "hub")
CODES = (errno.EIO, errno.ENOSPC, errno.EROFS, errno.EINTR)
REPOSITORY = Path(__file__).resolve().parents[2]
WRITES_APART = 8  # of SQLite's hundreds of writes, which all go the same way
TRACED = ("pwrite64", "fsync", "fdatasync", "rename", "unlink", "mkdir", "ftruncate")
SAMPLE = (
    ("node", "fdatasync", "EIO", 3), ("node", "fdatasync", "EIO", 9), ("node", "fsync", "EIO", 8),
    ("node", "pwrite64", "EINTR", 40), ("node", "pwrite64", "ENOSPC", 60),
    ("hub", "fdatasync", "EIO", 5), ("hub", "pwrite64", "EROFS", 70), ("hub", "fsync", "EIO", 12),
)  # fmt: skip


@pytest.mark.parametrize("side", SIDES)
def test_an_error_of_any_call_of_ours_is_lived_through(side: str) -> None:
    """Each open, write, fsync, rename, unlink and mkdir fails once, by one kind of error in turn,
    and each flush by EIO too; promises hold, life goes on. About 0.15 s of processor an error."""
    fail_each(side, of_ours)


@pytest.mark.parametrize("side", SIDES)
def test_an_error_of_any_call_of_sqlite_s_is_lived_through(side: str) -> None:
    """Each flush, truncation, opening and removal that SQLite makes fails once, and every eighth
    write; the long tier has every write."""
    fail_each(side, of_sqlite)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("code", CODES, ids=errno_name)
@pytest.mark.parametrize("side", SIDES)
def test_every_error_of_any_call_is_lived_through(side: str, code: int) -> None:
    """The same, with each kind of error at each call, ours and SQLite's."""
    fail_each(side, lambda nth, call: (code,))


def of_ours(nth: int, call: str) -> tuple[int, ...]:
    """The errors that the nth call fails by, one after the other, if it is one of ours."""
    if call.startswith("sqlite"):
        return ()
    in_turn = CODES[nth % len(CODES)]
    is_flush = call in power_errors.FLUSHES
    return (errno.EIO, in_turn) if is_flush and in_turn != errno.EIO else (in_turn,)


def of_sqlite(nth: int, call: str) -> tuple[int, ...]:
    """The same for SQLite's."""
    is_left_out = call == "sqlite write" and nth % WRITES_APART
    if is_left_out or not call.startswith("sqlite"):
        return ()
    return ((errno.EIO, errno.ENOSPC)[nth // WRITES_APART % 2],)


def fail_each(side: str, codes_of: Callable[[int, str], tuple[int, ...]]) -> None:
    """Run a cycle for each error of each call; nothing may break."""
    module = power_cut.cycle(side)
    calls = power_errors.calls_of(module.live)
    found: list[str] = []
    runs = 0
    for nth, (call, _) in enumerate(calls, start=1):
        for code in codes_of(nth, call):
            runs += 1
            found += map(str, power_errors.fail_one(module.live, module.check, nth, code))
    print(f"{side}: {runs} errors in {len(calls)} calls")
    assert runs > 50
    assert not found, "\n".join(found[:20])


@needs_strace
@pytest.mark.system
@pytest.mark.parametrize(("side", "call", "code", "nth"), SAMPLE)
def test_an_error_that_the_kernel_gives_is_lived_through(
    side: str, call: str, code: str, nth: int, tmp_path: Path
) -> None:
    """The same with real system calls, also those below SQLite, failed by strace."""
    inject(side, call, code, nth, tmp_path)


@needs_strace
@pytest.mark.slow
@pytest.mark.system
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("call", TRACED)
@pytest.mark.parametrize("side", SIDES)
def test_an_error_of_the_kernel_at_any_call_is_lived_through(
    side: str, call: str, tmp_path: Path
) -> None:
    """Every one of these calls fails once, each with the next kind of error."""
    nth = 1
    while inject(side, call, errno_name(CODES[nth % len(CODES)]), nth, tmp_path / str(nth)):
        nth += 1
    assert nth > 1


def inject(side: str, call: str, code: str, nth: int, folder: Path) -> bool:
    """Have the nth such call fail; whether there was one. The process must end well."""
    life = folder / "life"
    life.mkdir(parents=True)
    log = trace(side, folder, "-e", f"trace={call}", "-e", f"inject={call}:error={code}:when={nth}")
    promised, _, defects, troubles = pickle.loads((folder / "marks").read_bytes())  # noqa: S301
    if log.count("(INJECTED)") > 1:  # strace counts for each thread: each request had one
        defects = [each for each in defects if NOT_STORED not in each]
    assert not defects
    broken = list(power_cut.cycle(side).check(life, Disk(), {}, [DiskFailed(), *promised]))
    assert not broken, (broken, troubles)
    return "(INJECTED)" in log


@needs_strace
@pytest.mark.system
def test_the_recorder_of_power_cuts_sees_what_the_kernel_sees(tmp_path: Path) -> None:
    """Each flush, in order, of files and of folders, SQLite's own included."""
    (tmp_path / "life").mkdir()
    log = trace("node", tmp_path, "-y", "-e", "trace=fsync,fdatasync")
    _, flushes, _, _ = pickle.loads((tmp_path / "marks").read_bytes())  # noqa: S301
    life = str((tmp_path / "life").resolve())
    seen = re.findall(rf"f(?:data)?sync\(\d+<{re.escape(life)}/?([^>]*)>\) += 0", log)
    assert [path or "." for path in seen] == [path for _, path in flushes]


def trace(side: str, folder: Path, *options: str) -> str:
    """Run one cycle in FOLDER/life under strace; what strace wrote."""
    log = folder / "strace"
    command = ["strace", "-f", "-o", str(log), *options, sys.executable, "-m"]
    command += [
        "tests.fault.power_probe",
        "live",
        side,
        str(folder / "life"),
        str(folder / "marks"),
    ]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    if "ptrace" in done.stderr and "not permitted" in done.stderr:
        pytest.skip("tracing is not permitted here")
    assert done.returncode == 0, done.stderr[-3000:]
    return log.read_text(errors="replace")
