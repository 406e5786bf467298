"""The few fields of a sequence parameter set that an MP4 file repeats. Refuses nothing else."""

from __future__ import annotations

from dataclasses import dataclass

MAX_LEADING_ZEROS = 32  # of an Exp-Golomb code; H.264 and H.265 section 9

# profile_idc values whose SPS states the chroma format (H.264 7.3.2.1.1)
H264_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


@dataclass(frozen=True)
class PixelFormat:
    """chroma_format_idc (1 is 4:2:0) and bits per sample."""

    chroma: int = 1
    luma_bits: int = 8
    chroma_bits: int = 8


class _Bits:
    """Reads bits, most significant first, of a NAL unit without its emulation prevention."""

    def __init__(self, nal: bytes, at_byte: int) -> None:
        payload = nal.replace(b"\0\0\3", b"\0\0")
        self._value = int.from_bytes(payload, "big")
        self._left = (len(payload) - at_byte) * 8

    def take(self, count: int) -> int:
        """The next `count` bits as a number. Raises ValueError at the end."""
        if count > self._left:
            raise ValueError("parameter set ends early")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def take_golomb(self) -> int:
        """The next ue(v) code."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > MAX_LEADING_ZEROS:
                raise ValueError("parameter set holds no such number")
        return (1 << zeros) - 1 + self.take(zeros)


def h264_pixel_format(sps: bytes) -> PixelFormat:
    """Read an H.264 SPS (7.3.2.1.1). Raises ValueError."""
    bits = _Bits(sps, 1)
    profile = bits.take(8)
    bits.take(16)
    bits.take_golomb()
    if profile not in H264_HIGH_PROFILES:
        return PixelFormat()
    chroma = bits.take_golomb()
    if chroma == 3:
        bits.take(1)
    return PixelFormat(chroma, 8 + bits.take_golomb(), 8 + bits.take_golomb())


def h265_pixel_format(sps: bytes) -> PixelFormat:
    """Read an H.265 SPS (7.3.2.2). Raises ValueError."""
    bits = _Bits(sps, 2)
    bits.take(4)
    sub_layers = bits.take(3)
    bits.take(1 + 96)
    present = [(bits.take(1), bits.take(1)) for _ in range(sub_layers)]
    if sub_layers:
        bits.take(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        bits.take(88 * has_profile + 8 * has_level)
    bits.take_golomb()
    chroma = bits.take_golomb()
    if chroma == 3:
        bits.take(1)
    bits.take_golomb()
    bits.take_golomb()
    if bits.take(1):
        for _ in range(4):
            bits.take_golomb()
    return PixelFormat(chroma, 8 + bits.take_golomb(), 8 + bits.take_golomb())


def h265_general(sps: bytes) -> tuple[bytes, int, int]:
    """The 12 bytes of general profile, tier and level; sub-layers; nesting. Raises ValueError."""
    payload = sps.replace(b"\0\0\3", b"\0\0")
    if len(payload) < 15:
        raise ValueError("parameter set ends early")
    return payload[3:15], (payload[2] >> 1 & 7) + 1, payload[2] & 1
