"""NAL units of H.264 and H.265: find them, know their kind, tell where a picture starts.

Pure functions over bytes, safe on any input: what cannot be found is absent, nothing is raised.
Two framings carry the same units: Annex B (start codes, as over RTP) and length-prefixed (as in
MP4). `prefix_bytes` says which: 0 for Annex B, else the bytes of each length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from edge.media.packet import VideoCodec

MAX_UNITS = 1024  # looked at in one packet; a picture has a few, hostile bytes have millions
LENGTH_BYTES = 4  # of each length that `join_lengths` writes

# nal_unit_type, ITU-T H.264 table 7-1 and H.265 table 7-1
H264_SPS, H264_PPS = 7, 8
HEVC_VPS, HEVC_SPS, HEVC_PPS = 32, 33, 34
PARAMETER_KINDS: dict[VideoCodec, tuple[int, ...]] = {
    "h264": (H264_SPS, H264_PPS),
    "hevc": (HEVC_VPS, HEVC_SPS, HEVC_PPS),
}
SPS_KIND: dict[VideoCodec, int] = {"h264": H264_SPS, "hevc": HEVC_SPS}
HEADER_BYTES: dict[VideoCodec, int] = {"h264": 1, "hevc": 2}


def units(data: bytes, prefix_bytes: int = 0) -> Iterator[bytes]:
    """The NAL units of one packet, without start codes or length prefixes; stops at nonsense."""
    found = _length_prefixed(data, prefix_bytes) if prefix_bytes else _annexb(data)
    return (unit for unit in found if unit)


def join_lengths(found: Iterable[bytes]) -> bytes:
    """The units with four-byte lengths before each, as MP4 files hold them."""
    return b"".join(
        piece for unit in found for piece in (len(unit).to_bytes(LENGTH_BYTES, "big"), unit)
    )


def _annexb(data: bytes) -> Iterator[bytes]:
    at = data.find(b"\x00\x00\x01")
    while at >= 0:
        start = at + 3
        at = data.find(b"\x00\x00\x01", start)
        # The zeros before a start code, or at the end, are no part of the unit (H.264 B.1).
        yield data[start : at if at >= 0 else len(data)].rstrip(b"\x00")


def _length_prefixed(data: bytes, prefix_bytes: int) -> Iterator[bytes]:
    at = 0
    while at + prefix_bytes <= len(data):
        start = at + prefix_bytes
        at = start + int.from_bytes(data[at:start], "big")
        if at > len(data):
            return
        yield data[start:at]


def kind_of(codec: VideoCodec, unit: bytes) -> int:
    """nal_unit_type of a non-empty unit."""
    return unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F


def is_slice(codec: VideoCodec, kind: int) -> bool:
    """Whether a unit of this kind carries picture data (VCL)."""
    return 1 <= kind <= 5 if codec == "h264" else kind < 32


def starts_picture(codec: VideoCodec, data: bytes, prefix_bytes: int = 0) -> bool | None:
    """Whether the first slice in `data` is the first of its picture; None where there is none.

    H.264 7.3.3: first_mb_in_slice is ue(v), so 0 is a leading 1 bit. H.265 7.3.6.1:
    first_slice_segment_in_pic_flag is the first bit.
    """
    header_bytes = HEADER_BYTES[codec]
    for unit in islice(units(data, prefix_bytes), MAX_UNITS):
        if is_slice(codec, kind_of(codec, unit)) and len(unit) > header_bytes:
            return bool(unit[header_bytes] & 0x80)
    return None


def parameter_sets(codec: VideoCodec, data: bytes, prefix_bytes: int = 0) -> tuple[bytes, ...]:
    """The parameter sets that stand before the first slice in `data`, in order, none twice."""
    found: dict[bytes, None] = {}
    for unit in islice(units(data, prefix_bytes), MAX_UNITS):
        kind = kind_of(codec, unit)
        if kind in PARAMETER_KINDS[codec]:
            found[unit] = None
        elif is_slice(codec, kind):
            break
    return tuple(found)


def is_complete(codec: VideoCodec, sets: tuple[bytes, ...]) -> bool:
    """Whether every kind of parameter set that a decoder needs is there."""
    return {kind_of(codec, each) for each in sets}.issuperset(PARAMETER_KINDS[codec])


def unescape(unit: bytes) -> bytes:
    """Without the emulation prevention bytes: 00 00 03 becomes 00 00 (H.264 7.4.1)."""
    return unit.replace(b"\x00\x00\x03", b"\x00\x00")
