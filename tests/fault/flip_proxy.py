"""A line between RTSP camera and node that flips bits in the pictures, and in nothing else."""

from __future__ import annotations

import random
import socket

from tests.harness.proxy import Proxy, _Pipe

FRAME_HEAD_BYTES = 4  # $, channel, length: RFC 2326 section 10.12
RTP_HEAD_BYTES = 14  # RFC 3550 section 5.1, and the NAL unit's own header


class FlipProxy(Proxy):
    """Flips one to eight bits in that share of the RTP packets, so that lengths stay right."""

    def __init__(self, target_port: int, *, share: float, seed: int) -> None:
        self._share = share
        self._rng = random.Random(seed)
        self._buffers: dict[socket.socket, bytearray] = {}
        self.flipped = 0
        super().__init__(target_port)

    def _read(self, pipe: _Pipe) -> None:
        known = len(pipe.pending)
        super()._read(pipe)
        if len(pipe.pending) == known or not pipe.pending[-1][1]:
            return
        due_s, data = pipe.pending.pop()
        pipe.pending_bytes -= len(data)
        buffer = self._buffers.setdefault(pipe.source, bytearray())
        buffer += data
        passed = self._complete(buffer)
        if passed:
            pipe.pending.append((due_s, passed))
            pipe.pending_bytes += len(passed)

    def _complete(self, buffer: bytearray) -> bytes:
        """What may be passed on: whole interleaved frames, and text as it is."""
        out = bytearray()
        while buffer:
            if buffer[0] != ord("$"):
                end = buffer.find(b"$")
                size = len(buffer) if end < 0 else end
                out += buffer[:size]
                del buffer[:size]
                continue
            size = FRAME_HEAD_BYTES + int.from_bytes(buffer[2:4], "big")
            if len(buffer) < FRAME_HEAD_BYTES or len(buffer) < size:
                break
            out += self._spoilt(bytearray(buffer[:size]))
            del buffer[:size]
        return bytes(out)

    def _spoilt(self, frame: bytearray) -> bytearray:
        first = FRAME_HEAD_BYTES + RTP_HEAD_BYTES
        is_media = frame[1] % 2 == 0  # odd channels carry RTCP
        if is_media and len(frame) > first + 20 and self._rng.random() < self._share:
            self.flipped += 1
            for _ in range(self._rng.choice((1, 2, 8))):
                frame[self._rng.randrange(first, len(frame))] ^= 1 << self._rng.randrange(8)
        return frame
