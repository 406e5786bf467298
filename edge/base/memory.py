"""Keeps the process small: what the C library and others set aside for speed that nobody needs.

glibc gives each thread an arena of its own and, once a large block was freed, keeps blocks of that
size in the heap; with a dozen threads and frames that come and go, that is tens of megabytes.
mallopt(3), malloc(3). And much of what libraries map is code that ran once, when they were loaded.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import re
from pathlib import Path

log = logging.getLogger(__name__)

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h
LARGE_BYTES = 256 * 1024  # blocks of this size go back to the system when they are freed
ARENAS = 1
MADV_DONTNEED = 4  # asm-generic/mman-common.h
SMAPS = Path("/proc/self/smaps")  # proc_pid_smaps(5)
CODE = re.compile(  # of a file, not writable; its lines up to whether anything was written to it
    r"^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ [1-9]\d*\s+/.*\n(?:[A-Z].*\n)*?Anonymous: +(\d+) kB",
    re.MULTILINE,
)


def be_small() -> None:
    """For the whole process, before threads are started. Does nothing where there is no glibc."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    for name, value in (
        (M_ARENA_MAX, ARENAS),
        (M_MMAP_THRESHOLD, LARGE_BYTES),
        (M_TRIM_THRESHOLD, LARGE_BYTES),
    ):
        if mallopt(name, value) != 1:
            log.debug("mallopt(%d, %d) was refused", name, value)


def keep_what_is_loaded() -> None:
    """Python's collector need not look again at what is there now: modules, classes, settings.

    Each of its full rounds would go through all of it, 100 ms and more in a hub. Once, when all is
    set up.
    """
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Return what is free in the heap to the system; takes milliseconds."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def let_go_of_code() -> None:
    """Unmap the code of programs and libraries; what runs again comes back by page faults.

    It comes from the page cache, where it stays as long as the system has room for it. Takes some
    milliseconds. Code that was written to in memory is left alone, for its file does not have it.
    """
    with contextlib.suppress(OSError, AttributeError):
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
        for start, size_bytes in _unwritten_code(SMAPS.read_text(encoding="utf-8")):
            madvise(start, size_bytes, MADV_DONTNEED)


def _unwritten_code(smaps: str) -> list[tuple[int, int]]:
    """Address and length of each mapping of code whose pages are all as its file has them."""
    return [
        (start := int(found[1], 16), int(found[2], 16) - start)
        for found in CODE.finditer(smaps)
        if found[3] == "0"
    ]


def one_thread_each() -> None:
    """Keep libraries from threads of their own; call it before they are imported."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
