"""Reads of H.265 parameter sets what slice headers need (ITU-T H.265 7.3.2.2, 7.3.2.3, 7.3.7).

Called by `hevc_slice` alone. Every malformed or unknown input is a ValueError.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.media import sps
from edge.media.bits import Bits

# Beyond the fields of other profiles, these of screen content (SCC) have some in slice headers
SCREEN_PROFILES = (9, 11)
MAX_SPS_ID = 15  # 7.4.3.2.1
MAX_NUMBER_BITS = 16  # of slice_pic_order_cnt_lsb, 7.4.3.2.1
MAX_REFERENCES = 16  # of pictures, A.4.2
MAX_REFERENCE_SETS = 64  # num_short_term_ref_pic_sets, 7.4.3.2.1
MAX_LONG_TERM = 32  # num_long_term_ref_pics_sps
MAX_TILES = 1024  # beyond the columns and rows of the highest level

# A short-term reference picture set: how far each picture is in output order, and whether the
# current picture uses it; those before come first, each side nearest first.
ReferenceSet = tuple[tuple[int, bool], ...]


@dataclass(frozen=True, slots=True)
class Sps:
    """An SPS as slice headers need it."""

    has_planes: bool
    has_chroma: bool  # ChromaArrayType is not 0
    min_qp: int
    order_bits: int
    has_sao: bool
    reference_sets: tuple[ReferenceSet, ...]
    has_long_term: bool
    long_term_used: tuple[bool, ...]  # used_by_curr_pic_lt_sps_flag
    has_motion_prediction: bool  # sps_temporal_mvp_enabled_flag


@dataclass(frozen=True, slots=True)
class Pps:
    """A PPS as slice headers need it."""

    sps_number: int
    has_output_flag: bool
    extra_bits: int
    has_cabac_init: bool
    references: tuple[int, int]  # num_ref_idx_default_active of list 0 and list 1
    init_qp: int
    has_weights: bool
    has_bidirectional_weights: bool
    has_lists: bool  # lists_modification_present_flag


def read_sps(bits: Bits) -> tuple[int, Sps]:
    """An SPS and its id. Raises ValueError."""
    picture, start = sps.read_hevc(bits)
    if picture.profile in SCREEN_PROFILES or start.number > MAX_SPS_ID:
        raise ValueError("an SPS of the screen content profiles, or beyond the limits")
    order_bits = 4 + bits.ue()
    if order_bits > MAX_NUMBER_BITS:
        raise ValueError("an SPS beyond the standard's limits")
    for _ in range(start.max_sub_layer + 1 if bits.flag() else 1):
        _skip_codes(bits, 3)  # sps_max_dec_pic_buffering_minus1 and its neighbours
    _skip_codes(bits, 6)  # sizes of blocks, depths of transform trees
    if bits.flag() and bits.flag():  # scaling_list_enabled_flag, sps_scaling_list_data_present_flag
        _skip_scaling(bits)
    bits.u(1)  # amp_enabled_flag
    has_sao = bits.flag()
    if bits.flag():  # pcm_enabled_flag
        bits.u(8)
        _skip_codes(bits, 2)
        bits.u(1)
    reference_sets = _read_reference_sets(bits)
    has_long_term = bits.flag()
    long_term_used = _read_long_term(bits, order_bits) if has_long_term else ()
    has_motion_prediction = bits.flag()
    return start.number, Sps(
        start.has_planes,
        picture.chroma_format != 0 and not start.has_planes,
        -6 * (picture.bit_depth_luma - 8),
        order_bits,
        has_sao,
        reference_sets,
        has_long_term,
        long_term_used,
        has_motion_prediction,
    )


def read_pps(bits: Bits) -> Pps:
    """A PPS behind its id. Raises ValueError."""
    sps_number = bits.ue()
    bits.u(1)  # dependent_slice_segments_enabled_flag
    has_output_flag = bits.flag()
    extra_bits = bits.u(3)
    bits.u(1)  # sign_data_hiding_enabled_flag
    has_cabac_init = bits.flag()
    references = bits.ue() + 1, bits.ue() + 1
    init_qp = 26 + bits.se()
    bits.u(2)  # constrained_intra_pred_flag, transform_skip_enabled_flag
    if bits.flag():  # cu_qp_delta_enabled_flag
        bits.ue()
    _skip_codes(bits, 2)  # pps_cb_qp_offset, pps_cr_qp_offset
    bits.u(1)  # pps_slice_chroma_qp_offsets_present_flag
    has_weights, has_bidirectional_weights = bits.flag(), bits.flag()
    bits.u(1)  # transquant_bypass_enabled_flag
    has_tiles = bits.flag()
    bits.u(1)  # entropy_coding_sync_enabled_flag
    if has_tiles:
        _skip_tiles(bits)
    bits.u(1)  # pps_loop_filter_across_slices_enabled_flag
    if bits.flag():  # deblocking_filter_control_present_flag
        bits.u(1)
        if not bits.flag():  # pps_deblocking_filter_disabled_flag
            _skip_codes(bits, 2)
    if bits.flag():  # pps_scaling_list_data_present_flag
        _skip_scaling(bits)
    has_lists = bits.flag()
    if max(references) > MAX_REFERENCES:
        raise ValueError("a PPS with too many references")
    return Pps(
        sps_number, has_output_flag, extra_bits, has_cabac_init, references, init_qp, has_weights,
        has_bidirectional_weights, has_lists,
    )  # fmt: skip


def read_reference_set(
    bits: Bits, known: Sequence[ReferenceSet], *, is_in_slice: bool = False
) -> ReferenceSet:
    """st_ref_pic_set, 7.3.7, behind the `known` ones of the SPS. Raises ValueError."""
    if known and bits.flag():  # inter_ref_pic_set_prediction_flag
        back = bits.ue() + 1 if is_in_slice else 1
        is_negative, step = bits.flag(), bits.ue() + 1
        if back > len(known):
            raise ValueError("a reference picture set predicted from none")
        found = _predict(bits, known[-back], -step if is_negative else step)
    else:
        before, after = bits.ue(), bits.ue()
        if before + after > MAX_REFERENCES:
            raise ValueError("a reference picture set of too many pictures")
        found = (*_read_side(bits, before, -1), *_read_side(bits, after, 1))
    if len(found) > MAX_REFERENCES:
        raise ValueError("a reference picture set of too many pictures")
    return found


def _read_side(bits: Bits, count: int, sign: int) -> ReferenceSet:
    """The pictures on one side of the current one, nearest first."""
    at, found = 0, []
    for _ in range(count):
        at += sign * (bits.ue() + 1)
        found.append((at, bits.flag()))
    return tuple(found)


def _predict(bits: Bits, source: ReferenceSet, step: int) -> ReferenceSet:
    """The set that another one makes when it is moved by `step`, (7-61) and (7-62).

    The standard lists the pictures on each side by their nearness, which is what sorting does.
    """
    kept = []
    for distance in (*(each for each, _ in source), 0):
        is_used = bits.flag()  # used_by_curr_pic_flag
        if (is_used or bits.flag()) and distance + step:  # use_delta_flag
            kept.append((distance + step, is_used))
    kept.sort(key=lambda each: (each[0] > 0, abs(each[0])))
    return tuple(kept)


def _read_reference_sets(bits: Bits) -> tuple[ReferenceSet, ...]:
    count = bits.ue()
    if count > MAX_REFERENCE_SETS:
        raise ValueError("an SPS with too many reference picture sets")
    found: list[ReferenceSet] = []
    for _ in range(count):
        found.append(read_reference_set(bits, found))
    return tuple(found)


def _read_long_term(bits: Bits, order_bits: int) -> tuple[bool, ...]:
    count = bits.ue()
    if count > MAX_LONG_TERM:
        raise ValueError("an SPS with too many long-term references")
    return tuple(bits.u(order_bits + 1) & 1 == 1 for _ in range(count))


def _skip_codes(bits: Bits, count: int) -> None:
    for _ in range(count):
        bits.ue()


def _skip_tiles(bits: Bits) -> None:
    columns, rows = bits.ue(), bits.ue()  # both less one
    if max(columns, rows) >= MAX_TILES:
        raise ValueError("a PPS with too many tiles")
    if not bits.flag():  # uniform_spacing_flag
        _skip_codes(bits, columns + rows)
    bits.u(1)  # loop_filter_across_tiles_enabled_flag


def _skip_scaling(bits: Bits) -> None:
    """scaling_list_data, 7.3.4."""
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if bits.flag():  # scaling_list_pred_mode_flag
                _skip_codes(bits, min(64, 16 << 2 * size) + (size > 1))
            else:
                bits.ue()
