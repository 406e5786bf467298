"""Motion JPEG out of the ring as H.264: real pictures, a real encoder, and a real recorder."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from edge.base.clock import FakeClock
from edge.camera.encoders import BATCH, CLOSING_S, MAX_BEHIND, EncodedReader, Encoders
from edge.capture import encode
from edge.capture.beat import TIME_BASE
from edge.capture.encode import Context
from edge.contract.clips import ClipSettings
from edge.gop.ring import PacketRing
from edge.media.packet import Packet, VideoStream
from edge.mux.parts import Trigger
from edge.mux.recorder import ClipRecorder, RecordingEnd
from edge.mux.spool import Spool
from tests.edge.camera import jpegs
from tests.edge.camera.jpegs import HEIGHT, WIDTH, passer, ring_of
from tests.edge.mux import streams
from tests.harness.mjpeg_camera import jpeg


@pytest.fixture(scope="module")
def film() -> list[Packet]:
    """Six seconds; from 3 to 6 s somebody passes."""
    return jpegs.packets(6, passer(60, 120.0, 3.0))


@pytest.fixture
def encoders() -> Encoders:
    return Encoders("yard", FakeClock(mono_ns=10**12), open_hardware=None)


def reader_of(encoders: Encoders, ring: PacketRing, index: int = 0) -> EncodedReader:
    """A recorder's place at `index`."""
    return encoders.reader(ring, ring.reader(index), None)


def read_all(reader: EncodedReader) -> list[Packet]:
    """All that the ring holds, as at a stop."""
    return [packet for batch in iter(lambda: reader.read(256, 0.0), []) for packet in batch]


def brightness(stream: VideoStream, packets: list[Packet]) -> list[float]:
    """Of each picture, decoded by FFmpeg."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = stream.extradata
    shown = [frame for packet in packets for frame in decoder.decode(av.Packet(packet.data))]
    return [float(f.to_ndarray(format="gray").mean()) for f in [*shown, *decoder.decode(None)]]


def test_pictures_come_out_as_h264_in_the_camera_s_times(
    encoders: Encoders, film: list[Packet]
) -> None:
    """Each one once, with its own PTS and arrival, in a stream that names the camera's."""
    reader = reader_of(encoders, ring_of(film))
    made = read_all(reader)
    assert [each.pts for each in made] == [each.pts for each in film]
    assert [each.arrival_mono_ns for each in made] == [each.arrival_mono_ns for each in film]
    (stream,) = {id(each.stream): each.stream for each in made}.values()
    assert (stream.codec, stream.width, stream.height) == ("h264", WIDTH, HEIGHT)
    assert stream.origin is film[0].stream
    assert made[0].is_keyframe
    assert len(brightness(stream, made)) == len(film)
    assert (encoders.opened, encoders.left_out, reader.lost_packets) == (1, 0, 0)


def test_h264_goes_through_untouched(encoders: Encoders) -> None:
    """The very packets, and nothing is encoded."""
    sent = streams.encode(times_s=streams.steady(4))
    reader = reader_of(encoders, ring_of(sent))
    given = read_all(reader)
    assert all(one is other for one, other in zip(given, sent, strict=True))
    assert encoders.opened == 0


def test_a_camera_that_changes_its_kind_changes_in_the_clip_too(
    encoders: Encoders, film: list[Packet]
) -> None:
    """Motion JPEG, H.264, Motion JPEG of another stream."""
    between = streams.encode(times_s=streams.steady(1))
    again = jpegs.packets(1)
    made = read_all(reader_of(encoders, ring_of([*film[:20], *between, *again])))
    origins = list({id(each.stream.origin): each.stream.origin for each in made}.values())
    assert origins == [film[0].stream, between[0].stream, again[0].stream]
    assert len(made) == 20 + len(between) + len(again)
    assert encoders.opened == 2


def test_pictures_of_another_size_begin_another_stream(encoders: Encoders) -> None:
    """The camera was set to something else, or came back so, in the middle of an event."""
    stream = VideoStream("mjpeg", 320, 240, TIME_BASE, b"", None)
    small = [Packet(jpeg(n), 6000 * n, 6000 * n, True, stream, 0) for n in range(9)]
    made = read_all(reader_of(encoders, ring_of([*jpegs.packets(1), *small])))
    sizes = list(dict.fromkeys((each.stream.width, each.stream.height) for each in made))
    assert sizes == [(WIDTH, HEIGHT), (320, 240)]
    assert made[-9].is_keyframe
    assert made[-9].stream.origin is small[0].stream


def test_a_damaged_picture_costs_only_itself(encoders: Encoders) -> None:
    """It is counted as lost; the next one is shown."""
    sent = jpegs.packets(2)
    for at in (0, 7, 29):
        sent[at].data = sent[at].data[:300]
    reader = reader_of(encoders, ring_of(sent))
    made = read_all(reader)
    assert [each.pts for each in made] == [p.pts for n, p in enumerate(sent) if n not in (0, 7, 29)]
    assert reader.lost_packets == 3
    assert len(brightness(made[0].stream, made)) == len(made)


def test_what_waits_too_long_is_left_out_evenly_and_counted(
    encoders: Encoders, film: list[Packet]
) -> None:
    """As with an encoder of a quarter of the camera's speed: four come for each one taken."""
    ring = ring_of(film[:30])
    reader = reader_of(encoders, ring)
    made: list[Packet] = []
    coming = iter([*film[30:], *jpegs_later(film, 180)])
    furthest = 0
    for _ in range(50):
        for _ in range(4):
            if (packet := next(coming, None)) is not None:
                ring.append(packet)
        made += reader.read(256, 1.0)
        furthest = max(furthest, ring.next_index - reader._reader.next_index)
    assert furthest <= 30 + MAX_BEHIND + BATCH
    assert encoders.left_out == reader.lost_packets > 60
    held = len(reader._held)
    assert len(made) + encoders.left_out + held == reader._reader.next_index
    assert all(one.pts < other.pts for one, other in itertools.pairwise(made))


def test_a_third_event_waits_for_an_encoder_and_loses_nothing(
    encoders: Encoders, film: list[Packet]
) -> None:
    """Two at once; who waits says so, and gets its pictures from the first when one is free."""
    ring = ring_of(film)
    first, second, third = (reader_of(encoders, ring) for _ in range(3))
    assert first.read(8, 1.0)
    assert second.read(8, 1.0)
    assert third.read(8, 0.01) == []
    assert [each.is_behind for each in (first, second, third)] == [False, False, True]
    assert encoders.opened == 2
    first.close()
    assert [each.pts for each in read_all(third)] == [each.pts for each in film]
    assert not third.is_behind
    second.close()
    third.close()


def test_an_agent_that_stops_does_not_wait_for_a_slow_encoder(film: list[Packet]) -> None:
    """Once the ring is closed, what is not encoded within its time is given up and counted."""
    clock = FakeClock(mono_ns=10**12)
    encoders = Encoders("yard", clock, open_hardware=None)
    ring = ring_of(film)
    reader = reader_of(encoders, ring)
    made = reader.read(256, 0.0)
    ring.close()
    made += reader.read(256, 0.0)
    clock.advance(CLOSING_S + 0.1)
    assert reader.read(256, 0.0) == []
    assert not reader.is_behind
    assert len(made) + reader.lost_packets == len(film)


def in_band(width: int, height: int, rate: Fraction) -> Context:
    """A stand-in for a hardware encoder: libx264 without global headers, four pictures late."""
    context = encode._context("libx264", width, height, rate, 30)
    context.options = {"preset": "ultrafast", "rc-lookahead": "4"}
    context.open()
    return context


def broken(width: int, height: int, rate: Fraction) -> Context:
    """A stand-in that fails at the first picture, as it is at its end already."""
    context = in_band(width, height, rate)
    context.encode(None)
    return context


def test_a_stand_in_for_a_hardware_encoder_gives_all_its_pictures(film: list[Packet]) -> None:
    """No such encoder is here. What is inside it at the end comes out."""
    encoders = Encoders("yard", FakeClock(mono_ns=0), open_hardware=in_band)
    made = read_all(reader_of(encoders, ring_of(film)))
    assert [each.pts for each in made] == [each.pts for each in film]
    stream = made[0].stream
    assert stream.extradata
    assert stream.origin is film[0].stream


def test_a_hardware_encoder_that_fails_is_given_up_for_all_events(film: list[Packet]) -> None:
    """libx264 takes its place; the next event does not try it again."""
    encoders = Encoders("yard", FakeClock(mono_ns=0), open_hardware=broken)
    made = read_all(reader_of(encoders, ring_of(film)))
    assert len(made) == len(film)
    assert encoders.open_hardware is None


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    yield Spool(tmp_path / "spool", quota_bytes=2**26, on_lost=lambda _: None)


def test_a_clip_starts_at_the_pre_roll_and_shows_the_event_in_its_place(
    encoders: Encoders, film: list[Packet], spool: Spool
) -> None:
    """Times are as exact as with the camera's packets: the event begins where the clip says."""
    clock = FakeClock(mono_ns=10**12)
    began_ns = clock.mono_ns() - 6 * 10**9
    trigger = Trigger(
        "01890000-0000-7000-8000-000000000001", film[0].stream, film[45].pts,
        began_ns + 3 * 10**9,
    )  # fmt: skip
    ended: list[RecordingEnd] = []
    ring = ring_of(film)
    settings = ClipSettings(pre_roll_s=1.0, post_roll_s=1.0)
    recorder = ClipRecorder(
        _History(ring, encoders), spool, settings, clock, trigger,
        on_clip=lambda _: None, on_end=ended.append,
    )  # fmt: skip
    recorder.finish(film[0].stream, film[60].pts)
    recorder.start()
    assert recorder.join(20)
    (end,) = ended
    clip = end.last
    assert clip is not None and end.fault is None
    assert (clip.codec, clip.pre_roll_ms, clip.first_pts) == ("h264", 1000, film[30].pts)
    assert clip.starts_mono_ns == began_ns + 2 * 10**9
    assert (clip.packets, clip.lost_packets) == (46, 0)
    with av.open(str(clip.path)) as container:
        shown = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    is_dark = [bool((picture[190:230, :20] < 70).mean() > 0.3) for picture in shown]
    assert is_dark.index(True) in (15, 16)


class _History:
    """A ring as a recorder takes it, encoded."""

    def __init__(self, ring: PacketRing, encoders: Encoders) -> None:
        self._ring, self._encoders = ring, encoders
        self.is_closed = False

    def reader_before(
        self, pts: int, pre_roll_s: float, *, stream: VideoStream | None
    ) -> EncodedReader:
        reader = self._ring.reader_before(pts, pre_roll_s, stream=stream)
        return self._encoders.reader(self._ring, reader, stream)


def test_waiting_for_pictures_ends_in_time(encoders: Encoders, film: list[Packet]) -> None:
    """A reader that has caught up waits as long as it was told, and is woken by the next one."""
    ring = ring_of(film[:3])
    reader = reader_of(encoders, ring)
    assert [len(reader.read(256, 1.0)) for _ in range(3)] == [1, 1, 1]
    assert reader.read(256, 0.01) == []
    threading.Timer(0.2, lambda: ring.append(film[3])).start()
    assert [each.pts for each in reader.read(256, 20.0)] == [film[3].pts]


def jpegs_later(film: list[Packet], count: int) -> Iterator[Packet]:
    """The film over and over, its time going on."""
    step = film[1].pts - film[0].pts
    for number in range(count):
        pts = film[-1].pts + (number + 1) * step
        yield Packet(film[number % len(film)].data, pts, pts, True, film[0].stream, 0)
