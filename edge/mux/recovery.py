"""Completes clips that a crash or a failed write left open, up to their last complete fragment."""

from __future__ import annotations

import os
from pathlib import Path

from edge.base.durable import PART_SUFFIX, PartFile
from edge.mux import layout
from edge.mux.clip import ClosedClip, closed_clip


def recover(part_path: Path) -> ClosedClip | None:
    """Turn an open clip, NAME.part, into the complete plain MP4 NAME, durable on return.

    None, and the part left as it is, where it holds no complete fragment with a picture. Needs no
    new space unless the index is long. Safe to call again after a crash. Raises StorageError.
    """
    if part_path.suffix != PART_SUFFIX:
        raise ValueError(f"{part_path.name} is not an open clip")
    part = PartFile.reopen(part_path.with_suffix(""))
    try:
        found = layout.scan(part)
        if found is None:
            return None
        sha256 = layout.close_up(part, found.front, found.tracks, found.fragments_end)
        size_bytes = part.seek(0, os.SEEK_END)
        part.publish()
        return closed_clip(part.path, found.head, found.tracks, sha256, size_bytes)
    finally:
        part.leave()
