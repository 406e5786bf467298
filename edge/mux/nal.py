"""NAL units: the pieces of an H.264 or H.265 picture, out of the two framings cameras use.

Annex B (start codes, as RTSP delivers) and length-prefixed (as MP4 files hold). Nothing inside a
NAL unit is ever changed. H.264 is ITU-T H.264, H.265 is ITU-T H.265, section numbers are theirs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from edge.media.packet import VideoCodec

START_CODE = b"\0\0\1"
LENGTH_BYTES = 4
MAX_SETS, MAX_SET_BYTES = 16, 0xFFFF  # avcC counts SPS in five bits, and sizes in sixteen

H264_SPS, H264_PPS = 7, 8  # H.264 table 7-1
H265_VPS, H265_SPS, H265_PPS = 32, 33, 34  # H.265 table 7-1
SET_TYPES: dict[VideoCodec, tuple[int, ...]] = {
    "h264": (H264_SPS, H264_PPS),
    "hevc": (H265_VPS, H265_SPS, H265_PPS),
}


def split_start_codes(data: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B byte stream, without start codes and padding (annex B.1)."""
    at = data.find(START_CODE)
    while at >= 0:
        begin = at + len(START_CODE)
        at = data.find(START_CODE, begin)
        nal = data[begin : at if at >= 0 else len(data)].rstrip(b"\0")
        if nal:
            yield nal


def split_lengths(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """The NAL units of a length-prefixed picture; stops at a length that does not fit."""
    at = 0
    while at + length_bytes < len(data):
        size = int.from_bytes(data[at : at + length_bytes], "big")
        at += length_bytes
        if not 0 < size <= len(data) - at:
            return
        yield data[at : at + size]
        at += size


def join_lengths(nals: Iterable[bytes]) -> bytes:
    """The NAL units with four-byte lengths before each."""
    return b"".join(piece for nal in nals for piece in (struct.pack(">I", len(nal)), nal))


def nal_type(nal: bytes, codec: VideoCodec) -> int:
    """nal_unit_type (7.3.1 of H.264, 7.3.1.2 of H.265)."""
    return nal[0] & 0x1F if codec == "h264" else nal[0] >> 1 & 0x3F


def begins_picture(nals: Iterable[bytes], codec: VideoCodec) -> bool:
    """Whether a first slice is among them; false for the rest of a picture sent in two packets.

    The first slice has first_mb_in_slice = 0 (H.264 7.4.3) or first_slice_segment_in_pic_flag = 1
    (H.265 7.4.7.1): in both the first bit after the NAL header is set.
    """
    for nal in nals:
        kind = nal_type(nal, codec)
        if codec == "h264":
            if kind in (1, 2, 5) and len(nal) > 1 and nal[1] & 0x80:
                return True
        elif kind < 32 and len(nal) > 2 and nal[2] & 0x80:
            return True
    return False


def parameter_sets(nals: Iterable[bytes], codec: VideoCodec) -> dict[int, list[bytes]]:
    """The distinct parameter sets among `nals` by type, in order.

    At most MAX_SETS of a type, of at most MAX_SET_BYTES, since files hold no more.
    """
    found: dict[int, list[bytes]] = {}
    for nal in nals:
        kind = nal_type(nal, codec)
        if kind in SET_TYPES[codec] and len(nal) <= MAX_SET_BYTES:
            sets = found.setdefault(kind, [])
            if nal not in sets and len(sets) < MAX_SETS:
                sets.append(nal)
    return found
