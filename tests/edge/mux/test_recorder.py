"""Recording an event: from the pre-roll to the post-roll, in parts, through trouble."""

from __future__ import annotations

import dataclasses
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.base.clock import FakeClock
from edge.contract.clips import ClipSettings
from edge.gop.ring import PacketRing
from edge.media import nal
from edge.media.packet import Packet
from edge.mux.clip import ClosedClip
from edge.mux.parts import MAX_FAULTS, RETRY_S, Trigger
from edge.mux.recorder import STALL_S, ClipRecorder, RecordingEnd
from edge.mux.spool import Spool
from tests.edge.mux.streams import EVENT, decode_errors, encode, read_packets, seconds, steady

MIB = 2**20
OTHER_EVENT = "01890a5d-ac96-774b-bcce-b302099a8058"


class Scene:
    """A camera, its ring and its spool; an event in it is recorded step by step."""

    def __init__(self, folder: Path, packets: list[Packet], settings: ClipSettings) -> None:
        self.packets = packets
        self.settings = settings
        self.clock = FakeClock(mono_ns=5_000_000_000_000)
        self.ring = PacketRing(keep_s=settings.pre_roll_s + 5, max_bytes=settings.ring_bytes)
        self.lost: list[str] = []
        self.spool = Spool(
            folder, quota_bytes=64 * MIB, on_lost=lambda file: self.lost.append(file.path.name)
        )
        self.clips: list[ClosedClip] = []
        self.ends: list[RecordingEnd] = []
        self.sent = 0

    def send(self, until_s: float) -> None:
        """The camera sends its packets up to a time."""
        first = self.packets[0]
        while self.sent < len(self.packets):
            packet = self.packets[self.sent]
            if (packet.dts - first.dts) / 90_000 >= until_s:
                break
            self.ring.append(packet)
            self.sent += 1

    def at(self, time_s: float) -> int:
        """The PTS of a time after the first picture."""
        return self.packets[0].pts + round(time_s * 90_000)

    def trigger(self, at_s: float, event: str = EVENT) -> ClipRecorder:
        """Motion begins."""
        stream = self.packets[0].stream
        trigger = Trigger(event, stream, self.at(at_s), self.clock.mono_ns())
        return ClipRecorder(
            self.ring,
            self.spool,
            self.settings,
            self.clock,
            trigger,
            on_clip=self.clips.append,
            on_end=self.ends.append,
        )

    def drive(self, recorder: ClipRecorder) -> RecordingEnd:
        """Record until the end, as the recorder's thread would."""
        for _ in range(1000):
            if not recorder.step(0):
                return recorder.end()
        raise AssertionError("the recorder waits for packets that nobody sends")

    def record(self, trigger_s: float, last_motion_s: float) -> RecordingEnd:
        """A whole event of the whole stream."""
        self.send(trigger_s + 0.3)
        recorder = self.trigger(trigger_s)
        recorder.finish(self.packets[0].stream, self.at(last_motion_s))
        for n in range(1, 10_000):
            self.send(trigger_s + n)
            if not recorder.step(0):
                break
        return recorder.end()


MakeScene = Callable[..., Scene]


@pytest.fixture
def scene(tmp_path: Path) -> MakeScene:
    """Makes scenes that spool into a folder of the test's own."""

    def make(packets: list[Packet], **settings: object) -> Scene:
        chosen = dataclasses.replace(ClipSettings(), **settings)  # type: ignore[arg-type]
        return Scene(tmp_path / "spool", packets, chosen)

    return make


def nals(packets: list[Packet]) -> list[list[bytes]]:
    """The NAL units of camera packets."""
    return [list(nal.units(each.data)) for each in packets]


def file_nals(path: Path) -> list[list[bytes]]:
    """The NAL units of a clip's packets."""
    return [list(nal.units(each.data, 4)) for each in read_packets(path)]


@pytest.mark.parametrize("gop_s", [0.25, 1, 2, 5, 10])
def test_a_clip_reaches_from_the_pre_roll_to_the_end_of_the_post_roll(
    gop_s: float, scene: MakeScene
) -> None:
    """It starts on the keyframe at or before trigger minus pre-roll and ends with the post-roll."""
    packets = encode(times_s=steady(40, 8), gop=round(gop_s * 8))
    end = scene(packets, pre_roll_s=4, post_roll_s=3).record(21.5, 24.0)
    assert end.last is not None
    assert (end.parts, end.fault, end.lost_packets, end.last.lost_packets) == (1, None, 0, 0)
    start_s = (end.last.first_pts - packets[0].pts) / 90_000
    assert 17.5 - gop_s < start_s <= 17.5
    assert end.last.pre_roll_ms == round((21.5 - start_s) * 1000)
    first = next(at for at, each in enumerate(packets) if each.pts == end.last.first_pts)
    inside = [each for each in packets[first:] if (each.pts - packets[0].pts) / 90_000 <= 27.0]
    assert file_nals(end.last.path) == nals(inside)
    assert decode_errors(end.last.path) == ""


@pytest.mark.parametrize("b_frames", [0, 3])
def test_a_long_event_goes_on_in_a_next_part_without_losing_a_packet(
    b_frames: int, scene: MakeScene
) -> None:
    """Parts begin on keyframes, and put end to end they are the camera's stream."""
    packets = encode(times_s=steady(40), gop=10, b_frames=b_frames)
    stage = scene(packets, pre_roll_s=2, post_roll_s=2, max_length_s=5)
    end = stage.record(4, 33)
    assert end.last is not None
    parts = [*stage.clips, end.last]
    assert end.parts == len(parts) == 7
    assert [each.part for each in parts] == list(range(7))
    joined = [units for each in parts for units in file_nals(each.path)]
    first = next(at for at, each in enumerate(packets) if each.pts == parts[0].first_pts)
    assert joined == nals(packets[first : first + len(joined)])
    for each in parts[:-1]:
        assert each.duration_ms == 5000
    for each in parts:
        assert seconds(read_packets(each.path))[0] == 0
        assert decode_errors(each.path) == ""
    assert [each.pre_roll_ms > 0 for each in parts] == [True] + [False] * 6
    assert not [each for each in stage.spool.files() if each.kind != "clip"]


def test_times_of_capture_follow_from_the_trigger(scene: MakeScene) -> None:
    """A clip knows when its first frame was captured, on both clocks and within which boot."""
    packets = encode(times_s=steady(20))
    stage = scene(packets, pre_roll_s=3, post_roll_s=2, max_length_s=5)
    stage.clock.advance(100)
    end = stage.record(8, 14)
    first = stage.clips[0]
    assert stage.clock.mono_ns() - first.starts_mono_ns == 3_000_000_000
    assert (stage.clock.utc() - first.head.starts_utc).total_seconds() == 3
    assert end.parts == 3
    assert stage.clips[1].starts_mono_ns - first.starts_mono_ns == first.duration_ms * 1_000_000
    assert first.head.boot == stage.clock.boot


def test_a_new_stream_of_the_camera_continues_in_a_new_part(scene: MakeScene) -> None:
    """After a reconnect or other parameters, nothing of two streams shares a file."""
    old = encode(times_s=steady(10))
    new = encode("hevc", times_s=steady(10), first_pts=5)
    stage = scene(old, pre_roll_s=2, post_roll_s=2)
    stage.send(6)
    recorder = stage.trigger(5)
    stage.send(100)
    recorder.step(0)
    for packet in new:
        stage.ring.append(packet)
    recorder.finish(new[0].stream, new[0].pts + 3 * 90_000)
    end = stage.drive(recorder)
    assert [each.codec for each in stage.clips] == ["h264"]
    assert end.last is not None
    assert end.last.codec == "hevc"
    assert file_nals(stage.clips[0].path) == nals(old[30:])
    assert file_nals(end.last.path) == nals(new[:51])
    assert (end.parts, end.lost_packets) == (2, 0)


def test_an_event_whose_stream_was_replaced_before_it_was_to_end_ends(scene: MakeScene) -> None:
    """The old stream was read to its last packet when motion was found to be over."""
    old = encode(times_s=steady(10))
    new = encode("hevc", times_s=steady(10), first_pts=5)
    stage = scene(old, pre_roll_s=2, post_roll_s=2)
    stage.send(6)
    recorder = stage.trigger(5)
    stage.send(100)
    assert recorder.step(0)
    recorder.finish(old[0].stream, stage.at(9))
    for packet in new:
        stage.ring.append(packet)
    end = stage.drive(recorder)
    assert end.last is not None
    assert (end.last.codec, end.parts) == ("h264", 1)
    assert file_nals(end.last.path) == nals(old[30:])


def test_stopping_closes_the_clip_with_what_is_there(scene: MakeScene) -> None:
    """At shutdown an event under way still leaves a whole clip."""
    stage = scene(encode(times_s=steady(10)), pre_roll_s=2)
    stage.send(7)
    recorder = stage.trigger(5)
    recorder.stop()
    end = stage.drive(recorder)
    assert end.last is not None
    assert end.last.packets == 40
    assert decode_errors(end.last.path) == ""


def test_an_event_whose_stream_dried_up_still_ends(scene: MakeScene) -> None:
    """The post-roll is not waited for when the camera sends nothing any more."""
    stage = scene(encode(times_s=steady(10)), pre_roll_s=2, post_roll_s=5)
    stage.send(100)
    recorder = stage.trigger(9)
    recorder.finish(stage.packets[0].stream, stage.at(9.5))
    assert recorder.step(0)
    assert recorder.step(0)
    stage.clock.advance(STALL_S + 1)
    assert not recorder.step(0)
    end = recorder.end()
    assert end.last is not None
    assert (end.last.packets, end.fault) == (30, None)


def test_a_disk_that_is_long_in_flushing_does_not_cut_the_post_roll(
    scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packets that came meanwhile wait in the ring: the camera is not what stalls."""
    packets = encode(times_s=steady(20))
    stage = scene(packets, pre_roll_s=2, post_roll_s=4)
    real = os.fdatasync

    def fdatasync(fd: int) -> None:
        real(fd)
        stage.clock.advance(STALL_S + 1)
        stage.send(20)

    stage.send(8.5)
    recorder = stage.trigger(5)
    recorder.finish(packets[0].stream, stage.at(8))
    monkeypatch.setattr(os, "fdatasync", fdatasync)
    end = stage.drive(recorder)
    assert end.last is not None
    assert file_nals(end.last.path) == nals(packets[30:121])


def test_what_a_halting_camera_sent_is_written_soon(scene: MakeScene) -> None:
    """Pictures do not wait in memory for a fragment that never fills."""
    stage = scene(encode(times_s=steady(10)), pre_roll_s=0)
    stage.send(5.5)
    recorder = stage.trigger(5)
    recorder.step(0)
    (open_clip,) = stage.spool.folder.iterdir()
    assert open_clip.stat().st_size == 0
    stage.clock.advance(2.5)
    recorder.step(0)
    assert open_clip.stat().st_size > 0
    recorder.stop()
    assert stage.drive(recorder).parts == 1


def test_packets_lost_to_a_disk_too_slow_are_counted(scene: MakeScene) -> None:
    """The ring is bounded; what falls out before it is written shows in the clip's record."""
    packets = encode(times_s=steady(60))
    for each in packets:
        each.data += b"\0\0\1\x0c" + b"\xff" * 10_000
    stage = scene(packets, pre_roll_s=1, ring_bytes=MIB)
    stage.send(5.5)
    recorder = stage.trigger(5)
    recorder.step(0)
    stage.send(100)
    recorder.stop()
    end = stage.drive(recorder)
    assert end.last is not None
    assert end.last.lost_packets > 400
    assert end.last.packets + end.last.lost_packets == 600 - 40
    assert decode_errors(end.last.path) == ""


def test_audio_can_be_switched_off(scene: MakeScene) -> None:
    """Where the law or the owner wants no sound, none reaches the card."""
    packets = encode(times_s=steady(6))
    stage = scene(packets, pre_roll_s=2, audio=False)
    end = stage.record(4, 5)
    assert end.last is not None
    assert end.last.audio is None


def fail_writes(
    monkeypatch: pytest.MonkeyPatch, error: int, *, after: int, times: int = 10**9
) -> None:
    """The disk takes `after` writes, then fails `times` times."""
    real, count = os.write, 0

    def write(fd: int, data: bytes) -> int:
        nonlocal count
        count += 1
        if after < count <= after + times:
            raise OSError(error, os.strerror(error))
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)


def test_a_full_disk_ends_in_a_fault_and_the_clip_so_far(
    scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written is salvaged without new space; the reason is told, nothing is raised."""
    packets = encode(times_s=steady(30))
    stage = scene(packets, pre_roll_s=2, post_roll_s=2)
    fail_writes(monkeypatch, errno.ENOSPC, after=3, times=1)
    end = stage.record(5, 8)
    assert end.fault is not None
    assert "No space left" in end.fault
    assert end.last is not None
    assert 0 < end.last.packets < 60
    assert file_nals(end.last.path) == nals(packets[30 : 30 + end.last.packets])
    assert end.last.packets + end.last.lost_packets + end.lost_packets >= 71
    assert stage.spool.leftovers() == []


def test_after_a_failed_write_recording_goes_on_in_a_next_part(
    scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that passes costs seconds, not the rest of the event, and every loss is counted."""
    packets = encode(times_s=steady(30))
    stage = scene(packets, pre_roll_s=2, post_roll_s=2)
    fail_writes(monkeypatch, errno.EIO, after=4, times=1)
    stage.send(5.5)
    recorder = stage.trigger(5)
    recorder.finish(packets[0].stream, stage.at(20))
    for n in range(6, 30):
        stage.send(n)
        if not recorder.step(0):
            break
        stage.clock.advance(1)
    end = recorder.end()
    assert end.last is not None
    parts = [*stage.clips, end.last]
    assert [each.part for each in parts] == [0, 1]
    assert sum(each.packets + each.lost_packets for each in parts) == 191
    assert 10 * RETRY_S <= end.last.lost_packets + parts[0].lost_packets <= 10 * RETRY_S + 40
    for each in parts:
        assert decode_errors(each.path) == ""


def test_a_disk_that_stays_broken_is_given_up_and_leaves_no_rubbish(
    scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recorder tries a few times, then ends; every picture is accounted as lost."""
    packets = encode(times_s=steady(60))
    stage = scene(packets, pre_roll_s=2, post_roll_s=2)
    fail_writes(monkeypatch, errno.EIO, after=0)
    stage.send(5.5)
    recorder = stage.trigger(5)
    steps = 0
    for n in range(6, 60):
        stage.send(n)
        steps += 1
        if not recorder.step(0):
            break
        stage.clock.advance(1)
    end = recorder.end()
    assert MAX_FAULTS * RETRY_S - RETRY_S <= steps < 40
    assert (end.last, end.parts) == (None, 0)
    assert end.fault is not None
    assert end.lost_packets >= 100
    assert list(stage.spool.folder.iterdir()) == []


def test_a_failed_flush_is_not_tried_again_on_the_same_file(
    scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed fsync the descriptor is left; the clip is completed through a fresh one."""
    packets = encode(times_s=steady(20))
    stage = scene(packets, pre_roll_s=2, post_roll_s=2)
    real = os.fdatasync
    failed: list[int] = []

    def fdatasync(fd: int) -> None:
        if not failed:
            failed.append(fd)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(fd)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    end = stage.record(5, 10)
    assert failed
    assert end.fault is not None
    assert end.last is not None
    assert file_nals(end.last.path) == nals(packets[30 : 30 + end.last.packets])


def test_a_stream_that_no_file_can_hold_ends_in_a_fault(scene: MakeScene) -> None:
    """Without parameter sets there is no clip, and the record says why."""
    packets = encode(times_s=steady(10))
    for each in packets:
        each.data = b"\0\0\0\1\x65\x88\x84"
    end = scene(packets, pre_roll_s=2).record(5, 8)
    assert end.last is None
    assert end.fault is not None
    assert "parameter sets" in end.fault


def test_the_thread_records_by_itself_while_the_camera_sends(scene: MakeScene) -> None:
    """Started, the recorder needs nobody until it calls back with the clip."""
    packets = encode(times_s=steady(20))
    stage = scene(packets, pre_roll_s=2, post_roll_s=2)
    stage.send(5.5)
    recorder = stage.trigger(5)
    recorder.start()
    stage.send(12)
    recorder.finish(packets[0].stream, stage.at(13))
    stage.send(100)
    assert recorder.join(60)
    (end,) = stage.ends
    assert end.last is not None
    assert end.last.packets == 121
    assert decode_errors(end.last.path) == ""


def test_two_events_may_overlap_in_the_ring(scene: MakeScene) -> None:
    """The pre-roll of one event may lie in the post-roll of the one before."""
    packets = encode(times_s=steady(20))
    stage = scene(packets, pre_roll_s=4, post_roll_s=4)
    stage.send(8.5)
    first = stage.trigger(8)
    first.finish(packets[0].stream, stage.at(9))
    stage.send(11.5)
    second = stage.trigger(11, OTHER_EVENT)
    stage.send(100)
    end = stage.drive(first)
    second.stop()
    assert end.last is not None
    assert end.last.packets == 91
    again = stage.drive(second)
    assert again.last is not None
    assert file_nals(again.last.path) == nals(packets[70:])


def test_a_defect_in_the_recorder_still_ends_the_event_with_what_was_written(
    scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong on the recorder's thread, the event gets its end and its clip."""
    stage = scene(encode(times_s=steady(20)), pre_roll_s=4)
    stage.send(8)
    recorder = stage.trigger(7)
    recorder.step(0)
    monkeypatch.setattr(nal, "join_lengths", lambda _: 1 // 0)
    stage.send(100)
    recorder.start()
    assert recorder.join(60)
    (end,) = stage.ends
    assert end.fault == "the recorder failed, see the log"
    assert end.last is not None
    assert end.last.packets > 30
    assert decode_errors(end.last.path) == ""
