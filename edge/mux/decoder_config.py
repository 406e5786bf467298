"""The decoder configuration a clip carries: avcC and hvcC records, and how packets are framed.

A camera's own record (from a file or a container) is passed on byte for byte, and so is the
framing of its packets. For Annex B streams the record is built from the parameter sets: those in
the first keyframe where they are complete, else those the camera announced when it was opened.
ISO/IEC 14496-15 sections 5.3.3.1 (avcC) and 8.3.3.1 (hvcC).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from edge.media.packet import VideoCodec, VideoStream
from edge.mux import nal
from edge.mux.errors import MuxError
from edge.mux.sps import (
    H264_HIGH_PROFILES,
    PixelFormat,
    h264_pixel_format,
    h265_general,
    h265_pixel_format,
)

AVCC_MIN_BYTES, HVCC_MIN_BYTES = 7, 23


@dataclass(frozen=True)
class DecoderConfig:
    """`record` is the payload of avcC or hvcC; `length_bytes` is None for Annex B packets."""

    codec: VideoCodec
    record: bytes
    length_bytes: int | None

    def nals(self, data: bytes) -> list[bytes]:
        """The NAL units of one packet."""
        if self.length_bytes is None:
            return list(nal.split_start_codes(data))
        return list(nal.split_lengths(data, self.length_bytes))

    def sample(self, data: bytes) -> bytes:
        """A packet as it stands in the file: the same NAL units, length-prefixed."""
        if self.length_bytes is None:
            return nal.join_lengths(nal.split_start_codes(data))
        return data


def is_record(extradata: bytes, codec: VideoCodec) -> bool:
    """Whether `extradata` is an avcC or hvcC record (version 1) rather than Annex B."""
    least = AVCC_MIN_BYTES if codec == "h264" else HVCC_MIN_BYTES
    return len(extradata) >= least and extradata[0] == 1


def decoder_config(stream: VideoStream, keyframe: bytes) -> DecoderConfig:
    """The configuration of a clip that starts with `keyframe`. Raises MuxError without one."""
    extradata = stream.extradata
    if is_record(extradata, stream.codec):
        at = 4 if stream.codec == "h264" else 21
        return DecoderConfig(stream.codec, extradata, (extradata[at] & 3) + 1)
    in_band = nal.parameter_sets(nal.split_start_codes(keyframe), stream.codec)
    announced = nal.parameter_sets(nal.split_start_codes(extradata), stream.codec)
    for sets in (in_band, announced, announced | in_band):
        if all(sets.get(kind) for kind in nal.SET_TYPES[stream.codec]):
            build = _avcc if stream.codec == "h264" else _hvcc
            return DecoderConfig(stream.codec, build(sets), None)
    raise MuxError(
        f"the camera's {stream.codec} stream has no parameter sets (SPS, PPS)",
        hint="set the camera to repeat SPS and PPS with each keyframe",
        is_retryable=True,
    )


def _avcc(sets: dict[int, list[bytes]]) -> bytes:
    sps = sets[nal.H264_SPS]
    if len(sps[0]) < 4:
        raise MuxError("the camera's SPS is cut short", is_retryable=True)
    record = bytes((1, *sps[0][1:4], 0xFC | nal.LENGTH_BYTES - 1, 0xE0 | len(sps)))
    record += _sized(sps) + bytes((len(sets[nal.H264_PPS]),)) + _sized(sets[nal.H264_PPS])
    if sps[0][1] in H264_HIGH_PROFILES:
        form = _pixel_format(sps[0], "h264")
        record += bytes(
            (0xFC | form.chroma, 0xF8 | form.luma_bits - 8, 0xF8 | form.chroma_bits - 8)
        )
        record += b"\0"  # no SPS extensions
    return record


def _hvcc(sets: dict[int, list[bytes]]) -> bytes:
    sps = sets[nal.H265_SPS][0]
    try:
        general, sub_layers, is_nested = h265_general(sps)
    except ValueError as err:
        raise MuxError("the camera's SPS is cut short", is_retryable=True) from err
    form = _pixel_format(sps, "hevc")
    record = (
        b"\1"
        + general
        + struct.pack(
            ">HBBBBHBB",
            0xF000,  # min_spatial_segmentation_idc: unknown
            0xFC,  # parallelismType: unknown
            0xFC | form.chroma,
            0xF8 | form.luma_bits - 8,
            0xF8 | form.chroma_bits - 8,
            0,  # avgFrameRate: unspecified
            sub_layers << 3 | is_nested << 2 | nal.LENGTH_BYTES - 1,
            len(nal.SET_TYPES["hevc"]),
        )
    )
    for kind in nal.SET_TYPES["hevc"]:
        # hvc1 asks for array_completeness = 1: all sets are here, and may stand in-band as well.
        record += struct.pack(">BH", 0x80 | kind, len(sets[kind])) + _sized(sets[kind])
    return record


def _pixel_format(sps: bytes, codec: VideoCodec) -> PixelFormat:
    """4:2:0 at 8 bits where the SPS cannot be read: decoders look into the SPS themselves."""
    try:
        form = h264_pixel_format(sps) if codec == "h264" else h265_pixel_format(sps)
    except ValueError:
        return PixelFormat()
    return (
        form if form.chroma <= 3 and max(form.luma_bits, form.chroma_bits) < 16 else PixelFormat()
    )


def _sized(nals: list[bytes]) -> bytes:
    return b"".join(struct.pack(">H", len(each) & 0xFFFF) + each for each in nals)
