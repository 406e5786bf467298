"""Fragments: pieces of an open clip that stand for themselves (ISO/IEC 14496-12, 8.8).

A fragment is moof + mdat + a check: a free box with the CRC-32 of the two. After a crash a
fragment counts only if its check fits, so that space which a file system gave to the file but
never filled is not taken for pictures.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from zlib import crc32

from edge.mux.boxes import HEADER_BYTES, box, box_header, find, full_box, walk
from edge.mux.track import Sample, TrackFormat

CHECK_MAGIC = b"cwck"
CHECK_BYTES = 16
SYNC_FLAGS, OTHER_FLAGS = 0x02000000, 0x01010000  # 8.8.3.1: depends on others, is no sync sample
DEFAULT_BASE_IS_MOOF = 0x020000
TRUN_FLAGS = 0x000F01  # data offset; duration, size, flags and composition offset of each sample
TRUN_SAMPLE = struct.Struct(">IIIi")
MAX_SAMPLES = 100_000  # of one run; a writer cuts fragments long before


@dataclass(frozen=True)
class Run:
    """One track's samples in one fragment, and their bytes."""

    form: TrackFormat
    samples: list[Sample]
    data: list[bytes]


def build(sequence: int, runs: Sequence[Run]) -> tuple[bytes, list[int]]:
    """A fragment's bytes, and where in them each run's data begins. Runs hold samples."""
    sizes = [sum(map(len, run.data)) for run in runs]
    header_bytes = len(_moof(sequence, runs, [0] * len(runs))) + 8
    starts = [header_bytes + before for before in accumulate(sizes[:-1], initial=0)]
    body = b"".join(
        (
            _moof(sequence, runs, starts),
            box_header(b"mdat", sum(sizes)),
            *(piece for run in runs for piece in run.data),
        )
    )
    return body + check_box(crc32(body)), starts


def check_box(crc: int) -> bytes:
    """What follows a fragment whose bytes have this CRC-32."""
    return box(b"free", CHECK_MAGIC, struct.pack(">I", crc))


def _moof(sequence: int, runs: Sequence[Run], starts: Sequence[int]) -> bytes:
    trafs = [_traf(run, start) for run, start in zip(runs, starts, strict=True)]
    return box(b"moof", full_box(b"mfhd", 0, 0, struct.pack(">I", sequence)), *trafs)


def _traf(run: Run, data_offset: int) -> bytes:
    base = run.samples[0].dts + run.form.early
    rows = b"".join(
        TRUN_SAMPLE.pack(
            each.duration,
            each.size_bytes,
            SYNC_FLAGS if each.is_sync else OTHER_FLAGS,
            each.pts - each.dts,
        )
        for each in run.samples
    )
    return box(
        b"traf",
        full_box(b"tfhd", 0, DEFAULT_BASE_IS_MOOF, struct.pack(">I", run.form.track)),
        full_box(b"tfdt", 1, 0, struct.pack(">Q", base)),
        full_box(b"trun", 1, TRUN_FLAGS, struct.pack(">Ii", len(run.samples), data_offset), rows),
    )


def parse(
    moof: bytes, formats: Sequence[TrackFormat]
) -> list[tuple[TrackFormat, int, list[Sample]]]:
    """Each run of a moof box that `build` made: its track, data offset and samples.

    Raises ValueError for anything that `build` does not make.
    """
    by_track = {form.track: form for form in formats}
    try:
        return [
            _parse_traf(moof[each.start : each.end], by_track)
            for each in walk(moof, HEADER_BYTES)
            if each.kind == b"traf"
        ]
    except (struct.error, KeyError) as err:
        raise ValueError("not a fragment of ours") from err


def _parse_traf(
    traf: bytes, by_track: dict[int, TrackFormat]
) -> tuple[TrackFormat, int, list[Sample]]:
    tfhd, tfdt, trun = (find(traf, kind) or b"" for kind in (b"tfhd", b"tfdt", b"trun"))
    form = by_track[struct.unpack_from(">4xI", tfhd)[0]]
    dts = struct.unpack_from(">4xQ", tfdt)[0] - form.early
    count, data_offset = struct.unpack_from(">4xIi", trun)
    if not 0 < count <= MAX_SAMPLES or len(trun) != 12 + count * TRUN_SAMPLE.size:
        raise ValueError("a run of no or too many samples")
    samples = []
    for duration, size_bytes, flags, offset in TRUN_SAMPLE.iter_unpack(trun[12:]):
        samples.append(Sample(dts, dts + offset, duration, size_bytes, flags == SYNC_FLAGS))
        dts += duration
    return form, data_offset, samples
