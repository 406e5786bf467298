"""SQLite's own file calls under the tap, by a VFS of ours around SQLite's for this process.

SQLite lets an application bring its file system (sqlite.org/vfs.html). Ours hands every call on to
the one that was the default, and passes writes, truncations, flushes, openings and deletions by
the tap on the way, which notes them or has them fail with the result code that SQLite's own layer
gives for that errno. Only what lies under the tap's folder is touched. The wal-index (-shm) is
left alone: it is rebuilt after a crash, and nothing in it is durable.

`tests/fault/test_power_cut.py` holds the calls noted here against those that strace sees.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from typing import Any

from tests.fault.power_disk import Op, parent
from tests.fault.power_tap import Tap

# sqlite3.h
OK, IOERR, FULL, CANTOPEN, READONLY = 0, 10, 13, 14, 8
IOERR_WRITE, IOERR_FSYNC, IOERR_TRUNCATE = IOERR | 3 << 8, IOERR | 4 << 8, IOERR | 6 << 8
IOERR_DELETE = IOERR | 10 << 8
OPEN_CREATE, OPEN_MAIN_DB, OPEN_MAIN_JOURNAL, OPEN_WAL = 0x4, 0x100, 0x800, 0x80000
NAME = b"powercut"

_Close = CFUNCTYPE(c_int, c_void_p)
_Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)
_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_int))
_Delete = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)


class _Methods(Structure):
    _fields_ = (
        ("version", c_int),
        ("close", c_void_p),
        ("read", c_void_p),
        ("write", c_void_p),
        ("truncate", c_void_p),
        ("sync", c_void_p),
        ("others", c_void_p * 13),  # xFileSize to xUnfetch, version 3
    )


class _Vfs(Structure):
    _fields_ = (
        ("version", c_int),
        ("os_file_bytes", c_int),
        ("max_path_chars", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("app_data", c_void_p),
        ("open", c_void_p),
        ("delete", c_void_p),
        ("others", c_void_p * 14),  # xAccess to xNextSystemCall, version 3
    )


def library() -> Any | None:
    """The SQLite that Python's sqlite3 uses; None where its functions cannot be reached."""
    try:
        found = ctypes.CDLL(_sqlite3.__file__)
        found.sqlite3_vfs_find.restype = POINTER(_Vfs)
        found.sqlite3_vfs_find.argtypes = [c_char_p]
        found.sqlite3_vfs_register.argtypes = [POINTER(_Vfs), c_int]
        found.sqlite3_vfs_unregister.argtypes = [POINTER(_Vfs)]
    except (OSError, AttributeError):
        return None
    real = found.sqlite3_vfs_find(None)
    return found if real and real.contents.version >= 3 and os.name == "posix" else None


class TappedVfs:
    """Everything that SQLite must find alive for as long as a connection of it is."""

    def __init__(self, sqlite: Any, tap: Tap) -> None:
        self._tap = tap
        self._real = sqlite.sqlite3_vfs_find(None)
        self._vfs = _Vfs.from_buffer_copy(self._real.contents)
        self._vfs.next, self._vfs.name = None, NAME
        self._real_open = _Open(self._real.contents.open)
        self._real_delete = _Delete(self._real.contents.delete)
        self._open_callback = _Open(self._guard(self._open))
        self._delete_callback = _Delete(self._guard(self._delete))
        self._vfs.open = ctypes.cast(self._open_callback, c_void_p)
        self._vfs.delete = ctypes.cast(self._delete_callback, c_void_p)
        self._tables: dict[int, _Table] = {}
        self.files: dict[int, str] = {}
        self.needs_dir_sync: set[int] = set()
        self._real_methods: dict[int, int] = {}  # by open file

    @property
    def pointer(self) -> Any:
        """What to register."""
        return ctypes.byref(self._vfs)

    @property
    def tap(self) -> Tap:
        """Where the calls are noted."""
        return self._tap

    def abandon(self) -> None:
        """Nothing that is done to the files open now is seen any more."""
        self.files.clear()
        self.needs_dir_sync.clear()

    def retire(self) -> None:
        """From now on SQLite's own functions serve what is still open, until the process's end."""
        self.abandon()
        for file, address in self._real_methods.items():
            ctypes.cast(file, POINTER(c_void_p))[0] = address
        self._real_methods.clear()
        self._vfs.open, self._vfs.delete = self._real.contents.open, self._real.contents.delete

    def closed(self, file: int) -> None:
        """SQLite lets go of the file."""
        self.files.pop(file, None)
        self.needs_dir_sync.discard(file)
        self._real_methods.pop(file, None)

    def _guard(self, body: Callable[..., int]) -> Callable[..., int]:
        """No exception can leave a callback, so it becomes a defect and a failed call."""

        def call(*arguments: Any) -> int:
            try:
                return body(*arguments)
            except Exception as err:  # noqa: BLE001 - see above
                self._tap.defects.append(f"harness: {err!r}")
                return IOERR

        return call

    def _open(self, _vfs: int, name: int | None, file: int, flags: int, out: Any) -> int:
        path = self._relative(name)
        if path is None:
            return int(
                self._real_open(ctypes.addressof(self._real.contents), name, file, flags, out)
            )
        if self._tap.meet("sqlite open", path):
            return CANTOPEN
        with self._tap.lock:
            is_new = not (self._tap.root / path).exists()
            code = int(
                self._real_open(ctypes.addressof(self._real.contents), name, file, flags, out)
            )
            if code == OK and flags & (OPEN_MAIN_DB | OPEN_MAIN_JOURNAL | OPEN_WAL):
                if is_new:
                    self._tap.add(Op("create", path))
                if flags & OPEN_CREATE and flags & (OPEN_MAIN_JOURNAL | OPEN_WAL):
                    self.needs_dir_sync.add(file)  # os_unix.c, UNIXFILE_DIRSYNC
                self.files[file] = path
                self._replace_methods(file)
            return code

    def _delete(self, _vfs: int, name: int, syncs_folder: int) -> int:
        path = self._relative(name)
        real = ctypes.addressof(self._real.contents)
        if path is None or not (self._tap.root / path).exists():
            return int(self._real_delete(real, name, syncs_folder))
        if self._tap.meet("sqlite unlink", path):
            return IOERR_DELETE
        with self._tap.lock:
            code = int(self._real_delete(real, name, syncs_folder))
            if code == OK:
                self._tap.add(Op("unlink", path))
                if syncs_folder:
                    self._tap.add(Op("sync_dir", parent(path)))
            return code

    def _relative(self, name: int | None) -> str | None:
        return self._tap.relative(os.fsdecode(ctypes.string_at(name))) if name else None

    def _replace_methods(self, file: int) -> None:
        slot = ctypes.cast(file, POINTER(c_void_p))
        address = slot[0]
        if address is None:
            return
        table = self._tables.get(address)
        if table is None:
            table = self._tables[address] = _Table(self, _Methods.from_address(address))
        self._real_methods[file] = address
        slot[0] = ctypes.addressof(table.methods)


class _Table:
    """A copy of SQLite's methods for one kind of file, with the writing ones replaced."""

    def __init__(self, owner: TappedVfs, real: _Methods) -> None:
        self._owner = owner
        self._tap = owner.tap
        self._real_write, self._real_truncate = _Write(real.write), _Truncate(real.truncate)
        self._real_sync, self._real_close = _Sync(real.sync), _Close(real.close)
        guard = owner._guard
        self._callbacks = (
            _Write(guard(self._write)),
            _Truncate(guard(self._truncate)),
            _Sync(guard(self._sync)),
            _Close(guard(self._close)),
        )
        self.methods = _Methods.from_buffer_copy(real)
        names = ("write", "truncate", "sync", "close")
        for name, callback in zip(names, self._callbacks, strict=True):
            setattr(self.methods, name, ctypes.cast(callback, c_void_p))

    def _write(self, file: int, buffer: int, count: int, offset: int) -> int:
        path = self._owner.files.get(file)
        if path is None:
            return int(self._real_write(file, buffer, count, offset))
        if code := self._tap.meet("sqlite write", path):
            return FULL if code in (errno.ENOSPC, errno.EDQUOT) else IOERR_WRITE
        with self._tap.lock:
            result = int(self._real_write(file, buffer, count, offset))
            if result == OK:
                self._tap.add(Op("write", path, offset, ctypes.string_at(buffer, count)))
            return result

    def _truncate(self, file: int, length: int) -> int:
        path = self._owner.files.get(file)
        if path is None:
            return int(self._real_truncate(file, length))
        if self._tap.meet("sqlite truncate", path):
            return IOERR_TRUNCATE
        with self._tap.lock:
            result = int(self._real_truncate(file, length))
            if result == OK:
                self._tap.add(Op("truncate", path, length))
            return result

    def _sync(self, file: int, flags: int) -> int:
        path = self._owner.files.get(file)
        if path is None:
            return int(self._real_sync(file, flags))
        if self._tap.meet("sqlite sync", path):
            self._tap.add(Op("sync_failed", path))
            return IOERR_FSYNC
        with self._tap.lock:
            result = int(self._real_sync(file, flags))
            if result == OK:
                self._tap.add(Op("sync", path))
                if file in self._owner.needs_dir_sync:
                    self._owner.needs_dir_sync.discard(file)
                    self._tap.add(Op("sync_dir", parent(path)))
            return result

    def _close(self, file: int) -> int:
        self._owner.closed(file)
        return int(self._real_close(file))


@contextmanager
def tapped(tap: Tap) -> Iterator[None]:
    """Databases opened in this block are seen by `tap`. Raises OSError where that cannot be."""
    sqlite = library()
    if sqlite is None:
        raise OSError("the SQLite of this Python cannot be reached")
    ours = TappedVfs(sqlite, tap)
    # Connections may outlive the block, and everything else at the process's end.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(ours))
    real = sqlite.sqlite3_vfs_find(None)
    if sqlite.sqlite3_vfs_register(ours.pointer, 1) != OK:
        raise OSError("SQLite refuses the VFS")
    tap.on_kill = ours.abandon
    try:
        yield
    finally:
        tap.on_kill = lambda: None
        ours.retire()
        sqlite.sqlite3_vfs_unregister(ours.pointer)
        sqlite.sqlite3_vfs_register(real, 1)
