"""Streams of headers alone, with random values in every field: no encoder writes them all.

Their pictures hold nothing; FFmpeg's `trace_headers` reads the headers all the same, and is what
the tests compare with.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

START = b"\x00\x00\x00\x01"
Pictures = list[tuple[int, int]]  # a reference picture set: distance in output order, is used


class Writer:
    """Bits and Exp-Golomb codes, written."""

    def __init__(self) -> None:
        self.bits = ""

    def u(self, count: int, value: int) -> int:
        self.bits += f"{value:0{count}b}" if count else ""
        return value

    def ue(self, value: int) -> int:
        self.bits += "0" * ((value + 1).bit_length() - 1) + f"{value + 1:b}"
        return value

    def se(self, value: int) -> int:
        self.ue(2 * value - 1 if value > 0 else -2 * value)
        return value

    def unit(self, header: bytes, tail: str = "1") -> bytes:
        """The NAL unit with its start code and emulation prevention."""
        bits = self.bits + tail
        bits += "0" * (-len(bits) % 8)
        unit = bytearray(header)
        for byte in int(bits, 2).to_bytes(len(bits) // 8, "big"):
            if byte <= 3 and unit[-2:] == b"\x00\x00":
                unit.append(3)
            unit.append(byte)
        return START + bytes(unit)


@dataclass
class H264Maker:
    """One SPS, one PPS, and slices by them."""

    rng: random.Random
    high: bool = field(init=False)
    chroma: int = field(init=False, default=1)
    planes: bool = field(init=False, default=False)

    def chance(self) -> int:
        return self.rng.randrange(2)

    def make(self, slices: int) -> bytes:
        """The stream: parameter sets, then `slices` slices."""
        return self._sps() + self._pps() + b"".join(self._slice(n) for n in range(slices))

    def _sps(self) -> bytes:
        w, rng = Writer(), self.rng
        self.high = bool(self.chance())
        w.u(8, 244 if self.high else 77)
        w.u(16, 40)  # constraint flags 0, level 4
        w.ue(0)
        if self.high:
            self.chroma = w.ue(rng.randrange(4))
            self.planes = self.chroma == 3 and bool(w.u(1, self.chance()))
            w.ue(2), w.ue(2)
            w.u(2, 0)
        self.frame_num_bits = 4 + w.ue(rng.randrange(13))
        self.order = w.ue(rng.randrange(3))
        self.order_bits, self.has_delta = 0, False
        if self.order == 0:
            self.order_bits = 4 + w.ue(rng.randrange(13))
        elif self.order == 1:
            self.has_delta = not w.u(1, self.chance())
            w.se(rng.randrange(-9, 9)), w.se(rng.randrange(-9, 9))
            for _ in range(w.ue(rng.randrange(5))):
                w.se(rng.randrange(-9, 9))
        w.ue(4)
        w.u(1, 0)
        w.ue(11), w.ue(5)
        self.fields = not w.u(1, self.chance())
        if self.fields:
            w.u(1, self.chance())
        w.u(3, 0b100)  # direct_8x8_inference_flag, no cropping, no VUI
        return w.unit(b"\x67")

    def _pps(self) -> bytes:
        w, rng = Writer(), self.rng
        w.ue(0), w.ue(0)
        self.cabac = w.u(1, self.chance())
        self.field_order = w.u(1, self.chance())
        w.ue(0)
        self.references = 1 + w.ue(rng.randrange(16)), 1 + w.ue(rng.randrange(16))
        self.weights, self.bidirectional = w.u(1, self.chance()), w.u(2, rng.randrange(3))
        w.se(rng.randrange(-20, 6)), w.se(0), w.se(0)
        w.u(2, 0b10)
        self.redundant = w.u(1, self.chance())
        return w.unit(b"\x68")

    def _slice(self, number: int) -> bytes:
        w, rng = Writer(), self.rng
        is_idr = number == 0
        reference = 1 if is_idr else self.chance()
        w.ue(0)
        kind = 2 if is_idr else rng.randrange(3)
        w.ue(kind + 5 * self.chance())
        w.ue(0)
        if self.planes:
            w.u(2, rng.randrange(3))
        w.u(self.frame_num_bits, 0 if is_idr else rng.randrange(1 << self.frame_num_bits))
        is_field = self.fields and w.u(1, self.chance())
        if is_field:
            w.u(1, self.chance())
        if is_idr:
            w.ue(rng.randrange(99))
        w.u(self.order_bits, rng.randrange(1 << self.order_bits))
        if self.has_delta:
            w.se(rng.randrange(-99, 99))
        if self.field_order and not is_field and (self.order == 0 or self.has_delta):
            w.se(rng.randrange(-99, 99))
        if self.redundant:
            w.ue(0)
        if kind != 2:
            self._references(w, is_b=kind == 1, is_field=bool(is_field))
        if reference:
            self._marking(w, is_idr=is_idr)
        if self.cabac and kind != 2:
            w.ue(rng.randrange(3))
        w.se(rng.randrange(-6, 20))
        w.ue(1)  # deblocking off
        return w.unit(bytes((reference << 5 | (5 if is_idr else 1),)), "1" * 60)

    def _references(self, w: Writer, *, is_b: bool, is_field: bool) -> None:
        rng = self.rng
        if is_b:
            w.u(1, self.chance())
        counts = list(self.references)
        if w.u(1, self.chance()):
            for each in range(1 + is_b):
                counts[each] = 1 + w.ue(rng.randrange(32 if is_field else 16))
        counts = counts[: 1 + is_b]
        for _ in counts:
            if w.u(1, self.chance()):
                for _ in range(rng.randrange(4)):
                    w.ue(rng.randrange(3)), w.ue(rng.randrange(4))
                w.ue(3)
        if self.bidirectional == 1 if is_b else self.weights:
            self._weights(w, sum(counts))

    def _weights(self, w: Writer, count: int) -> None:
        has_chroma = self.chroma and not self.planes
        w.ue(3)
        if has_chroma:
            w.ue(2)
        for _ in range(count):
            for codes in (2, 4) if has_chroma else (2,):
                if w.u(1, self.chance()):
                    for _ in range(codes):
                        w.se(self.rng.randrange(-128, 128))

    def _marking(self, w: Writer, *, is_idr: bool) -> None:
        rng = self.rng
        if is_idr:
            w.u(2, 0)
        elif w.u(1, self.chance()):
            for _ in range(rng.randrange(4)):
                operation = w.ue(rng.choice((1, 2, 3, 4, 6)))
                w.ue(rng.randrange(4))
                if operation == 3:
                    w.ue(rng.randrange(4))
            w.ue(0)


@dataclass
class HevcMaker:
    """One VPS, SPS and PPS, and slices by them."""

    rng: random.Random
    sets: list[Pictures] = field(default_factory=list)

    def chance(self) -> int:
        return self.rng.randrange(2)

    def make(self, slices: int) -> bytes:
        """The stream: parameter sets, then `slices` pictures of one slice."""
        heads = self._vps() + self._sps() + self._pps()
        return heads + b"".join(self._slice(n) for n in range(slices))

    def _profile(self, w: Writer) -> None:
        w.u(8, 4)
        w.u(32, 1 << 27)
        w.u(48, 0)
        w.u(8, 90)

    def _vps(self) -> bytes:
        w = Writer()
        w.u(4, 0), w.u(2, 3), w.u(6, 0), w.u(3, 0), w.u(1, 1), w.u(16, 0xFFFF)
        self._profile(w)
        w.u(1, 1), w.ue(15), w.ue(0), w.ue(0)
        w.u(6, 0), w.ue(0), w.u(2, 0)
        return w.unit(b"\x40\x01")

    def _sps(self) -> bytes:
        w, rng = Writer(), self.rng
        w.u(4, 0), w.u(3, 0), w.u(1, 1)
        self._profile(w)
        w.ue(0)
        self.chroma = w.ue(rng.randrange(4))
        self.planes = self.chroma == 3 and bool(w.u(1, self.chance()))
        w.ue(192), w.ue(160), w.u(1, 0), w.ue(2), w.ue(2)
        self.order_bits = 4 + w.ue(rng.randrange(13))
        w.u(1, 1), w.ue(15), w.ue(0), w.ue(0)
        w.ue(0), w.ue(1), w.ue(0), w.ue(1), w.ue(0), w.ue(0)
        self._scaling(w, two_flags=True)
        w.u(1, self.chance())
        self.sao = w.u(1, self.chance())
        if w.u(1, self.chance()):
            w.u(4, 7), w.u(4, 7), w.ue(0), w.ue(0), w.u(1, 0)
        count = w.ue(rng.randrange(7))
        for _ in range(count):
            self.sets.append(self._reference_set(w, is_in_slice=False))
        self.long_term: list[int] = []
        self.has_long_term = w.u(1, self.chance())
        if self.has_long_term:
            for _ in range(w.ue(rng.randrange(5))):
                w.u(self.order_bits, rng.randrange(1 << self.order_bits))
                self.long_term.append(w.u(1, self.chance()))
        self.motion = w.u(1, self.chance())
        w.u(3, 0)
        return w.unit(b"\x42\x01")

    def _scaling(self, w: Writer, *, two_flags: bool) -> None:
        if not w.u(1, self.chance()) or (two_flags and not w.u(1, self.chance())):
            return
        for size in range(4):
            for matrix in range(0, 6, 3 if size == 3 else 1):
                if w.u(1, self.chance()):
                    if size > 1:
                        w.se(8)
                    for _ in range(min(64, 16 << 2 * size)):
                        w.se(self.rng.randrange(-3, 4))
                else:
                    w.ue(self.rng.randrange(matrix // (3 if size == 3 else 1) + 1))

    def _reference_set(self, w: Writer, *, is_in_slice: bool) -> Pictures:
        rng = self.rng
        if self.sets and w.u(1, self.chance()):
            back = w.ue(rng.randrange(len(self.sets))) + 1 if is_in_slice else 1
            step = rng.choice((-3, -2, -1, 1, 2, 3))
            w.u(1, step < 0), w.ue(abs(step) - 1)
            return self._predicted(w, self.sets[-back], step)
        before, after = w.ue(rng.randrange(4)), w.ue(rng.randrange(4))
        found: Pictures = []
        for count, sign in ((before, -1), (after, 1)):
            at = 0
            for _ in range(count):
                at += sign * (w.ue(rng.randrange(3)) + 1)
                found.append((at, w.u(1, self.chance())))
        return found

    def _predicted(self, w: Writer, source: Pictures, step: int) -> Pictures:
        """The loops of (7-61) and (7-62), as the standard writes them."""
        flags = []
        for _ in range(len(source) + 1):
            is_used = w.u(1, self.chance())
            flags.append((is_used, is_used or w.u(1, self.chance())))
        before = [(at, n) for n, (at, _) in enumerate(source) if at < 0]
        after = [(at, n) for n, (at, _) in enumerate(source) if at > 0]
        itself = [(0, len(source))]
        found: Pictures = []
        for order, sign in (
            ([*reversed(after), *itself, *before], -1),
            ([*reversed(before), *itself, *after], 1),
        ):
            for at, n in order:
                if (at + step) * sign > 0 and flags[n][1]:
                    found.append((at + step, flags[n][0]))
        return found

    def _pps(self) -> bytes:
        w, rng = Writer(), self.rng
        w.ue(0), w.ue(0)
        w.u(1, 0)
        self.output = w.u(1, self.chance())
        self.extra = w.u(3, rng.randrange(3))
        w.u(1, 0)
        self.cabac_init = w.u(1, self.chance())
        self.references = 1 + w.ue(rng.randrange(15)), 1 + w.ue(rng.randrange(15))
        w.se(rng.randrange(-20, 6))
        w.u(2, 0)
        if w.u(1, self.chance()):
            w.ue(1)
        w.se(-3), w.se(4)
        w.u(1, 0)
        self.weights, self.bidirectional = w.u(1, self.chance()), w.u(1, self.chance())
        w.u(1, 0)
        tiles = w.u(1, self.chance())
        w.u(1, 0)
        if tiles:
            w.ue(1), w.ue(1)
            if not w.u(1, self.chance()):
                w.ue(3), w.ue(2)
            w.u(1, 1)
        self.tiles = tiles
        w.u(1, 1)
        if w.u(1, self.chance()):
            w.u(1, 0)
            if not w.u(1, self.chance()):
                w.se(1), w.se(-2)
        self._scaling(w, two_flags=False)
        self.lists = w.u(1, self.chance())
        w.ue(0)
        w.u(2, 0)
        return w.unit(b"\x44\x01")

    def _slice(self, number: int) -> bytes:
        w, rng = Writer(), self.rng
        unit_kind = 19 if number == 0 else rng.choice((0, 1, 1, 8, 9, 21))
        w.u(1, 1)
        if unit_kind >= 16:
            w.u(1, 0)
        w.ue(0)
        w.u(self.extra, 0)
        kind = w.ue(2 if unit_kind >= 16 else rng.randrange(3))
        if self.output:
            w.u(1, 1)
        if self.planes:
            w.u(2, 1)
        used, motion = 0, 0
        if unit_kind != 19:
            used, motion = self._numbers(w)
        has_chroma = self.chroma and not self.planes
        if self.sao:
            w.u(2 if has_chroma else 1, 0)
        if kind != 2 and not used:
            return b""  # a slice that predicts needs a picture to predict from
        if kind != 2:
            self._references(w, is_b=kind == 0, used=used, motion=motion)
        w.se(rng.randrange(-6, 20))
        return w.unit(bytes((unit_kind << 1, 1)), "1" * 80)

    def _numbers(self, w: Writer) -> tuple[int, int]:
        """Picture order and reference pictures: how many are used, and the motion flag."""
        rng = self.rng
        w.u(self.order_bits, rng.randrange(1 << self.order_bits))
        if not w.u(1, self.chance() if self.sets else 0):
            chosen = self._reference_set(w, is_in_slice=True)
        else:
            index = rng.randrange(len(self.sets))
            w.u((len(self.sets) - 1).bit_length(), index)
            chosen = self.sets[index]
        used = sum(is_used for _, is_used in chosen)
        if self.has_long_term:
            from_sps = w.ue(rng.randrange(len(self.long_term) + 1)) if self.long_term else 0
            for each in range(from_sps + w.ue(rng.randrange(3))):
                if each < from_sps:
                    index = rng.randrange(len(self.long_term))
                    w.u((len(self.long_term) - 1).bit_length(), index)
                    used += self.long_term[index]
                else:
                    w.u(self.order_bits, 1)
                    used += w.u(1, self.chance())
                if w.u(1, self.chance()):
                    w.ue(0)
        return used, w.u(1, self.chance()) if self.motion else 0

    def _references(self, w: Writer, *, is_b: bool, used: int, motion: int) -> None:
        rng = self.rng
        counts = list(self.references[: 1 + is_b])
        if w.u(1, self.chance()):
            counts = [1 + w.ue(rng.randrange(15)) for _ in counts]
        if self.lists and used > 1:
            for count in counts:
                if w.u(1, self.chance()):
                    for _ in range(count):
                        w.u((used - 1).bit_length(), rng.randrange(used))
        if is_b:
            w.u(1, 0)
        if self.cabac_init:
            w.u(1, self.chance())
        if motion:
            from_first = w.u(1, self.chance()) if is_b else 1
            count = counts[0] if from_first else counts[1]
            if count > 1:
                w.ue(rng.randrange(count))
        if self.bidirectional if is_b else self.weights:
            self._weights(w, counts)
        w.ue(rng.randrange(5))

    def _weights(self, w: Writer, counts: list[int]) -> None:
        has_chroma = self.chroma and not self.planes
        w.ue(3)
        if has_chroma:
            w.se(2)
        for count in counts:
            luma = [w.u(1, self.chance()) for _ in range(count)]
            chroma = [w.u(1, self.chance()) if has_chroma else 0 for _ in range(count)]
            for each in range(count):
                for _ in range(2 * luma[each] + 4 * chroma[each]):
                    w.se(self.rng.randrange(-60, 60))
