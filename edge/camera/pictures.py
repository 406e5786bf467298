"""Pictures for records: encoded, kept in the spool, and described as a record names them."""

from __future__ import annotations

from edge.contract import names
from edge.contract.parts import Box, Instant, SnapshotRef
from edge.media.frame import Picture
from edge.mux import snapshot
from edge.mux.spool import Spool

SNAPSHOT_WIDTH = 1280  # pixels; 256 KiB of JPEG do not hold more detail than that


def keep_picture(
    spool: Spool, picture: Picture, *, event: str, taken: Instant, box: Box | None = None
) -> SnapshotRef:
    """Put a BGR `picture` of `event` into the spool. Raises CamwatchError; blocks."""
    jpeg = snapshot.encode(picture, names.MAX_SNAPSHOT_BYTES, comment=event)
    file = spool.save_snapshot(jpeg.data)
    return SnapshotRef(
        sha256=file.sha256 or "",
        size_bytes=file.size_bytes,
        width=jpeg.width,
        height=jpeg.height,
        taken=taken,
        box=box,
    )
