"""Reads bits and Exp-Golomb codes out of NAL units (ITU-T H.264 7.2 and 9.1, H.265 9.2).

The parsers of parameter sets and slice headers stand on it. Reading past the end, or a code of
more than 32 bits, is a ValueError; what is read after one means nothing.
"""

from __future__ import annotations

MAX_ZEROS = 32  # before an Exp-Golomb code's first 1: H.264 9.1 has no longer codes
_PAD_BYTES = 8  # behind the data, so that a code's window never reaches over the end
_PAD_BITS = 8 * _PAD_BYTES
_PAD = bytes(_PAD_BYTES)


class Bits:
    """A position in big-endian bits, which starts at the first."""

    __slots__ = ("_left", "_value")

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data + _PAD, "big")
        self._left = 8 * len(data) + _PAD_BITS

    def u(self, count: int) -> int:
        """The next `count` bits as a number."""
        self._left = left = self._left - count
        if left < _PAD_BITS:
            raise ValueError("bits that end too early")
        return self._value >> left & ((1 << count) - 1)

    def flag(self) -> bool:
        """The next bit."""
        self._left = left = self._left - 1
        if left < _PAD_BITS:
            raise ValueError("bits that end too early")
        return self._value >> left & 1 == 1

    def ue(self) -> int:
        """The next unsigned Exp-Golomb code."""
        left = self._left
        window = self._value >> left - 32 & 0xFFFFFFFF
        zeros = 32 - window.bit_length()
        if zeros > 15:  # the code is longer than the window
            return self._long_ue()
        self._left = left = left - 2 * zeros - 1
        if left < _PAD_BITS:
            raise ValueError("bits that end too early")
        return (window >> 31 - 2 * zeros) - 1

    def se(self) -> int:
        """The next signed Exp-Golomb code."""
        code = self.ue()
        return code + 1 >> 1 if code & 1 else -(code >> 1)

    def _long_ue(self) -> int:
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > MAX_ZEROS:
                raise ValueError("an Exp-Golomb code of more than 32 bits")
        return (1 << zeros) - 1 + self.u(zeros)
