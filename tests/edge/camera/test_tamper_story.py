"""What a tampering becomes: records, two pictures and a clip; ring, spool and journal are real."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edge.camera.footage import OneStream
from edge.camera.recovery import recover
from edge.camera.tamper_story import Evidence, TamperStory
from edge.contract import record
from edge.contract.parts import Instant
from edge.media.frame import Frame
from edge.motion.observation import Moment
from edge.motion.tamper import Over, Tampering
from edge.mux.recovery import inspect
from edge.outbox.values import ORDINARY
from tests.edge.camera.rig import CAMERA, SETTINGS, TIMEOUT_S, Plain, Rig, wait
from tests.edge.mux import streams

SINCE_S, FOUND_S = 8.0, 12.0
SECONDS = 40.0
WHOLE = dataclasses.replace(SETTINGS, clips=dataclasses.replace(SETTINGS.clips, max_length_s=120.0))


@dataclass
class Meddled:
    """A rig with a tamper story beside the other one."""

    rig: Rig
    story: TamperStory

    def moment(self, second: float) -> Moment:
        """The frame at `second`."""
        return Moment(self.rig.packet_at(second).pts, self.rig._began_ns + round(second * 1e9))

    def find(self, fault: record.TamperFault = "covered") -> None:
        """The judge is certain at FOUND_S of what began at SINCE_S."""
        since, found, before = (self.moment(each) for each in (SINCE_S, FOUND_S, SINCE_S - 3))
        luma = np.zeros((24, 32), np.uint8)
        frame = Frame(found.pts, found.mono_ns, luma, Plain(60))
        tampering = Tampering(fault, since.mono_ns, found.mono_ns, 0.9)
        self.story.begin(Evidence(tampering, since, frame, self.rig.stream, before, luma))

    def over(self, second: float) -> None:
        """The view is back."""
        self.story.end(Over("covered", self.moment(second).mono_ns, "restored"))

    def of(self, kind: type[record.Body]) -> list[record.Body]:
        """What the journal has of a kind."""
        return [body for body in self.rig.bodies() if isinstance(body, kind)]


@pytest.fixture
def meddled(tmp_path: Path) -> Iterator[Meddled]:
    rig = Rig(tmp_path, seconds=SECONDS)
    story = TamperStory(
        WHOLE, footage=OneStream(rig.ring), clock=rig.clock, outbox=rig.outbox,
        spool=rig.spool, set_state=lambda name, value: rig.states.append((name, value)),
    )  # fmt: skip
    yield Meddled(rig, story)
    story.stop()
    rig.close()


def test_it_is_told_at_once_with_a_picture_from_before_and_one_of_it(meddled: Meddled) -> None:
    """Before the clip is closed: what, since when, and both pictures in the spool."""
    meddled.rig.show(0, FOUND_S)
    meddled.find()
    started, told = meddled.rig.records()
    assert isinstance(started.body, record.EventStarted)
    assert isinstance(told.body, record.CameraTampered)
    assert started.header.event == told.header.event
    assert told.header.camera == CAMERA
    assert (told.body.fault, started.body.kind) == ("covered", "tampered")
    before, after = told.body.before, told.body.after
    assert before is not None
    assert after is not None
    assert before.taken.mono_ns < told.body.since.mono_ns < after.taken.mono_ns
    assert (before.width, before.height) == (streams.WIDTH, streams.HEIGHT)
    kept = {path.name for path in meddled.rig.spool.folder.iterdir()}
    assert {f"{before.sha256}.jpg", f"{after.sha256}.jpg"} <= kept
    assert meddled.rig.states[-1] == ("tamper", "ON")


def test_the_clip_begins_before_it_and_goes_on_for_a_while(meddled: Meddled) -> None:
    """The pre-roll of tampering, not the one of motion, as far as the ring goes; then some time."""
    meddled.rig.show(0, FOUND_S)
    meddled.find()
    meddled.rig.show(FOUND_S, SECONDS)
    wait(lambda: bool(meddled.of(record.EventUpdated)), "the clip")
    (path,) = meddled.rig.spool.folder.glob("*.mp4")
    clip = inspect(path)
    assert clip is not None
    assert clip.pre_roll_ms == pytest.approx(SINCE_S * 1000, abs=100)
    shown_until_s = clip.duration_ms / 1000
    assert FOUND_S + 10 <= shown_until_s <= FOUND_S + 16


def test_everything_of_it_goes_before_what_is_ordinary(meddled: Meddled) -> None:
    """Records, pictures and clips have a priority."""
    meddled.rig.show(0, FOUND_S)
    meddled.find()
    meddled.rig.show(FOUND_S, SECONDS)
    wait(lambda: bool(meddled.of(record.EventUpdated)), "the clip")
    meddled.over(35)
    wait(lambda: bool(meddled.of(record.EventEnded)), "the end")
    assert all(each.priority > ORDINARY for each in meddled.rig.outbox.pending(0, 100))


def test_the_end_is_told_with_how_it_came(meddled: Meddled) -> None:
    """camera.restored, then the end of an event that lasted as long as the fault."""
    meddled.rig.show(0, FOUND_S)
    meddled.find()
    meddled.rig.show(FOUND_S, SECONDS)
    wait(lambda: bool(meddled.of(record.EventUpdated)), "the clip")
    assert not meddled.of(record.EventEnded)
    meddled.over(35)
    (restored,), (end,) = meddled.of(record.CameraRestored), meddled.of(record.EventEnded)
    assert isinstance(restored, record.CameraRestored)
    assert isinstance(end, record.EventEnded)
    assert (restored.outcome, restored.duration_ms) == ("restored", 27_000)
    assert (end.kind, end.reason, end.duration_ms, end.parts) == ("tampered", "quiet", 27_000, 1)
    assert meddled.rig.states[-1] == ("tamper", "OFF")


def test_a_fault_that_is_soon_over_still_has_its_clip(meddled: Meddled) -> None:
    """The event ends when its clip is closed."""
    meddled.rig.show(0, FOUND_S)
    meddled.find()
    meddled.over(13)
    assert not meddled.of(record.EventEnded)
    meddled.rig.show(FOUND_S, SECONDS)
    wait(lambda: bool(meddled.of(record.EventEnded)), "the end")
    assert len(meddled.of(record.EventUpdated)) == 1


def test_a_camera_that_is_lost_meanwhile_stays_tampered(meddled: Meddled) -> None:
    """The clip is closed with what there is, the event goes on."""
    meddled.rig.show(0, FOUND_S)
    meddled.find()
    meddled.story.lose()
    wait(lambda: bool(meddled.of(record.EventUpdated)), "the clip")
    assert not meddled.of(record.EventEnded)
    assert meddled.rig.states[-1] == ("tamper", "ON")


def test_stopping_ends_the_event_and_closes_the_clip(meddled: Meddled) -> None:
    """In good order, and soon."""
    meddled.rig.show(0, FOUND_S)
    meddled.find()
    meddled.story.stop()
    assert meddled.story.close(TIMEOUT_S)
    (end,) = meddled.of(record.EventEnded)
    assert isinstance(end, record.EventEnded)
    assert (end.reason, end.parts) == ("stopped", 1)


def test_a_crash_in_the_middle_ends_it_as_interrupted(meddled: Meddled) -> None:
    """What the disk has of the clip is announced at the next start."""
    rig = meddled.rig
    rig.show(0, FOUND_S)
    meddled.find()
    assert len(rig.outbox.open_events()) == 1
    meddled.story.lose()
    wait(lambda: bool(meddled.of(record.EventUpdated)), "the clip")
    assert recover(rig.outbox, rig.spool, rig.clock) == 1
    (end,) = meddled.of(record.EventEnded)
    assert isinstance(end, record.EventEnded)
    assert (end.kind, end.reason, end.parts) == ("tampered", "interrupted", 1)


def test_times_are_those_of_the_pictures(meddled: Meddled) -> None:
    """Since and found are told on both clocks by one reading."""
    meddled.rig.show(0, FOUND_S)
    meddled.find()
    (told,) = meddled.of(record.CameraTampered)
    assert isinstance(told, record.CameraTampered)
    assert isinstance(told.since, Instant)
    assert told.since.mono_ns == meddled.moment(SINCE_S).mono_ns
    apart = told.found.utc - told.since.utc
    assert apart.total_seconds() == pytest.approx(FOUND_S - SINCE_S)
