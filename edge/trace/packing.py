"""Whole numbers as bytes, seven bits each, lowest first; and reading them with care."""

from __future__ import annotations

from edge.trace.errors import TraceError

MAX_BITS = 63


def put(out: bytearray, value: int) -> None:
    """Append a number from 0 on."""
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def put_signed(out: bytearray, value: int) -> None:
    """Append any number, small ones of either sign in one byte."""
    put(out, value << 1 if value >= 0 else ~value << 1 | 1)


def to_byte(value: float, unit: float) -> int:
    """`value` in steps of `unit`, as a byte; what is larger counts as the largest."""
    return min(255, max(0, round(value / unit)))


class Bytes:
    """Reads from the front. Every method raises TraceError where the bytes end too soon."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.offset = 0

    @property
    def is_at_end(self) -> bool:
        """Whether everything was read."""
        return self.offset >= len(self._data)

    def byte(self) -> int:
        """One byte."""
        try:
            value = self._data[self.offset]
        except IndexError:
            raise TraceError("the bytes end within a line") from None
        self.offset += 1
        return value

    def take(self, count: int) -> bytes:
        """So many bytes."""
        found = self._data[self.offset : self.offset + count]
        if len(found) < count:
            raise TraceError("the bytes end within a line")
        self.offset += count
        return found

    def number(self) -> int:
        """What `put` wrote."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > MAX_BITS:
                raise TraceError("a number of more than 63 bits")

    def signed(self) -> int:
        """What `put_signed` wrote."""
        value = self.number()
        return ~(value >> 1) if value & 1 else value >> 1
