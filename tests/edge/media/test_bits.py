"""Bits and Exp-Golomb codes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media.bits import Bits
from tests.edge.media.made_headers import Writer

NUMBER = st.one_of(st.integers(0, 40), st.integers(0, 2**32 - 1))


def packed(writer: Writer) -> bytes:
    """What was written, filled up with zeros."""
    bits = writer.bits + "0" * (-len(writer.bits) % 8)
    return int("1" + bits, 2).to_bytes(len(bits) // 8 + 1, "big")[1:]


@given(st.lists(st.tuples(NUMBER, st.booleans(), st.integers(-(2**31) + 1, 2**31 - 1))))
def test_what_was_written_is_read(values: list[tuple[int, bool, int]]) -> None:
    """Numbers, flags and codes of all lengths come back, wherever they lie."""
    writer = Writer()
    for number, flag, signed in values:
        writer.ue(number)
        writer.u(1, flag)
        writer.se(signed)
        writer.u(32, number)
    bits = Bits(packed(writer))
    assert [(bits.ue(), bits.flag(), bits.se(), bits.u(32)) for _ in values] == [
        (number, flag, signed, number) for number, flag, signed in values
    ]


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x01", b"\x00" * 3, b"\x00\x01", b"\x00" * 9])
def test_a_code_that_does_not_end_is_refused(data: bytes) -> None:
    """Neither the data's end nor more than 32 zeros give a number."""
    with pytest.raises(ValueError, match=r"early|more than 32"):
        Bits(data).ue()


@given(st.binary(max_size=12), st.lists(st.integers(0, 99)))
def test_any_bytes_give_numbers_or_a_value_error(data: bytes, counts: list[int]) -> None:
    """Nothing else is raised, also when it is read on behind an error."""
    bits = Bits(data)
    for count in counts:
        with contextlib.suppress(ValueError):
            assert 0 <= bits.u(count) < 1 << count
        with contextlib.suppress(ValueError):
            assert 0 <= bits.ue() < 1 << 33
