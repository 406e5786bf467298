"""From observations to records, clips and pictures, with a real ring, recorder and journal."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.base.durable import PartFile
from edge.base.errors import DiskFullError
from edge.contract import record
from edge.mux.recovery import inspect
from tests.edge.camera.rig import CAMERA, Rig
from tests.edge.mux import streams


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()


def ended(rig: Rig, at: int = -1) -> record.EventEnded:
    """The end of an event, the newest by default."""
    ends = [body for body in rig.bodies() if isinstance(body, record.EventEnded)]
    return ends[at]


def tell(rig: Rig) -> None:
    """One whole event: motion from 3 to 5 s, quiet until its clip is closed."""
    rig.rest(0, 3)
    rig.move(3, 5)
    rig.rest(5, 8)
    assert rig.story.close(10)


def test_an_event_is_told_from_its_start_to_its_end(rig: Rig) -> None:
    """Started and ended, about one camera and one event, with the same start."""
    tell(rig)
    start, end = rig.records()
    assert [start.header.type, end.header.type] == ["event.started", "event.ended"]
    assert {start.header.camera, end.header.camera} == {CAMERA}
    assert start.header.event == end.header.event
    assert isinstance(start.body, record.EventStarted)
    assert isinstance(end.body, record.EventEnded)
    assert start.body.started == end.body.started
    assert end.body.duration_ms == 1900
    assert (end.body.reason, end.body.parts, end.body.fault) == ("quiet", 1, None)
    assert (start.body.zones, end.body.zones) == (("drive",), ("drive",))


def test_the_clip_of_an_event_lies_in_the_spool_as_its_record_says(rig: Rig) -> None:
    """Hash, size, length and pre-roll are those of the file; it holds the post-roll."""
    tell(rig)
    (event,) = {each.header.event for each in rig.records()}
    clip = ended(rig).clip
    assert clip is not None
    path = rig.spool.clip_path(event or "", 0)
    assert (clip.sha256, clip.size_bytes) == (streams.sha256(path), path.stat().st_size)
    assert clip.pre_roll_ms == 1000
    assert clip.first_pts == rig.packet_at(2).pts
    packets = streams.read_packets(path)
    assert len(packets) == clip.packets == round((5.9 - 2) * streams.FPS) + 1
    assert streams.decode_errors(path) == ""


def test_a_frame_that_stays_the_best_is_one_picture(rig: Rig) -> None:
    """What confirmed the event is not encoded and sent a second time."""
    tell(rig)
    start = rig.bodies()[0]
    assert isinstance(start, record.EventStarted)
    assert start.snapshot == ended(rig).snapshot is not None
    assert len(list(rig.spool.folder.glob("*.jpg"))) == 1


def test_a_better_frame_becomes_the_picture_of_the_end(rig: Rig) -> None:
    """The end names the frame that shows most, with its box, beside the first one."""
    rig.rest(0, 3)
    rig.move(3, 4)
    rig.show(4, 4.1)
    rig.see(4.0, area=0.5)
    rig.rest(4.1, 7)
    assert rig.story.close(10)
    start, best = rig.bodies()[0], ended(rig).snapshot
    assert isinstance(start, record.EventStarted)
    assert start.snapshot is not None
    assert best is not None
    assert best.sha256 != start.snapshot.sha256
    assert best.taken.mono_ns - start.snapshot.taken.mono_ns == 900_000_000
    names = {path.stem for path in rig.spool.folder.glob("*.jpg")}
    assert names == {best.sha256, start.snapshot.sha256}


def test_zones_are_gathered_over_the_event(rig: Rig) -> None:
    """The end names every zone that was touched, in order."""
    rig.rest(0, 3)
    rig.move(3, 4)
    rig.show(4, 4.1)
    rig.see(4.0, zone="door")
    rig.rest(4.1, 7)
    assert rig.story.close(10)
    assert ended(rig).zones == ("drive", "door")


def test_motion_is_said_when_it_begins_and_when_it_is_over(rig: Rig) -> None:
    """ON with the start, OFF with the end of the quiet time, not with the clip's end."""
    rig.rest(0, 3)
    assert rig.states == []
    rig.move(3, 5)
    assert rig.states == [("motion", "ON")]
    assert rig.story.is_moving
    rig.rest(5, 6)
    assert rig.states == [("motion", "ON"), ("motion", "OFF")]
    assert not rig.story.is_moving


def test_a_long_event_is_told_part_by_part(rig: Rig) -> None:
    """Past the maximum length each closed part is announced, and the next goes on without a gap."""
    rig.rest(0, 2)
    rig.move(2, 10)
    rig.rest(10, 13)
    assert rig.story.close(10)
    types = [each.header.type for each in rig.records()]
    assert types == ["event.started", "event.updated", "event.ended"]
    update, end = rig.bodies()[1], ended(rig)
    assert isinstance(update, record.EventUpdated)
    assert end.clip is not None
    assert (update.clip.part, end.clip.part, end.parts) == (0, 1, 2)
    numbers = [packet.pts for packet in rig.packets]
    first = numbers.index(update.clip.first_pts)
    assert numbers[first + update.clip.packets] == end.clip.first_pts
    assert end.clip.pre_roll_ms == 0


def test_two_events_are_two_stories(rig: Rig) -> None:
    """Motion that comes back after the quiet time is another event, each with its clip."""
    tell(rig)
    rig.move(8, 10)
    rig.rest(10, 13)
    assert rig.story.close(10)
    assert len({each.header.event for each in rig.records()}) == 2
    assert [ended(rig, at).parts for at in (0, 1)] == [1, 1]


def test_a_lost_camera_ends_its_event_with_what_there_is(rig: Rig) -> None:
    """The reason is told, and the clip holds what came before the loss."""
    rig.rest(0, 3)
    rig.move(3, 5)
    rig.story.lose()
    assert rig.story.close(10)
    end = ended(rig)
    assert end.reason == "camera_lost"
    assert end.clip is not None
    assert end.clip.packets == round((5 - 2) * streams.FPS)
    assert rig.states[-1] == ("motion", "OFF")


def test_a_loss_during_the_post_roll_keeps_the_reason_of_the_end(rig: Rig) -> None:
    """An event that was over by itself stays `quiet`; only its clip is shorter."""
    rig.rest(0, 3)
    rig.move(3, 5)
    rig.show(5, 5.1)
    rig.clock.advance(2)
    rig.story.tick()
    rig.story.lose()
    assert rig.story.close(10)
    assert ended(rig).reason == "quiet"


def test_an_agent_that_stops_says_so(rig: Rig) -> None:
    """The open clip is closed at once, its event ended as stopped."""
    rig.rest(0, 3)
    rig.move(3, 4)
    rig.story.stop()
    assert rig.story.close(10)
    assert ended(rig).reason == "stopped"
    assert list(rig.spool.folder.glob("*.part")) == []


def test_losing_a_camera_without_an_event_tells_nothing(rig: Rig) -> None:
    """There is nothing to end."""
    rig.rest(0, 3)
    rig.story.lose()
    assert rig.records() == []
    assert rig.states == []


def test_time_alone_ends_an_event(rig: Rig) -> None:
    """A camera that sends nothing, yet is not lost, does not keep an event open."""
    rig.rest(0, 3)
    rig.move(3, 5)
    rig.story.tick()
    assert rig.story.is_moving
    rig.clock.advance(2)
    rig.story.tick()
    assert not rig.story.is_moving


def test_a_full_disk_is_told_with_the_event(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """No clip, but both records, the reason in words, and a problem for the health report."""

    def full(self: PartFile, data: object) -> int:
        raise DiskFullError("cannot write: No space left on device", path="spool")

    rig.rest(0, 3)
    monkeypatch.setattr(PartFile, "write", full)
    rig.move(3, 5)
    rig.rest(5, 8)
    assert rig.story.close(10)
    end = ended(rig)
    assert (end.parts, end.clip) == (0, None)
    assert "No space left" in (end.fault or "")
    assert f"camera {CAMERA}" in rig.story.problem
    assert list(rig.spool.folder.glob("*.mp4*")) == []


def test_a_snapshot_that_cannot_be_kept_does_not_stop_the_event(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records come without a picture, the clip is whole."""

    def full(jpeg: bytes) -> None:
        raise DiskFullError("cannot write: No space left on device", path="spool")

    monkeypatch.setattr(rig.spool, "save_snapshot", full)
    tell(rig)
    start, end = rig.bodies()
    assert isinstance(start, record.EventStarted)
    assert isinstance(end, record.EventEnded)
    assert (start.snapshot, end.snapshot) == (None, None)
    assert end.clip is not None


def test_events_are_told_while_the_journal_cannot_be_written(rig: Rig) -> None:
    """Records that the disk does not take are kept in memory and come with the others."""
    rig.rest(0, 3)
    store = rig.outbox._journal.store
    assert store is not None
    store._db.execute("PRAGMA query_only=ON")
    rig.move(3, 4)
    assert "in memory" in rig.outbox.problem
    rig.rest(4, 7)
    rig.move(7, 9)
    rig.rest(9, 12)
    assert rig.story.close(10)
    types = sorted(each.header.type for each in rig.records())
    assert types == ["event.ended", "event.ended", "event.started", "event.started"]


def test_clips_say_themselves_what_they_are(rig: Rig) -> None:
    """Every clip in the spool can be told from the file alone, for recovery."""
    rig.rest(0, 2)
    rig.move(2, 10)
    rig.rest(10, 13)
    assert rig.story.close(10)
    (event,) = {each.header.event for each in rig.records()}
    clips = [inspect(rig.spool.clip_path(event or "", part)) for part in (0, 1)]
    assert [clip.head.event if clip else None for clip in clips] == [event, event]
    for before, after in itertools.pairwise(clips):
        assert before is not None
        assert after is not None
        assert before.head.starts_utc < after.head.starts_utc
