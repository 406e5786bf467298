"""Parsers of what cameras send and of what lies in clip files."""

from __future__ import annotations

import io
import random
from fractions import Fraction
from pathlib import Path

from edge.base.clock import FakeClock
from edge.base.errors import StorageError
from edge.capture.errors import CaptureError
from edge.capture.parameters import Declared, Parameters
from edge.capture.probe import probe
from edge.config.camera import CameraSettings
from edge.media import extradata, nal, sps
from edge.media.coded import MAX_QP
from edge.media.packet import AudioStream, Packet, VideoCodec, VideoStream
from edge.media.slices import SliceReader
from edge.mux import boxes, fragment, layout, recovery
from edge.mux.clip import read_head, write_head
from edge.mux.decoder_config import decoder_config
from edge.mux.errors import MuxError
from edge.mux.mp4 import ClipWriter
from edge.mux.sample_entry import audio_entry
from tests.edge.capture.recordings import Take, make_recording
from tests.edge.media.made_headers import H264Maker, HevcMaker
from tests.edge.mux.streams import encode, head, steady
from tests.fault.fuzz_engine import Target

CODECS: tuple[VideoCodec, ...] = ("h264", "hevc")
START = b"\x00\x00\x00\x01"
NAL_PIECES = (
    START, b"\x00\x00\x03", b"\x00\x00", b"\xff" * 8, b"\x80", b"\x67", b"\x68", b"\x42\x01",
    b"\x00" * 40, b"\xff" * 40,
)  # fmt: skip
BOX_PIECES = (b"\x00" * 4, b"\xff" * 4, b"moof", b"mdat", b"trak", b"trun", b"\x00\x00\x00\x08free")
HEAD_PIECES = (b"NaN", b"null", b'"', b"-1", b"0", b"9" * 30, b"[", b"{}", b"\xff", b"1e999")


def targets(folder: Path) -> list[Target]:
    """Bit readers first, files last."""
    found: list[Target] = []
    for codec in CODECS:
        packets = encode(codec, times_s=steady(1.0))
        found += _of_codec(codec, packets)
    packets = encode("h264", times_s=steady(3.0), gop=5)
    return found + _of_files(folder, packets)


def _of_codec(codec: VideoCodec, packets: list[Packet]) -> list[Target]:
    keyframe = packets[0].data
    sets = nal.parameter_sets(codec, keyframe)
    record = extradata.make(codec, sets, 4)
    annexb = extradata.make(codec, sets, 0)
    parameters = [record, annexb]

    def read_units(data: bytes) -> None:
        for prefix_bytes in (0, 1, 2, 4):
            nal.starts_picture(codec, data, prefix_bytes)
            nal.parameter_sets(codec, data, prefix_bytes)
            assert sum(map(len, nal.units(data, prefix_bytes))) <= len(data)

    def read_extradata(data: bytes) -> None:
        extradata.make(codec, extradata.parameter_sets(codec, data), 4)

    def follow(data: bytes) -> None:
        declared = Declared(codec, 128, 96, Fraction(1, 90_000), record, None, None)
        following = Parameters(declared)
        for _ in range(2):
            following.update(data, data)
        stream = following.stream()
        assert stream.width >= 0 and stream.height >= 0

    def read_slices(data: bytes) -> None:
        for beside in (record, data[: len(data) // 2]):
            reader = SliceReader(VideoStream(codec, 128, 96, Fraction(1, 90_000), beside, None))
            for _ in range(2):
                coded = reader.read(data)
                assert coded is None or (coded.qp <= MAX_QP and 0 <= coded.layer < 8)
                assert coded is None or 0 <= coded.filler_bytes <= len(data)

    def configure(data: bytes) -> None:
        half = len(data) // 2
        stream = VideoStream(codec, 128, 96, Fraction(1, 90_000), data[:half], None, None)
        decoder_config(stream, data[half:]).sample(data)

    return [
        Target(f"{codec} units", [keyframe[:600], packets[1].data, annexb], read_units, (), 6_000,
               NAL_PIECES),
        Target(f"{codec} sps", [*sets], lambda data: _all_sps(codec, data), (ValueError,), 8_000,
               NAL_PIECES),
        Target(f"{codec} extradata", parameters, read_extradata, (ValueError,), 6_000, NAL_PIECES),
        Target(f"{codec} parameters", [annexb + keyframe[:300], record], follow, (), 3_000,
               NAL_PIECES),
        Target(f"{codec} slices", _slice_seeds(codec, packets, record), read_slices, (), 6_000,
               NAL_PIECES),
        Target(f"{codec} configuration", [annexb + keyframe[:300], record + keyframe[:300]],
               configure, (MuxError,), 3_000, NAL_PIECES),
    ]  # fmt: skip


def _slice_seeds(codec: VideoCodec, packets: list[Packet], record: bytes) -> list[bytes]:
    """Packets in both framings, with parameter sets in band, and headers with every field."""
    maker = H264Maker if codec == "h264" else HevcMaker
    made = [maker(random.Random(seed)).make(3) for seed in range(8)]
    heads = [each.data[:600] for each in packets[:3]]
    lengths = [nal.join_lengths(nal.units(each)) for each in heads]
    return [*heads, *lengths, record + heads[0], *made]


def _all_sps(codec: VideoCodec, data: bytes) -> None:
    if data:
        sps.set_id(codec, data)
        sps.parse_sps(codec, data)


def _of_files(folder: Path, packets: list[Packet]) -> list[Target]:
    open_clip, closed = _clips(folder, packets)
    scanned = layout.scan(io.BytesIO(open_clip))
    assert scanned is not None
    moof_at = open_clip.index(b"moof") - 4
    moof = open_clip[moof_at : moof_at + int.from_bytes(open_clip[moof_at : moof_at + 4], "big")]
    formats = [form for form, _ in scanned.tracks]
    target = folder / "fuzzed.mp4"

    def recover(data: bytes) -> None:
        target.unlink(missing_ok=True)
        target.with_name("fuzzed.mp4.part").write_bytes(data)
        clip = recovery.recover(target.with_name("fuzzed.mp4.part"))
        assert (clip is None) != target.exists()
        if clip is not None:
            assert recovery.inspect(target) is not None

    return [
        Target("clip head", [write_head(head(packets[0]))], read_head, (ValueError,), 8_000,
               HEAD_PIECES),
        Target("boxes", [closed[:2000], open_clip[:2000]],
               lambda data: (list(boxes.walk(data)), boxes.find(data, b"moov", b"trak", b"tkhd")),
               (), 8_000, BOX_PIECES),
        Target("fragment", [moof], lambda data: fragment.parse(data, formats), (ValueError,), 4_000,
               BOX_PIECES),
        Target("clip scan", [open_clip, closed], lambda data: layout.scan(io.BytesIO(data)), (),
               8_000, BOX_PIECES),
        Target("clip recovery", [open_clip, closed], recover, (StorageError,), 1_000, BOX_PIECES),
        Target("aac", [b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(20)],
               lambda data: _audio("aac", data), (), 3_000, NAL_PIECES),
        Target("opus", [b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"],
               lambda data: _audio("opus", data), (), 3_000, NAL_PIECES),
        *(_probed(folder, suffix) for suffix in ("mp4", "ts", "mkv")),
    ]  # fmt: skip


def _clips(folder: Path, packets: list[Packet]) -> tuple[bytes, bytes]:
    """One clip as a crash leaves it, and complete."""
    path = folder / "seed.mp4"
    writer = ClipWriter(path, packets[0], head(packets[0]))
    for number, packet in enumerate(packets):
        writer.write(packet)
        if number % 5 == 4:
            writer.flush()
    open_clip = path.with_name("seed.mp4.part").read_bytes()
    writer.close()
    return open_clip, path.read_bytes()


def _audio(codec: str, data: bytes) -> None:
    audio = AudioStream(codec, Fraction(1, 48_000), 48_000, 2, data)
    for each in (audio, AudioStream(codec, Fraction(1, 48_000), 48_000, 2, b"")):
        entry = audio_entry(each, data)
        if entry is not None:
            entry.sample(data)


def _probed(folder: Path, suffix: str) -> Target:
    whole = make_recording(folder / f"take.{suffix}", Take("libx264", frames=20, audio="aac"))
    path = folder / f"probed.{suffix}"
    settings = CameraSettings(name="a", source=str(path))

    def look(data: bytes) -> None:
        path.write_bytes(data)
        probe(settings, seconds=1.0, clock=FakeClock())

    return Target(f"probe {suffix}", [whole.read_bytes()], look, (CaptureError,), 200, BOX_PIECES)
