"""Damaged streams, from the file to the frame: no crash, no foreign error, bounded memory."""

from __future__ import annotations

import random
import resource
from pathlib import Path

import pytest

from edge.base.clock import FakeClock
from edge.capture.decode import FrameDecoder
from edge.capture.errors import CaptureError
from edge.capture.file import FileSource
from edge.media.packet import Packet
from tests.edge.capture.recordings import Take, make_recording

ROUNDS = 100
MAX_GROWTH_BYTES = 400 * 2**20


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Some bits flipped, a piece zeroed, doubled or cut out, or the end missing."""
    out = bytearray(data)
    match rng.choice(("flip", "flip", "zero", "double", "remove", "cut")):
        case "flip":
            for _ in range(rng.choice((1, 10, 200))):
                out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
        case "zero":
            at = rng.randrange(len(out))
            out[at : at + 3000] = bytes(len(out[at : at + 3000]))
        case "double":
            at = rng.randrange(len(out))
            out[at:at] = out[max(0, at - 3000) : at]
        case "remove":
            at = rng.randrange(len(out))
            del out[at : at + rng.randrange(1, 3000)]
        case _:
            del out[rng.randrange(1, len(out)) :]
    return bytes(out)


def play(path: Path) -> int:
    """Read and decode a file as the node does; the number of frames."""
    source = FileSource(path, FakeClock(), pace="fast")
    count = 0
    decoder: FrameDecoder | None = None
    stream = None
    try:
        source.open()
        for packet in source.packets():
            if packet.is_audio:
                continue
            if decoder is None or packet.stream is not stream:
                stream = packet.stream
                decoder = FrameDecoder(stream, mono_ns=lambda pts: pts)
            count += len(decoder.decode(packet))
    except CaptureError:
        pass
    return count


@pytest.mark.parametrize("suffix", ["mp4", "ts", "mkv"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_damaged_files_end_in_frames_or_a_capture_error(
    suffix: str, codec: str, tmp_path: Path
) -> None:
    """Every damaged copy is played to its end; nothing but CaptureError comes out."""
    take = Take(codec, frames=30, audio="aac")
    whole = make_recording(tmp_path / f"take.{suffix}", take).read_bytes()
    rng = random.Random(f"{suffix} {codec}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    frames = 0
    for number in range(ROUNDS):
        path = tmp_path / f"damaged-{number}.{suffix}"
        path.write_bytes(damaged(whole, rng))
        frames += play(path)
        path.unlink()
    grown_bytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown_bytes < MAX_GROWTH_BYTES
    assert frames > ROUNDS


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_damaged_packets_never_stop_the_decoder(codec: str, tmp_path: Path) -> None:
    """Packets damaged after demuxing, as by a lossy network: later GOPs still give frames."""
    path = make_recording(tmp_path / "take.mp4", Take(codec, gop=5, frames=60))
    source = FileSource(path, FakeClock(), pace="fast")
    source.open()
    packets = list(source.packets())
    rng = random.Random(codec)
    decoder = FrameDecoder(packets[0].stream, mono_ns=lambda pts: pts)
    for _ in range(ROUNDS // 10):
        for packet in packets:
            data = damaged(packet.data, rng) if rng.random() < 0.5 else packet.data
            decoder.decode(
                Packet(data, packet.pts, packet.dts, packet.is_keyframe, packet.stream, 0)
            )
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    assert len(frames) >= len(packets) - 10
