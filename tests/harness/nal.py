"""NAL units of H.264 and H.265 packets, for comparing what was sent with what was kept.

A file holds NAL units behind length fields (ISO/IEC 14496-15), an RTSP client hands them out
behind start codes (ITU-T H.264 and H.265, annex B). The units between are what must be identical.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av

Codec = Literal["h264", "hevc"]
H264_PARAMETER_SETS = frozenset({7, 8})  # SPS, PPS: H.264 table 7-1
H264_PICTURE = frozenset({1, 2, 3, 4, 5})
HEVC_PARAMETER_SETS = frozenset({32, 33, 34})  # VPS, SPS, PPS: H.265 table 7-1
HEVC_FIRST_NON_PICTURE = 32


@dataclass(frozen=True, slots=True)
class CodedPacket:
    """One packet of a video stream, cut into its NAL units."""

    units: tuple[bytes, ...]
    pts: int | None
    dts: int | None
    time_base: Fraction
    is_keyframe: bool

    @property
    def pts_s(self) -> float | None:
        """Presentation time in seconds, for people; compare with `pts` and `time_base`."""
        return None if self.pts is None else float(self.pts * self.time_base)


def split_annex_b(data: bytes) -> list[bytes]:
    """The NAL units between start codes (00 00 01, with any zeros before)."""
    units = []
    start = data.find(b"\x00\x00\x01")
    while start >= 0:
        begin = start + 3
        start = data.find(b"\x00\x00\x01", begin)
        unit = data[begin:] if start < 0 else data[begin:start]
        units.append(unit.rstrip(b"\x00"))  # trailing_zero_8bits; a unit never ends in zero
    return [unit for unit in units if unit]


def split_length_prefixed(data: bytes, size_bytes: int = 4) -> list[bytes]:
    """The NAL units behind length fields of `size_bytes`. Raises ValueError on overrun."""
    units = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + size_bytes], "big")
        at += size_bytes
        if at + length > len(data):
            raise ValueError(f"a NAL unit of {length} bytes at {at} runs over the packet's end")
        units.append(data[at : at + length])
        at += length
    return [unit for unit in units if unit]


def length_size_bytes(codec: Codec, extradata: bytes) -> int | None:
    """The size of length fields that avcC or hvcC declares; None where extradata is annex B."""
    if not extradata or extradata[0] != 1:
        return None
    return (extradata[4] & 3) + 1 if codec == "h264" else (extradata[21] & 3) + 1


def split(data: bytes, codec: Codec, extradata: bytes) -> list[bytes]:
    """The NAL units of one packet, in either form, as `extradata` says.

    Some files hold zero bytes or a start code with a further unit behind a unit, inside its length
    field. Neither belongs to the unit (H.264 7.4.1, H.265 7.4.2), so both forms give the same.
    """
    size_bytes = length_size_bytes(codec, extradata)
    if size_bytes is None:
        return split_annex_b(data)
    return [
        unit
        for each in split_length_prefixed(data, size_bytes)
        for unit in split_annex_b(b"\x00\x00\x01" + each)
    ]


def kind(unit: bytes, codec: Codec) -> int:
    """The nal_unit_type."""
    return unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F


def is_parameter_set(unit: bytes, codec: Codec) -> bool:
    """Whether `unit` is a VPS, SPS or PPS."""
    sets = H264_PARAMETER_SETS if codec == "h264" else HEVC_PARAMETER_SETS
    return kind(unit, codec) in sets


def is_picture(unit: bytes, codec: Codec) -> bool:
    """Whether `unit` is a slice of a coded picture."""
    if codec == "h264":
        return kind(unit, codec) in H264_PICTURE
    return kind(unit, codec) < HEVC_FIRST_NON_PICTURE


def picture_digest(packet: CodedPacket, codec: Codec) -> str:
    """SHA-256 over a packet's slices alone, which no remuxing may change."""
    digest = hashlib.sha256()
    for unit in packet.units:
        if is_picture(unit, codec):
            digest.update(len(unit).to_bytes(4, "big") + unit)
    return digest.hexdigest()


def read_packets(
    container: av.container.InputContainer, *, limit: int | None = None
) -> Iterator[CodedPacket]:
    """The first video stream's packets, in file order, `limit` at most."""
    stream = container.streams.video[0]
    codec = codec_of(stream)
    extradata = bytes(stream.codec_context.extradata or b"")
    count = 0
    for packet in container.demux(stream):
        data = bytes(packet)
        if not data:
            continue
        units = tuple(split(data, codec, extradata))
        yield CodedPacket(units, packet.pts, packet.dts, packet.time_base, packet.is_keyframe)
        count += 1
        if count == limit:
            return


def codec_of(stream: av.video.stream.VideoStream) -> Codec:
    """The stream's codec. Raises ValueError for one without NAL units."""
    name = stream.codec_context.name
    if name == "h264":
        return "h264"
    if name == "hevc":
        return "hevc"
    raise ValueError(f"{name} has no NAL units")


def read_file(path: Path) -> list[CodedPacket]:
    """Every packet of the file's video stream."""
    with av.open(str(path)) as container:
        return list(read_packets(container))
