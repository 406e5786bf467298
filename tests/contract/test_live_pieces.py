"""The pieces of a live stream: whatever way they are cut on the way, they come out the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contract import live, names
from edge.contract.errors import ContractError
from edge.contract.live import Head, Kind, Piece, Unpacker

PIECES = st.lists(st.builds(Piece, st.sampled_from(Kind), st.binary(max_size=60)), max_size=8)


@given(PIECES, st.lists(st.integers(1, 40), max_size=60))
def test_pieces_come_out_as_they_went_in(pieces: list[Piece], cuts: list[int]) -> None:
    """However the network cuts the bytes."""
    data = b"".join(live.pack(each.kind, each.data) for each in pieces)
    unpacker = Unpacker()
    found: list[Piece] = []
    for size in [*cuts, len(data)]:
        found += unpacker.feed(data[:size])
        data = data[size:]
    assert found == pieces


@given(st.binary(max_size=400))
def test_bytes_that_are_no_pieces_raise_nothing_but_a_contract_error(data: bytes) -> None:
    """What a stranger sends is held back, let go or refused."""
    unpacker = Unpacker()
    try:
        for piece in unpacker.feed(data):
            if piece.kind is Kind.HEAD:
                live.decode_head(piece.data)
    except ContractError:
        pass


def test_a_kind_of_a_later_version_is_left_out() -> None:
    """Kinds are only ever added."""
    data = b"\x63" + (3).to_bytes(4, "big") + b"new" + live.pack(Kind.IDLE)
    assert list(Unpacker().feed(data)) == [Piece(Kind.IDLE, b"")]


def test_a_piece_larger_than_any_picture_is_refused_before_it_is_held() -> None:
    """So that nobody makes a hub hold gigabytes."""
    front = b"\x03" + (live.MAX_PIECE_BYTES + 1).to_bytes(4, "big")
    with pytest.raises(ContractError, match="a piece of"):
        list(Unpacker().feed(front))


def test_a_head_survives_the_way() -> None:
    """Also with a codec in its type."""
    head = Head(names.VERSION, "fmp4", "large", 'video/mp4; codecs="hvc1.1.6.L93.B0"', 1920, 1080)
    assert live.decode_head(live.encode_head(head)) == head
