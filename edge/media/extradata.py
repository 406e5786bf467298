"""Extradata: the parameter sets that travel beside a stream, in either framing.

Annex B streams carry them as units with start codes; MP4's length-prefixed streams in an avcC or
hvcC record (ISO/IEC 14496-15 5.3.3.1 and 8.3.3.1). Read here, and made anew when a stream's
parameters change in band. Pure and safe on any bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

from edge.media import nal
from edge.media.packet import VideoCodec
from edge.media.sps import first_sps

START_CODE = b"\x00\x00\x00\x01"
_START_CODES = (b"\x00\x00\x01", START_CODE)
AVCC_HEAD_BYTES = 6
HVCC_HEAD_BYTES = 23
HEVC_GENERAL_BYTES = 13  # of an SPS up to general_level_idc, H.265 7.3.3
MAX_SET_BYTES = 0xFFFF  # a set's length is 16 bits in both records
H264_SHORT_PROFILES = frozenset({66, 77, 88})  # without chroma fields, 14496-15 5.3.3.1.2


def prefix_bytes(codec: VideoCodec, extradata: bytes) -> int:
    """Bytes of the length before each unit of the stream's packets; 0 for Annex B."""
    if extradata.startswith(_START_CODES):
        return 0
    if codec == "h264" and len(extradata) > AVCC_HEAD_BYTES and extradata[0] == 1:
        return (extradata[4] & 3) + 1
    if codec == "hevc" and len(extradata) >= HVCC_HEAD_BYTES:
        return (extradata[21] & 3) + 1
    return 0


def parameter_sets(codec: VideoCodec, extradata: bytes) -> tuple[bytes, ...]:
    """The parameter sets in extradata of either framing; empty where there are none."""
    if not prefix_bytes(codec, extradata):
        return nal.parameter_sets(codec, extradata)
    found = _avcc_sets(extradata) if codec == "h264" else _hvcc_sets(extradata)
    return tuple(
        each for each in found if each and nal.kind_of(codec, each) in nal.PARAMETER_KINDS[codec]
    )


def make(codec: VideoCodec, sets: tuple[bytes, ...], length_bytes: int) -> bytes:
    """Extradata holding `sets`: Annex B for `length_bytes` 0, else an avcC or hvcC record.

    Raises ValueError where there is no SPS, or one cut short. An SPS that cannot be read further
    counts as 4:2:0 with 8 bits: decoders look into the SPS themselves.
    """
    if not length_bytes:
        return b"".join(START_CODE + each for each in sets)
    if any(len(each) > MAX_SET_BYTES for each in sets):
        raise ValueError("a parameter set of more than 64 KiB")
    return (_make_avcc if codec == "h264" else _make_hvcc)(sets, length_bytes)


def _avcc_sets(record: bytes) -> Iterator[bytes]:
    at = AVCC_HEAD_BYTES
    count = record[5] & 0x1F
    for _ in range(2):  # SPS, then PPS
        for _ in range(count):
            size = int.from_bytes(record[at : at + 2], "big")
            yield record[at + 2 : at + 2 + size]
            at += 2 + size
        if at >= len(record):
            return
        count, at = record[at], at + 1


def _hvcc_sets(record: bytes) -> Iterator[bytes]:
    at = HVCC_HEAD_BYTES
    for _ in range(record[22]):
        count = int.from_bytes(record[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            if at + 2 > len(record):
                return
            size = int.from_bytes(record[at : at + 2], "big")
            yield record[at + 2 : at + 2 + size]
            at += 2 + size


def _make_avcc(sets: tuple[bytes, ...], length_bytes: int) -> bytes:
    sps = [each for each in sets if nal.kind_of("h264", each) == nal.H264_SPS][:31]
    pps = [each for each in sets if nal.kind_of("h264", each) == nal.H264_PPS][:255]
    if not sps or len(sps[0]) < 4:
        raise ValueError("no SPS, or one cut short")
    record = bytes((1, *sps[0][1:4], 0xFC | length_bytes - 1, 0xE0 | len(sps)))
    record += _sized(sps) + bytes((len(pps),)) + _sized(pps)
    if sps[0][1] not in H264_SHORT_PROFILES:
        record += _pixel_format("h264", tuple(sps)) + b"\0"  # no SPS extensions
    return record


def _make_hvcc(sets: tuple[bytes, ...], length_bytes: int) -> bytes:
    arrays = {
        kind: [each for each in sets if nal.kind_of("hevc", each) == kind]
        for kind in nal.PARAMETER_KINDS["hevc"]
    }
    sps = arrays[nal.HEVC_SPS]
    payload = nal.unescape(sps[0])[nal.HEADER_BYTES["hevc"] :] if sps else b""
    if len(payload) < HEVC_GENERAL_BYTES:
        raise ValueError("no SPS, or one cut short")
    layers, is_nested = (payload[0] >> 1 & 7) + 1, payload[0] & 1
    record = bytes((1,)) + payload[1:13]  # general profile, compatibility, constraints, level
    record += bytes((0xF0, 0, 0xFC)) + _pixel_format("hevc", sets)
    record += bytes((0, 0, layers << 3 | is_nested << 2 | length_bytes - 1, len(arrays)))
    for kind, units in arrays.items():
        # hvc1 asks for array_completeness = 1: all sets are here, and may stand in band as well.
        record += bytes((0x80 | kind,)) + len(units).to_bytes(2, "big") + _sized(units)
    return record


def _pixel_format(codec: VideoCodec, sets: tuple[bytes, ...]) -> bytes:
    """chroma_format and the two bit depths, as both records hold them."""
    read = first_sps(codec, sets)
    chroma, luma, chroma_bits = 1, 8, 8
    if read is not None and max(read.bit_depth_luma, read.bit_depth_chroma) < 16:
        chroma, luma, chroma_bits = read.chroma_format, read.bit_depth_luma, read.bit_depth_chroma
    return bytes((0xFC | chroma & 3, 0xF8 | luma - 8, 0xF8 | chroma_bits - 8))


def _sized(units: list[bytes]) -> bytes:
    return b"".join(len(each).to_bytes(2, "big") + each for each in units)
