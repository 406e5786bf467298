"""Settings of motion traces: what is kept of what was seen, without pictures."""

from __future__ import annotations

from dataclasses import dataclass

from edge.base.schema import item
from edge.base.units import parse_size_bytes


@dataclass(frozen=True)
class TraceSettings:
    """Traces, by which other settings can be tried on the past (`camwatch-edge replay`)."""

    keep: bool = item("keep traces; they hold no pictures", True)
    max_bytes: int = item(
        "disk space for the traces of all cameras; past it the oldest go", 256 * 2**20,
        parse=parse_size_bytes, min=2**20,
    )  # fmt: skip
    min_free_bytes: int = item(
        "disk space that traces leave to everything else: below it they are the first to go",
        256 * 2**20, parse=parse_size_bytes, min=0,
    )  # fmt: skip
    upload_bytes_a_day: int = item(
        "sent to the hub in any 24 hours, after everything else; 0 for none", 16 * 2**20,
        parse=parse_size_bytes, min=0,
    )  # fmt: skip
