"""What a coded picture says of itself, in the words that both standards share."""

from __future__ import annotations

from typing import Literal, NamedTuple

PictureKind = Literal["I", "P", "B"]

MAX_QP = 51  # H.264 7.4.3, H.265 7.4.7.1; the least is -6 for each bit of depth beyond 8


class SliceHead(NamedTuple):
    """What a slice header says, as far as it is read.

    `qp` is the quantiser that the slice starts with. A picture is no reference where no other is
    predicted from it: in H.264 none at all, in H.265 none of the same temporal layer. `layer` is
    H.265's TemporalId, 0 for H.264.
    """

    kind: PictureKind
    qp: int
    is_reference: bool
    layer: int


class Coded(NamedTuple):
    """What a packet says of its picture: the first slice's head, and the padding in bytes.

    `filler_bytes` carry no picture: filler units with their start codes or lengths, and the
    cabac_zero_words behind the last slice.
    """

    kind: PictureKind
    qp: int
    is_reference: bool
    layer: int
    filler_bytes: int
