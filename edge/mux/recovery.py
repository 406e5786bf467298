"""Clips after a crash or a failed write: completed up to their last complete fragment.

States a crash can leave, by the order of `edge.mux.layout`: an open part (recovered here), a part
without a complete fragment (removed: it never held a picture on disk), or a complete clip that no
database row names yet (`inspect` says what it is).
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from edge.base import durable
from edge.base.durable import PART_SUFFIX, PartFile
from edge.base.errors import StorageError, storage_error
from edge.mux import layout
from edge.mux.clip import ClosedClip, closed_clip
from edge.mux.spool import Spool

log = logging.getLogger(__name__)


def recover(part_path: Path, *, flushed_bytes: int | None = None) -> ClosedClip | None:
    """Turn an open clip, NAME.part, into the complete plain MP4 NAME, durable on return.

    `flushed_bytes`, to be given after a failed write or flush, is how much of it was flushed
    before. What a failed fsync should have flushed can still be read but is not on the disk, and no
    later fsync puts it there unless it is written again; so it is.

    None, and the part left, where it holds no complete fragment with a picture. Needs no new space
    unless the index is long. Safe to call again after a crash. Raises StorageError.
    """
    if part_path.suffix != PART_SUFFIX:
        raise ValueError(f"{part_path.name} is not an open clip")
    part = PartFile.reopen(part_path.with_suffix(""))
    try:
        if flushed_bytes is not None:
            layout.write_again(part, flushed_bytes)
        found = layout.scan(part)
        if found is None:
            return None
        sha256 = layout.close_up(part, found.front, found.tracks, found.fragments_end)
        size_bytes = part.seek(0, os.SEEK_END)
        part.publish()
        return closed_clip(part.path, found.head, found.tracks, sha256, size_bytes)
    finally:
        part.leave()


def inspect(path: Path) -> ClosedClip | None:
    """What a complete clip of ours is, read from the file alone; None for any other file.

    Hashes the whole file. Raises StorageError.
    """
    try:
        with path.open("rb") as file:
            found = layout.scan(file)
            if found is None:
                return None
            sha256 = layout.hash_of(file)
            return closed_clip(path, found.head, found.tracks, sha256, file.tell())
    except OSError as err:
        raise storage_error(err, "cannot read", path) from err


def recover_leftovers(spool: Spool) -> list[ClosedClip]:
    """Complete every clip that a crash left open, and clear what holds nothing.

    Call it at start, before anything is recorded. A part that cannot be mended now stays for the
    next start.
    """
    clips = []
    for part_path in spool.leftovers():
        try:
            clip = recover(part_path) if part_path.stem.endswith(".mp4") else None
            if clip is None:
                durable.remove(part_path)
                continue
            spool.added(clip.path, clip.size_bytes)
        except StorageError as err:
            log.error("%s stays for the next start: %s", part_path.name, err)
            continue
        log.info("recovered %s: %d ms", clip.path.name, clip.duration_ms)
        clips.append(clip)
    return clips
