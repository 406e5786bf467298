"""What the hub has of an event that is not over: not waited for again, and not forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.base.clock import FakeClock
from edge.camera import recovery
from edge.contract import ack as acks
from edge.contract import ids, names, record
from edge.contract.parts import Instant, SnapshotRef
from edge.mux.spool import Spool
from edge.outbox.outbox import Outbox
from tests.fault import small_town

QUOTA_BYTES = 2**30


class Node:
    """A journal and a spool, and one event in front of the door."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spool_dir = folder / "spool"
        self.clock = FakeClock(mono_ns=10**12)
        self.box: Outbox = small_town.outbox(folder, self.clock)
        self.event = ids.new_event(self.clock.utc())
        self.begun = Instant(self.clock.utc(), self.clock.mono_ns())
        self.shot: SnapshotRef = small_town.write_snapshot(self.spool_dir, b"x", self.begun)
        self.append(record.EventStarted("motion", self.begun, (), 0.1, None, self.shot))

    def append(self, body: record.Body) -> None:
        """Journal something about the event."""
        self.box.append(body, camera=small_town.CAMERA, event=self.event)

    def take_part(self, part: int) -> Path:
        """A part of the clip is complete and announced; its file."""
        clip = small_town.write_clip(self.spool_dir, self.event, part)
        self.append(record.EventUpdated(small_town.clip_ref(clip, self.begun), ()))
        return clip.path

    def end(self) -> None:
        """The event is over; its best picture is the first one."""
        self.append(
            record.EventEnded(
                "motion", self.begun, self.begun, 0, "quiet", (), 0.1, 0, None, self.shot
            )
        )

    def acknowledge_all(self) -> None:
        """The hub has everything."""
        newest = self.box.pending(0, 100)[-1]
        ack = acks.Ack(
            names.VERSION, small_town.NODE, self.box.epoch, newest.seq,
            record.digest(newest.payload),
        )  # fmt: skip
        self.box.apply(ack)
        clips = [acks.clip_id(self.event, each.part or 0) for each in self.box.waiting_clips(9)]
        shots = [each.sha256 for each in self.box.waiting_snapshots(9)]
        self.box.apply(
            acks.Ack(ack.v, ack.node, ack.epoch, ack.upto, ack.head, (), tuple(clips), tuple(shots))
        )

    def restart(self) -> record.EventEnded:
        """A crash, and a new start; how the event ended."""
        self.box.close()
        self.box = small_town.outbox(self.folder, self.clock)
        spool = Spool(self.spool_dir, quota_bytes=QUOTA_BYTES, on_lost=lambda file: None)
        assert recovery.recover(self.box, spool, self.clock) == 1
        ended = record.decode(self.box.pending(0, 100)[-1].payload).body
        assert isinstance(ended, record.EventEnded)
        return ended


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """In the middle of an event."""
    made = Node(tmp_path)
    yield made
    made.box.close()


def test_a_picture_that_the_hub_has_is_not_waited_for_at_the_events_end(node: Node) -> None:
    """It was freed while the event ran; waiting for it again would report it as lost."""
    node.acknowledge_all()
    assert not (node.spool_dir / f"{node.shot.sha256}.jpg").exists()
    node.end()
    assert node.box.file_names() == set()


def test_a_picture_that_still_waits_at_the_events_end_goes_on_waiting(node: Node) -> None:
    """It is announced twice and sent once."""
    node.end()
    assert node.box.file_names() == {f"{node.shot.sha256}.jpg"}


def test_an_interrupted_event_counts_the_parts_that_the_hub_has(node: Node) -> None:
    """After a crash its end tells of them, and when the last of them ended."""
    for part in range(2):
        node.take_part(part)
    node.acknowledge_all()
    ended = node.restart()
    assert (ended.parts, ended.clip) == (2, None)
    assert ended.duration_ms == 2000
    assert node.box.file_names() == set()


def test_an_interrupted_event_counts_recovered_parts_too(node: Node) -> None:
    """Those that the hub has, then those that only the spool holds."""
    node.take_part(0)
    node.acknowledge_all()
    small_town.write_clip(node.spool_dir, node.event, 1)
    ended = node.restart()
    assert ended.parts == 2
    assert ended.clip is not None
    assert ended.clip.part == 1


def test_a_part_that_was_freed_and_not_yet_removed_is_not_announced_again(node: Node) -> None:
    """A kill between the row's going and the file's leaves the file; it is swept."""
    path = node.take_part(0)
    content = path.read_bytes()
    node.acknowledge_all()
    path.write_bytes(content)
    ended = node.restart()
    assert (ended.parts, ended.clip) == (1, None)
    assert not path.exists()
