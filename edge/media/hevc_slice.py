"""Reads H.265 slice headers up to the quantiser (ITU-T H.265 7.3.6.1), and the sets they need.

Called by `slices` alone. Only the base layer is read; streams of the screen content profiles,
whose headers differ, are not. Every malformed or unknown input is a ValueError.
"""

from __future__ import annotations

from edge.media import nal, sps
from edge.media.bits import Bits
from edge.media.coded import MAX_QP, PictureKind, SliceHead
from edge.media.hevc_sets import Pps, Sps, read_pps, read_reference_set, read_sps

KINDS: tuple[PictureKind, ...] = ("B", "P", "I")  # slice_type, 7.4.7.1
MAX_PPS_ID = 63  # 7.4.3.3.1
MAX_REFERENCES = 16  # of pictures, A.4.2
# nal_unit_type, H.265 table 7-1
MAX_SUB_LAYER = 14  # up to here the even ones are no references in their sub-layer
FIRST_IRAP, LAST_IRAP = 16, 23
IDRS = (19, 20)


class Headers:
    """The parameter sets in force, and the slice headers read by them."""

    def __init__(self) -> None:
        self._sps: dict[int, Sps] = {}
        self._pps: dict[int, Pps] = {}

    def take(self, unit: bytes) -> None:
        """Take an SPS or PPS into force. Raises ValueError; what it would replace is gone then."""
        if _layer_id(unit):
            raise ValueError("a parameter set of another layer")
        bits = sps.payload("hevc", unit)
        if nal.kind_of("hevc", unit) == nal.HEVC_SPS:
            self._sps.pop(sps.set_id("hevc", unit), None)
            number, known = read_sps(bits)
            self._sps[number] = known
        else:
            number = bits.ue()
            if number > MAX_PPS_ID:
                raise ValueError(f"a PPS with the id {number}")
            self._pps.pop(number, None)
            self._pps[number] = read_pps(bits)

    def read(self, unit: bytes) -> SliceHead:
        """Read a slice unit, of which the beginning is enough. Raises ValueError."""
        if _layer_id(unit):
            raise ValueError("a slice of another layer")
        unit_kind, layer = unit[0] >> 1 & 0x3F, (unit[1] & 7) - 1
        bits = Bits(nal.unescape(unit[2:]))
        if not bits.flag():  # first_slice_segment_in_pic_flag
            raise ValueError("a slice in the midst of its picture")
        if FIRST_IRAP <= unit_kind <= LAST_IRAP:
            bits.u(1)  # no_output_of_prior_pics_flag
        pps = self._pps.get(bits.ue())
        known = self._sps.get(pps.sps_number) if pps else None
        if pps is None or known is None or layer < 0:
            raise ValueError("a slice without its parameter sets")
        kind, qp = _read(bits, known, pps, is_idr=unit_kind in IDRS)
        if not known.min_qp <= qp <= MAX_QP:
            raise ValueError(f"a quantiser of {qp}")
        return SliceHead(kind, qp, unit_kind > MAX_SUB_LAYER or unit_kind & 1 == 1, layer)


def _layer_id(unit: bytes) -> int:
    """nuh_layer_id. Raises ValueError for a unit cut in its header."""
    if len(unit) < nal.HEADER_BYTES["hevc"]:
        raise ValueError("a unit cut in its header")
    return (unit[0] & 1) << 5 | unit[1] >> 3


def _read(bits: Bits, known: Sps, pps: Pps, *, is_idr: bool) -> tuple[PictureKind, int]:
    """From slice_reserved_flag to slice_qp_delta of a picture's first slice segment."""
    bits.u(pps.extra_bits)
    slice_type = bits.ue()
    if slice_type >= len(KINDS):
        raise ValueError(f"a slice of type {slice_type}")
    kind = KINDS[slice_type]
    if pps.has_output_flag:
        bits.u(1)
    if known.has_planes:
        bits.u(2)
    references, has_motion = 0, False
    if not is_idr:
        bits.u(known.order_bits)
        references = _read_short_term(bits, known)
        if known.has_long_term:
            references += _read_long_term(bits, known)
        has_motion = known.has_motion_prediction and bits.flag()
    if known.has_sao:
        bits.u(2 if known.has_chroma else 1)
    if kind != "I":
        _skip_references(
            bits, known, pps, is_b=kind == "B", references=references, has_motion=has_motion
        )
    return kind, pps.init_qp + bits.se()


def _read_short_term(bits: Bits, known: Sps) -> int:
    """The short-term reference picture set; how many pictures of it are used."""
    if not bits.flag():  # short_term_ref_pic_set_sps_flag
        chosen = read_reference_set(bits, known.reference_sets, is_in_slice=True)
    else:
        index = bits.u((len(known.reference_sets) - 1).bit_length()) if known.reference_sets else 0
        if index >= len(known.reference_sets):
            raise ValueError("a reference picture set that the SPS has not")
        chosen = known.reference_sets[index]
    return sum(is_used for _, is_used in chosen)


def _read_long_term(bits: Bits, known: Sps) -> int:
    """The long-term reference pictures; how many of them are used."""
    candidates = known.long_term_used
    from_sps = bits.ue() if candidates else 0
    count = from_sps + bits.ue()
    if count > MAX_REFERENCES:
        raise ValueError("a slice with too many references")
    used = 0
    for number in range(count):
        if number < from_sps:
            index = bits.u((len(candidates) - 1).bit_length())
            used += index < len(candidates) and candidates[index]
        else:
            bits.u(known.order_bits)  # poc_lsb_lt
            used += bits.u(1)
        if bits.flag():
            bits.ue()  # delta_poc_msb_cycle_lt
    return used


def _skip_references(
    bits: Bits, known: Sps, pps: Pps, *, is_b: bool, references: int, has_motion: bool
) -> None:
    """From num_ref_idx_active_override_flag to five_minus_max_num_merge_cand."""
    counts = _read_counts(bits, pps, is_b=is_b)
    if pps.has_lists and references > 1:
        entry_bits = (references - 1).bit_length()
        for count in counts:
            if bits.flag():
                bits.u(entry_bits * count)
    if is_b:
        bits.u(1)  # mvd_l1_zero_flag
    if pps.has_cabac_init:
        bits.u(1)
    if has_motion:
        is_from_second = is_b and not bits.flag()  # collocated_from_l0_flag
        if counts[is_from_second] > 1:
            bits.ue()  # collocated_ref_idx
    if pps.has_bidirectional_weights if is_b else pps.has_weights:
        bits.ue()  # luma_log2_weight_denom
        if known.has_chroma:
            bits.se()  # delta_chroma_log2_weight_denom
        for count in counts:
            _skip_weights(bits, count, has_chroma=known.has_chroma)
    bits.ue()


def _read_counts(bits: Bits, pps: Pps, *, is_b: bool) -> tuple[int, ...]:
    """How many references each list has: one list for a P slice, two for a B slice."""
    counts: tuple[int, ...] = pps.references if is_b else pps.references[:1]
    if bits.flag():  # num_ref_idx_active_override_flag
        counts = tuple(bits.ue() + 1 for _ in counts)
        if max(counts) > MAX_REFERENCES:
            raise ValueError("a slice with too many references")
    return counts


def _skip_weights(bits: Bits, count: int, *, has_chroma: bool) -> None:
    """One list of pred_weight_table, 7.3.6.3: all flags first, unlike in H.264."""
    luma = [bits.flag() for _ in range(count)]
    chroma = [has_chroma and bits.flag() for _ in range(count)]
    for has_luma_weight, has_chroma_weight in zip(luma, chroma, strict=True):
        for _ in range(2 * has_luma_weight + 4 * has_chroma_weight):
            bits.se()
