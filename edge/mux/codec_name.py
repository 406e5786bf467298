"""A codec's name as browsers ask for it (RFC 6381), out of its decoder configuration."""

from __future__ import annotations

from edge.media.packet import VideoCodec

SPACES = ("", "A", "B", "C")  # hvcC general_profile_space, ISO/IEC 14496-15 annex E


def codec_name(codec: VideoCodec, record: bytes) -> str:
    """Such as avc1.64001f or hvc1.1.6.L93.B0. `record`: the payload of avcC or hvcC."""
    if codec == "h264":
        return f"avc1.{record[1:4].hex()}"
    space, tier, profile = record[1] >> 6, record[1] >> 5 & 1, record[1] & 0x1F
    flags = int.from_bytes(record[2:6], "big")
    reversed_flags = int(f"{flags:032b}"[::-1], 2)
    constraints = record[6:12].rstrip(b"\0")
    parts = [
        f"hvc1.{SPACES[space]}{profile}",
        f"{reversed_flags:X}",
        f"{'H' if tier else 'L'}{record[12]}",
        *(f"{byte:X}" for byte in constraints),
    ]
    return ".".join(parts)
