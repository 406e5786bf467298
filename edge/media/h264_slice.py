"""Reads H.264 slice headers up to the quantiser (ITU-T H.264 7.3.3), and the PPS they need.

Called by `slices` alone. Slice groups, and the extensions for several views or layers, are not
read. Every malformed or unknown input is a ValueError.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.media import nal, sps
from edge.media.bits import Bits
from edge.media.coded import MAX_QP, PictureKind, SliceHead

IDR = 5  # nal_unit_type of an instantaneous decoding refresh, H.264 table 7-1
KINDS: tuple[PictureKind, ...] = ("P", "B", "I", "P", "I")  # slice_type % 5; SP and SI as P and I
MAX_SPS_ID, MAX_PPS_ID = 31, 255
MAX_NUMBER_BITS = 16  # of frame_num and pic_order_cnt_lsb, 7.4.2.1.1
MAX_REFERENCES = 32  # of fields, 7.4.3
MAX_SLICE_TYPE = 9
MAX_CABAC_INIT = 2
BIDIRECTIONAL_WEIGHTS = 1  # weighted_bipred_idc for weights in the header; 2 derives them


@dataclass(frozen=True, slots=True)
class Sps:
    """An SPS as slice headers need it."""

    numbering: sps.H264Numbering
    has_chroma: bool  # ChromaArrayType is not 0
    min_qp: int


@dataclass(frozen=True, slots=True)
class Pps:
    """A PPS as slice headers need it."""

    sps_number: int
    is_cabac: bool
    has_field_order: bool  # bottom_field_pic_order_in_frame_present_flag
    references: tuple[int, int]  # num_ref_idx_default_active of list 0 and list 1
    has_weights: bool
    bidirectional_weights: int
    init_qp: int
    has_redundant: bool


class Headers:
    """The parameter sets in force, and the slice headers read by them."""

    def __init__(self) -> None:
        self._sps: dict[int, Sps] = {}
        self._pps: dict[int, Pps] = {}

    def take(self, unit: bytes) -> None:
        """Take an SPS or PPS into force. Raises ValueError; what it would replace is gone then."""
        bits = sps.payload("h264", unit)
        if nal.kind_of("h264", unit) == nal.H264_SPS:
            self._sps.pop(sps.set_id("h264", unit), None)
            number, read = _read_sps(bits)
            self._sps[number] = read
        else:
            number = bits.ue()
            if number > MAX_PPS_ID:
                raise ValueError(f"a PPS with the id {number}")
            self._pps.pop(number, None)
            self._pps[number] = _read_pps(bits)

    def read(self, unit: bytes) -> SliceHead:
        """Read a slice unit, of which the beginning is enough. Raises ValueError."""
        bits = Bits(nal.unescape(unit[1:]))
        bits.ue()  # first_mb_in_slice
        slice_type = bits.ue()
        pps = self._pps.get(bits.ue())
        known = self._sps.get(pps.sps_number) if pps else None
        if pps is None or known is None or slice_type > MAX_SLICE_TYPE:
            raise ValueError("a slice without its parameter sets, or of no known type")
        is_idr = unit[0] & 0x1F == IDR
        is_reference = unit[0] & 0x60 != 0
        kind = KINDS[slice_type % 5]
        _skip_numbers(bits, known.numbering, pps, is_idr=is_idr)
        if kind != "I":
            _skip_references(bits, known, pps, kind)
        if is_reference:
            _skip_marking(bits, is_idr=is_idr)
        if pps.is_cabac and kind != "I" and bits.ue() > MAX_CABAC_INIT:
            raise ValueError("an unknown cabac_init_idc")
        qp = pps.init_qp + bits.se()
        if not known.min_qp <= qp <= MAX_QP:
            raise ValueError(f"a quantiser of {qp}")
        return SliceHead(kind, qp, is_reference, 0)


def _read_sps(bits: Bits) -> tuple[int, Sps]:
    picture, numbering = sps.read_h264(bits)
    if (
        numbering.number > MAX_SPS_ID
        or max(numbering.frame_num_bits, numbering.order_bits) > MAX_NUMBER_BITS
        or numbering.order_kind > 2
    ):
        raise ValueError("an SPS beyond the standard's limits")
    has_chroma = picture.chroma_format != 0 and not numbering.has_planes
    return numbering.number, Sps(numbering, has_chroma, -6 * (picture.bit_depth_luma - 8))


def _read_pps(bits: Bits) -> Pps:
    """Read a PPS behind its id, 7.3.2.2."""
    sps_number = bits.ue()
    is_cabac, has_field_order = bits.flag(), bits.flag()
    if bits.ue():  # num_slice_groups_minus1
        raise ValueError("a PPS with slice groups")
    references = bits.ue() + 1, bits.ue() + 1
    has_weights, bidirectional = bits.flag(), bits.u(2)
    init_qp = 26 + bits.se()
    bits.se()  # pic_init_qs_minus26
    bits.se()  # chroma_qp_index_offset
    bits.u(2)  # deblocking_filter_control_present_flag, constrained_intra_pred_flag
    has_redundant = bits.flag()
    if max(references) > MAX_REFERENCES:
        raise ValueError("a PPS with too many references")
    return Pps(
        sps_number, is_cabac, has_field_order, references, has_weights, bidirectional, init_qp,
        has_redundant,
    )  # fmt: skip


def _skip_numbers(bits: Bits, numbering: sps.H264Numbering, pps: Pps, *, is_idr: bool) -> None:
    """From colour_plane_id to redundant_pic_cnt."""
    if numbering.has_planes:
        bits.u(2)
    bits.u(numbering.frame_num_bits)
    is_field = numbering.has_fields and bits.flag()
    if is_field:
        bits.u(1)  # bottom_field_flag
    if is_idr:
        bits.ue()  # idr_pic_id
    if numbering.order_kind == 0:
        bits.u(numbering.order_bits)
    elif numbering.has_order_delta:
        bits.se()  # delta_pic_order_cnt[0]
    if pps.has_field_order and not is_field and (numbering.order_bits or numbering.has_order_delta):
        bits.se()  # delta_pic_order_cnt_bottom or delta_pic_order_cnt[1]
    if pps.has_redundant:
        bits.ue()


def _skip_references(bits: Bits, known: Sps, pps: Pps, kind: PictureKind) -> None:
    """From direct_spatial_mv_pred_flag to pred_weight_table, of a P or B slice."""
    is_b = kind == "B"
    if is_b:
        bits.u(1)
    first, second = pps.references
    if bits.flag():  # num_ref_idx_active_override_flag
        first = bits.ue() + 1
        second = bits.ue() + 1 if is_b else second
        if max(first, second) > MAX_REFERENCES:
            raise ValueError("a slice with too many references")
    _skip_modification(bits)
    if is_b:
        _skip_modification(bits)
    if pps.bidirectional_weights == BIDIRECTIONAL_WEIGHTS if is_b else pps.has_weights:
        _skip_weights(bits, first + second if is_b else first, has_chroma=known.has_chroma)


def _skip_modification(bits: Bits) -> None:
    """One list of ref_pic_list_modification, 7.3.3.1."""
    if not bits.flag():
        return
    while (operation := bits.ue()) != 3:
        if operation > 3:
            raise ValueError("an unknown change of a reference list")
        bits.ue()


def _skip_weights(bits: Bits, references: int, *, has_chroma: bool) -> None:
    """pred_weight_table, 7.3.3.2; list 1 follows list 0 in the same form."""
    bits.ue()  # luma_log2_weight_denom
    if has_chroma:
        bits.ue()  # chroma_log2_weight_denom
    for _ in range(references):
        if bits.flag():
            bits.se()
            bits.se()
        if has_chroma and bits.flag():
            for _ in range(4):
                bits.se()


def _skip_marking(bits: Bits, *, is_idr: bool) -> None:
    """dec_ref_pic_marking, 7.3.3.3."""
    if is_idr:
        bits.u(2)
        return
    if not bits.flag():
        return
    while operation := bits.ue():
        if operation > 6:
            raise ValueError("an unknown marking of references")
        if operation != 5:
            bits.ue()
        if operation == 3:
            bits.ue()
