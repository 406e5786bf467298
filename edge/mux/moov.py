"""The movie box: the index of a clip (ISO/IEC 14496-12, section 8).

Two forms: for the open file (tracks without samples; fragments follow) and for the closed one
(all samples). Composition offsets are never negative, for players that read them unsigned: where
a camera shows a picture before it is decoded, all decoding times move back by that much, which
costs nothing, and the edit list lets the clip start at zero.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

from edge.mux.boxes import UNITY_MATRIX, box, full_box
from edge.mux.track import SampleTable, TrackFormat

MOVIE_TIMESCALE = 90_000
LANGUAGE_UND = 0x55C4  # ISO 639-2 "und", packed as 8.4.2.3 says
TRACK_ENABLED_IN_MOVIE = 3
URL_SELF_CONTAINED = 1
MAX_U32 = 0xFFFFFFFF
EMPTY_EDIT = -1


def open_moov(formats: Sequence[TrackFormat]) -> bytes:
    """The movie box that stands before the fragments."""
    traks = [
        _trak(each, _stbl(each, [], SampleTable(), 0), 0, [(0, each.early)]) for each in formats
    ]
    trex = [full_box(b"trex", 0, 0, struct.pack(">5I", each.track, 1, 0, 0, 0)) for each in formats]
    return box(b"moov", _mvhd(0, len(formats)), *traks, box(b"mvex", *trex))


def closed_moov(tracks: Sequence[tuple[TrackFormat, SampleTable]]) -> bytes:
    """The movie box of the complete clip. Tracks without a sample are left out."""
    tracks = [(form, table) for form, table in tracks if len(table)]
    duration = max((_movie_ticks(table.end, form) for form, table in tracks), default=0)
    traks = [_closed_trak(form, table) for form, table in tracks]
    return box(b"moov", _mvhd(duration, len(tracks)), *traks)


def _closed_trak(form: TrackFormat, table: SampleTable) -> bytes:
    back = max(0, -min(table.offsets))
    # Where zero lies on the track's own time, which starts at its first decoding time.
    zero = back - table.dts[0]
    edits = []
    if zero < 0:
        edits.append((_movie_ticks(-zero, form), EMPTY_EDIT))
    edits.append((_movie_ticks(table.end + min(zero, 0), form), max(zero, 0)))
    deltas = [after - before for before, after in pairwise(table.dts)]
    # A picture that is shown last need not be decoded last; its time has to fit in as well.
    deltas.append(max(1, table.last_duration, table.end + min(zero, 0) - sum(deltas)))
    is_shifted = edits != [(edits[0][0], 0)]
    return _trak(form, _stbl(form, deltas, table, back), sum(deltas), edits if is_shifted else [])


def _trak(form: TrackFormat, stbl: bytes, duration: int, edits: Sequence[tuple[int, int]]) -> bytes:
    media_header = (
        full_box(b"smhd", 0, 0, bytes(4)) if form.is_audio else full_box(b"vmhd", 0, 1, bytes(8))
    )
    dinf = box(
        b"dinf",
        full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, URL_SELF_CONTAINED)),
    )
    handler, name = (b"soun", b"audio\0") if form.is_audio else (b"vide", b"video\0")
    mdia = box(
        b"mdia",
        _mdhd(form.timescale, duration),
        full_box(b"hdlr", 0, 0, struct.pack(">4x4s12x", handler), name),
        box(b"minf", media_header, dinf, stbl),
    )
    shown = sum(each[0] for each in edits) or _movie_ticks(duration, form)
    elst = [struct.pack(">IihH", min(length, MAX_U32), start, 1, 0) for length, start in edits]
    edts = box(b"edts", full_box(b"elst", 0, 0, struct.pack(">I", len(elst)), *elst))
    return box(b"trak", _tkhd(form, shown), edts if edits else b"", mdia)


def _stbl(form: TrackFormat, deltas: list[int], table: SampleTable, back: int) -> bytes:
    count = len(table)
    boxes = [
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), form.entry),
        full_box(b"stts", 0, 0, _runs(deltas)),
    ]
    if any(offset + back for offset in table.offsets):
        boxes.append(full_box(b"ctts", 0, 0, _runs(offset + back for offset in table.offsets)))
    if not form.is_audio and len(table.syncs) != count:
        boxes.append(full_box(b"stss", 0, 0, _counted(table.syncs)))
    boxes += [
        full_box(b"stsc", 0, 0, _chunk_runs([samples for _, samples in table.chunks])),
        full_box(b"stsz", 0, 0, bytes(4), _counted(table.sizes)),
        full_box(b"stco", 0, 0, _counted([offset for offset, _ in table.chunks])),
    ]
    return box(b"stbl", *boxes)


def _runs(values: Iterable[int]) -> bytes:
    """Run-length pairs (count, value), as stts and ctts hold them."""
    runs = [(len(list(group)), min(value, MAX_U32)) for value, group in groupby(values)]
    return struct.pack(">I", len(runs)) + b"".join(struct.pack(">II", *run) for run in runs)


def _chunk_runs(samples: list[int]) -> bytes:
    """stsc: only chunks whose sample count differs from the one before."""
    changes = [at for at in range(len(samples)) if not at or samples[at] != samples[at - 1]]
    entries = [struct.pack(">III", at + 1, samples[at], 1) for at in changes]
    return struct.pack(">I", len(entries)) + b"".join(entries)


def _counted(values: Sequence[int] | array[int]) -> bytes:
    return struct.pack(f">I{len(values)}I", len(values), *values)


def _movie_ticks(ticks: int, form: TrackFormat) -> int:
    """Rounded up, so that no edit cuts the last picture short."""
    return -(-ticks * MOVIE_TIMESCALE // form.timescale)


def _mvhd(duration: int, tracks: int) -> bytes:
    times = struct.pack(">4I", 0, 0, MOVIE_TIMESCALE, min(duration, MAX_U32))
    rate_volume = struct.pack(">IH10x", 0x10000, 0x100)
    return full_box(
        b"mvhd", 0, 0, times, rate_volume, UNITY_MATRIX, bytes(24), struct.pack(">I", tracks + 1)
    )


def _tkhd(form: TrackFormat, duration: int) -> bytes:
    times = struct.pack(">5I8x", 0, 0, form.track, 0, min(duration, MAX_U32))
    layer_volume = struct.pack(">hhH2x", 0, int(form.is_audio), 0x100 if form.is_audio else 0)
    size = struct.pack(">II", form.width << 16, form.height << 16)
    return full_box(b"tkhd", 0, TRACK_ENABLED_IN_MOVIE, times, layer_volume, UNITY_MATRIX, size)


def _mdhd(timescale: int, duration: int) -> bytes:
    if duration > MAX_U32:
        fields = struct.pack(">QQIQHH", 0, 0, timescale, duration, LANGUAGE_UND, 0)
        return full_box(b"mdhd", 1, 0, fields)
    return full_box(b"mdhd", 0, 0, struct.pack(">4IHH", 0, 0, timescale, duration, LANGUAGE_UND, 0))
