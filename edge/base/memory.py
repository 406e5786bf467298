"""Keeps the process small: what the C library and others set aside for speed that nobody needs.

glibc gives each thread an arena of its own and, once a large block was freed, keeps blocks of that
size in the heap; with a dozen threads and frames that come and go, that is tens of megabytes.
mallopt(3), malloc(3).
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os

log = logging.getLogger(__name__)

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h
LARGE_BYTES = 256 * 1024  # blocks of this size go back to the system when they are freed
ARENAS = 1


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


def give_back() -> None:
    """Return what is free in the heap to the system; takes milliseconds."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def one_thread_each() -> None:
    """Keep libraries from threads of their own; call it before they are imported."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
