"""Reads sequence parameter sets (ITU-T H.264 7.3.2.1.1, H.265 7.3.2.2.1): picture size, depth.

Used where FFmpeg knows no size because the camera described its stream in band only, to tell a
real change of parameters, and by the readers of slice headers. Every malformed input is a
ValueError.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.media import nal
from edge.media.bits import Bits
from edge.media.packet import VideoCodec

MAX_SIDE_PIXELS = 16384  # beyond the highest level of either standard
MAX_SPS_BYTES = 4096  # real ones have some dozens

# H.264 7.3.2.1.1: the profiles whose SPS has the chroma fields
H264_CHROMA_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})


@dataclass(frozen=True, slots=True)
class Sps:
    """What an SPS says about the picture; sizes in pixels after cropping."""

    width: int
    height: int
    profile: int
    level: int
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int


@dataclass(frozen=True, slots=True)
class H264Numbering:
    """What an H.264 SPS says of how its slice headers are written."""

    number: int  # seq_parameter_set_id
    has_planes: bool  # separate_colour_plane_flag
    frame_num_bits: int
    order_kind: int  # pic_order_cnt_type
    order_bits: int  # of pic_order_cnt_lsb
    has_order_delta: bool  # not delta_pic_order_always_zero_flag
    has_fields: bool  # not frame_mbs_only_flag


@dataclass(frozen=True, slots=True)
class HevcStart:
    """What an H.265 SPS says up to its bit depths, beside the picture's format."""

    number: int  # sps_seq_parameter_set_id
    max_sub_layer: int  # sps_max_sub_layers_minus1
    has_planes: bool  # separate_colour_plane_flag


def first_sps(codec: VideoCodec, sets: tuple[bytes, ...]) -> Sps | None:
    """The first readable SPS among parameter sets; None where there is none."""
    for each in sets:
        if nal.kind_of(codec, each) == nal.SPS_KIND[codec]:
            try:
                return parse_sps(codec, each)
            except ValueError:
                continue
    return None


def parse_sps(codec: VideoCodec, unit: bytes) -> Sps:
    """Read an SPS unit, its NAL header included. Raises ValueError."""
    bits = payload(codec, unit)
    sps = read_h264(bits)[0] if codec == "h264" else read_hevc(bits)[0]
    if not (0 < sps.width <= MAX_SIDE_PIXELS and 0 < sps.height <= MAX_SIDE_PIXELS):
        raise ValueError(f"an SPS with a picture of {sps.width}x{sps.height}")
    return sps


def max_reorder(codec: VideoCodec, sets: tuple[bytes, ...]) -> int:
    """How many pictures may come before one that is shown earlier; 0 where it is not said.

    Read of H.265 only (sps_max_num_reorder_pics); H.264 says it at the far end of its VUI.
    """
    for each in sets:
        if codec == "hevc" and nal.kind_of(codec, each) == nal.HEVC_SPS:
            try:
                return _hevc_reorder(payload(codec, each))
            except ValueError:
                continue
    return 0


def _hevc_reorder(bits: Bits) -> int:
    _, start = read_hevc(bits)
    bits.ue()  # log2_max_pic_order_cnt_lsb_minus4
    is_each = bits.flag()  # sps_sub_layer_ordering_info_present_flag
    reorder = 0
    for _ in range(start.max_sub_layer + 1 if is_each else 1):
        bits.ue()  # sps_max_dec_pic_buffering_minus1
        reorder = bits.ue()
        bits.ue()  # sps_max_latency_increase_plus1
    return reorder


def set_id(codec: VideoCodec, unit: bytes) -> int:
    """The id that a VPS, SPS or PPS gives itself; -1 where it cannot be read."""
    bits = payload(codec, unit)
    kind = nal.kind_of(codec, unit)
    try:
        if kind == nal.SPS_KIND[codec]:
            if codec == "h264":
                bits.u(24)  # profile_idc, constraint flags, level_idc
            else:
                bits.u(4)
                sub_layers = bits.u(3)
                bits.u(1)
                _hevc_profile(bits, sub_layers)
            return bits.ue()
        return bits.u(4) if codec == "hevc" and kind == nal.HEVC_VPS else bits.ue()
    except ValueError:
        return -1


def payload(codec: VideoCodec, unit: bytes) -> Bits:
    """The bits of a parameter set behind its NAL header."""
    return Bits(nal.unescape(unit[:MAX_SPS_BYTES])[nal.HEADER_BYTES[codec] :])


def read_h264(bits: Bits) -> tuple[Sps, H264Numbering]:
    """Read an SPS up to its cropping. Raises ValueError."""
    profile = bits.u(8)
    bits.u(8)  # constraint flags
    level = bits.u(8)
    number = bits.ue()
    chroma_format, depth_luma, depth_chroma, is_separate = 1, 8, 8, False
    if profile in H264_CHROMA_PROFILES:
        chroma_format = bits.ue()
        is_separate = chroma_format == 3 and bits.flag()
        depth_luma, depth_chroma = 8 + bits.ue(), 8 + bits.ue()
        bits.u(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.flag():
            _skip_h264_scaling(bits, 12 if chroma_format == 3 else 8)
    frame_num_bits = 4 + bits.ue()
    order_kind, order_bits, has_delta = _picture_order(bits)
    bits.ue()  # max_num_ref_frames
    bits.u(1)  # gaps_in_frame_num_value_allowed_flag
    width = 16 * (bits.ue() + 1)
    map_height = bits.ue() + 1
    fields = 1 if bits.flag() else 2  # frame_mbs_only_flag
    height = 16 * map_height * fields
    if fields == 2:
        bits.u(1)  # mb_adaptive_frame_field_flag
    bits.u(1)  # direct_8x8_inference_flag
    left, right, top, bottom = _crop(bits)
    unit_x, unit_y = _crop_unit(0 if is_separate else chroma_format)
    sps = Sps(
        width - unit_x * (left + right),
        height - unit_y * fields * (top + bottom),
        profile,
        level,
        chroma_format,
        depth_luma,
        depth_chroma,
    )
    return sps, H264Numbering(
        number, is_separate, frame_num_bits, order_kind, order_bits, has_delta, fields == 2
    )


def _picture_order(bits: Bits) -> tuple[int, int, bool]:
    """pic_order_cnt_type, the bits of pic_order_cnt_lsb, and whether slices carry deltas."""
    kind, order_bits, has_delta = bits.ue(), 0, False
    if kind == 0:
        order_bits = 4 + bits.ue()
    elif kind == 1:
        has_delta = not bits.flag()
        bits.se()
        bits.se()
        for _ in range(min(bits.ue(), 256)):
            bits.se()
    return kind, order_bits, has_delta


def _skip_h264_scaling(bits: Bits, lists: int) -> None:
    for index in range(lists):
        if not bits.flag():
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + bits.se()) % 256
            last = following or last


def read_hevc(bits: Bits) -> tuple[Sps, HevcStart]:
    """Read an SPS up to its bit depths. Raises ValueError."""
    bits.u(4)  # sps_video_parameter_set_id
    sub_layers = bits.u(3)  # sps_max_sub_layers_minus1
    bits.u(1)  # sps_temporal_id_nesting_flag
    profile, level = _hevc_profile(bits, sub_layers)
    number = bits.ue()
    chroma_format = bits.ue()
    is_separate = chroma_format == 3 and bits.flag()
    width, height = bits.ue(), bits.ue()
    left, right, top, bottom = _crop(bits)
    unit_x, unit_y = _crop_unit(0 if is_separate else chroma_format)
    depth_luma, depth_chroma = 8 + bits.ue(), 8 + bits.ue()
    sps = Sps(
        width - unit_x * (left + right),
        height - unit_y * (top + bottom),
        profile,
        level,
        chroma_format,
        depth_luma,
        depth_chroma,
    )
    return sps, HevcStart(number, sub_layers, is_separate)


def _hevc_profile(bits: Bits, sub_layers: int) -> tuple[int, int]:
    """profile_tier_level(1, sub_layers), H.265 7.3.3: general_profile_idc, general_level_idc."""
    bits.u(3)  # general_profile_space, general_tier_flag
    profile = bits.u(5)
    bits.u(80)  # compatibility and constraint flags
    level = bits.u(8)
    present = [(bits.flag(), bits.flag()) for _ in range(sub_layers)]
    if sub_layers:
        bits.u(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        bits.u(88 * has_profile + 8 * has_level)
    return profile, level


def _crop(bits: Bits) -> tuple[int, int, int, int]:
    """Left, right, top, bottom in chroma units; zeros where there is no cropping window."""
    return (bits.ue(), bits.ue(), bits.ue(), bits.ue()) if bits.flag() else (0, 0, 0, 0)


def _crop_unit(chroma_format: int) -> tuple[int, int]:
    """SubWidthC and SubHeightC (H.264 table 6-1); 1 for monochrome and separate planes."""
    return (2 if chroma_format in (1, 2) else 1, 2 if chroma_format == 1 else 1)
