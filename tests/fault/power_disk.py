"""A disk that keeps no more than POSIX promises, and what may be left on it after a power cut.

Rules of the model
- A file's bytes are durable once it was fsynced or fdatasynced; a name is durable once its folder
  was fsynced, and flushing a file never flushes its name. (ext4 often does, which hides bugs.)
- What was not flushed reaches the disk in any order, each 512-byte sector at any stage of its
  history; a file's size likewise. Where the size got there before the data, zeros or old rubbish
  are found.
- Renames are atomic; across folders the new name is never lost while the old one's going is kept.
- A failed fsync loses what it was to flush: readers still see it, a later fsync does not write it
  ("fsyncgate"), unless its page is written to again.
Pure: takes operations, gives trees of bytes. `power_tap` and `power_vfs` record the operations.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

SECTOR_BYTES = 512  # what a disk writes whole or not at all
PAGE_BYTES = 4096  # what the kernel writes back at once

Kind = Literal[
    "mkdir", "create", "write", "truncate", "sync", "sync_failed", "sync_dir", "rename", "unlink",
    "mark",
]  # fmt: skip
Tree = dict[str, bytes | None]
"""Relative paths and what is there: a file's bytes, or None for a folder."""


@dataclass(frozen=True, slots=True)
class Op:
    """One completed call; paths are relative to the watched folder, `.` is that folder itself."""

    kind: Kind
    path: str = ""
    offset: int = 0
    data: bytes = b""
    target: str = ""
    mark: object = None


@dataclass(frozen=True, slots=True)
class Fate:
    """How a power cut treats what was not flushed. Probabilities, 0 to 1."""

    name: str
    names: float
    """That a change of a folder's entries is kept."""
    sectors: float
    """That a sector holds its newest bytes; else it is at any earlier stage."""
    sizes: float
    """That a file has its newest length; else any earlier one."""
    rubbish: float = 0.0
    """That bytes which never arrived are rubbish instead of zeros."""
    is_prefix: bool = False
    """Data arrives in the order of writing, up to some write, which may be torn."""


FATES = (
    Fate("all unflushed is lost", 0, 0, 0),
    Fate("all arrived", 1, 1, 1),
    Fate("names arrived, data did not", 1, 0, 1),
    Fate("names arrived, data is rubbish", 1, 0, 1, rubbish=1),
    Fate("data arrived, names did not", 0, 1, 1),
    Fate("torn and reordered, most arrived", 0.8, 0.7, 0.8, rubbish=0.5),
    Fate("torn and reordered, some arrived", 0.4, 0.3, 0.5, rubbish=0.3),
    Fate("in order, torn at the end", 0.7, 1, 1, is_prefix=True),
)


@dataclass(slots=True)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    live: bytearray = field(default_factory=bytearray)
    pending: list[Op] = field(default_factory=list)


@dataclass(slots=True)
class _Change:
    """One unflushed change of a folder: names and the file (or None) that each now stands for."""

    folder: str
    names: dict[str, int | None]
    needs: _Change | None = None
    is_durable: bool = False


class Disk:
    """The state after the operations so far."""

    def __init__(self, ops: Iterable[Op] = ()) -> None:
        self._files: dict[int, _File] = {}
        self._names: dict[str, int] = {}  # live
        self._folders: dict[str, dict[str, int]] = {".": {}}  # durable entries; folders too
        self._changes: list[_Change] = []
        self._next = 1
        for op in ops:
            self.apply(op)

    def apply(self, op: Op) -> None:
        """Take the next operation."""
        match op.kind:
            case "mkdir" | "create":
                self._add(op)
            case "write":
                self._write(op)
            case "truncate":
                self._file(op.path).pending.append(op)
                _cut(self._file(op.path).live, op.offset)
            case "sync":
                self._sync(self._file(op.path))
            case "sync_failed":
                self._file(op.path).pending.clear()
            case "sync_dir":
                self._sync_dir(op.path)
            case "rename":
                self._rename(op.path, op.target)
            case "unlink":
                self._names.pop(op.path)
                self._changes.append(_Change(parent(op.path), {op.path: None}))
            case "mark":
                pass

    def durable(self, path: str) -> bytes:
        """What is certainly on the disk of the file that `path` names now."""
        return bytes(self._file(path).durable)

    def crash(self, fate: Fate, rng: random.Random) -> Tree:
        """One tree that the next start may find."""
        entries = {folder: dict(names) for folder, names in self._folders.items()}
        for change in self._kept(fate, rng):
            _enter(entries.setdefault(change.folder, {}), change)
        seed, tree = rng.getrandbits(32), Tree()

        def walk(folder: str) -> None:
            for path, number in entries.get(folder, {}).items():
                if number < 0:
                    tree[path] = None
                    walk(path)
                    continue
                # By the file's number alone, for the names of some are different in each run.
                own = random.Random(f"{seed} {number}")
                tree[path] = _remains(self._files[number], fate, own)

        walk(".")
        return tree

    def _kept(self, fate: Fate, rng: random.Random) -> list[_Change]:
        """The changes of names that arrived: of each name's changes, the first few."""
        kept: list[_Change] = []
        blocked: set[str] = set()
        for change in self._changes:
            is_possible = blocked.isdisjoint(change.names) and (
                change.needs is None or change.needs.is_durable or change.needs in kept
            )
            if is_possible and rng.random() < fate.names:
                kept.append(change)
            else:
                blocked |= set(change.names)
        return kept

    def _file(self, path: str) -> _File:
        return self._files[self._names[path]]

    def _add(self, op: Op) -> None:
        number, self._next = self._next, self._next + 1
        if op.kind == "mkdir":
            number = -number
            self._folders[op.path] = {}
        else:
            self._files[number] = _File()
        self._names[op.path] = number
        self._changes.append(_Change(parent(op.path), {op.path: number}))

    def _write(self, op: Op) -> None:
        file = self._file(op.path)
        _put(file.live, op.offset, op.data)
        # The whole page goes back to the disk, with what a failed fsync had left in it.
        start = op.offset // PAGE_BYTES * PAGE_BYTES
        end = -(-(op.offset + len(op.data)) // PAGE_BYTES) * PAGE_BYTES
        file.pending.append(Op("write", op.path, start, bytes(file.live[start:end])))

    def _sync(self, file: _File) -> None:
        for op in file.pending:
            _redo(file.durable, op)
        file.pending.clear()

    def _sync_dir(self, folder: str) -> None:
        for change in [each for each in self._changes if each.folder == folder]:
            _enter(self._folders[folder], change)
            change.is_durable = True
            self._changes.remove(change)

    def _rename(self, source: str, target: str) -> None:
        number = self._names[target] = self._names.pop(source)
        if parent(source) == parent(target):
            self._changes.append(_Change(parent(source), {source: None, target: number}))
            return
        arrival = _Change(parent(target), {target: number})
        self._changes += [arrival, _Change(parent(source), {source: None}, needs=arrival)]


def _remains(file: _File, fate: Fate, rng: random.Random) -> bytes:
    """What a power cut leaves of one file."""
    pending = file.pending
    if not pending:
        return bytes(file.durable)
    last = rng.randint(0, len(pending)) if fate.is_prefix else len(pending)
    size = _size_after(file, last if fate.is_prefix or rng.random() < fate.sizes else
                       rng.randint(0, len(pending)))  # fmt: skip
    stages = _Stages(file, pending)
    result = bytearray(size)
    result[: len(file.durable)] = file.durable[:size]
    for sector in range(-(-size // SECTOR_BYTES)):
        history = stages.of(sector)
        if not history:
            continue
        if fate.is_prefix:
            is_torn = last and history[-1] >= last - 1 and rng.random() < 0.5
            count = sum(each < last - bool(is_torn) for each in history)
        else:
            is_new = rng.random() < fate.sectors
            count = len(history) if is_new else rng.randint(0, len(history) - 1)
        start = sector * SECTOR_BYTES
        never_arrived = count == 0 and start >= len(file.durable)
        if never_arrived and rng.random() < fate.rubbish:
            content = rng.randbytes(SECTOR_BYTES)
        else:
            content = stages.content(sector, history[:count])
        result[start : min(size, start + SECTOR_BYTES)] = content[: max(0, size - start)]
    return bytes(result)


class _Stages:
    """The history of each sector of one file since its last flush."""

    def __init__(self, file: _File, pending: Sequence[Op]) -> None:
        self._file = file
        self._pending = pending
        self._history: dict[int, list[int]] = {}
        self._cuts: list[tuple[int, int]] = []
        for number, op in enumerate(pending):
            first = op.offset // SECTOR_BYTES
            if op.kind == "truncate":
                known = max([*self._history, -(-len(file.durable) // SECTOR_BYTES)], default=0)
                sectors = range(first, known + 1)
            else:
                sectors = range(first, -(-(op.offset + len(op.data)) // SECTOR_BYTES))
            for sector in sectors:
                self._history.setdefault(sector, []).append(number)

    def of(self, sector: int) -> list[int]:
        """The numbers of the pending operations that changed it."""
        return self._history.get(sector, [])

    def content(self, sector: int, numbers: Sequence[int]) -> bytes:
        """Its bytes after those operations."""
        start = sector * SECTOR_BYTES
        content = bytearray(self._file.durable[start : start + SECTOR_BYTES])
        content += bytes(SECTOR_BYTES - len(content))
        for number in numbers:
            op = self._pending[number]
            if op.kind == "truncate":
                at = max(0, op.offset - start)
                content[at:] = bytes(SECTOR_BYTES - at)
                continue
            lo, hi = max(start, op.offset), min(start + SECTOR_BYTES, op.offset + len(op.data))
            content[lo - start : hi - start] = op.data[lo - op.offset : hi - op.offset]
        return bytes(content)


def _size_after(file: _File, count: int) -> int:
    size = len(file.durable)
    for op in file.pending[:count]:
        size = op.offset if op.kind == "truncate" else max(size, op.offset + len(op.data))
    return size


def _redo(content: bytearray, op: Op) -> None:
    if op.kind == "truncate":
        _cut(content, op.offset)
    else:
        _put(content, op.offset, op.data)


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _cut(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))


def _enter(entries: dict[str, int], change: _Change) -> None:
    for name, number in change.names.items():
        if number is None:
            entries.pop(name, None)
        else:
            entries[name] = number


def parent(path: str) -> str:
    """The folder that a relative path lies in."""
    return str(PurePosixPath(path).parent)


def materialise(tree: Tree, folder: Path) -> None:
    """Make `folder` hold exactly that tree."""
    folder.mkdir()
    for path, content in sorted(tree.items()):
        if content is None:
            (folder / path).mkdir(mode=0o700)
        else:
            (folder / path).write_bytes(content)
            (folder / path).chmod(0o600)
