"""The gate's side of the capture thread: what each packet says of itself, and what that means."""

from __future__ import annotations

from edge.media.packet import Packet, VideoStream
from edge.media.slices import SliceReader
from edge.motion.gate import Gate

MACROBLOCK = 16  # pixels


def make(stream: VideoStream) -> Sieve | None:
    """The sieve for a stream; None where sizes say nothing, as every picture stands alone."""
    return None if stream.is_intra_only else Sieve(stream)


class Sieve:
    """Judges one stream's video packets. One thread."""

    def __init__(self, stream: VideoStream) -> None:
        across, down = -(-stream.width // MACROBLOCK), -(-stream.height // MACROBLOCK)
        self.gate = Gate(max(1, across * down))
        self._slices = SliceReader(stream)

    def observe(self, packet: Packet) -> int | None:
        """Where something seems to move, by the sizes of what was coded so far: since which PTS."""
        coded = self._slices.read(packet.data)
        if coded is None:
            return self.gate.observe(packet, "?", None, len(packet.data))
        if packet.is_keyframe and coded.kind != "I":
            self.gate.is_refreshed_in_parts = True
        kind = f"{coded.kind}{coded.is_reference:d}{coded.layer}"
        size_bytes = len(packet.data) - coded.filler_bytes
        return self.gate.observe(packet, kind, coded.qp, size_bytes)
