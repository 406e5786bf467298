"""A camera's story with everything real but the camera: ring, recorder, spool, journal, H.264."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge import keys
from edge.base.clock import Clock, FakeClock
from edge.camera.footage import OneStream
from edge.camera.story import Story
from edge.classify.classifier import Classifier
from edge.config.camera import CameraSettings
from edge.contract import record
from edge.contract.clips import ClipSettings
from edge.contract.motion import MotionSettings
from edge.contract.parts import ClockStamp
from edge.gop.ring import PacketRing
from edge.media.frame import Frame, Picture
from edge.media.packet import Packet, VideoStream
from edge.motion.observation import Moment, Observation, Region
from edge.mux.spool import Spool
from edge.outbox.outbox import Outbox
from tests.edge.mux import streams
from tests.harness.patience import PATIENCE_S, wait_until

CAMERA = "gate"
TIMEOUT_S = PATIENCE_S
CLIPS = ClipSettings(pre_roll_s=1.0, post_roll_s=1.0, max_length_s=5.0)
MOTION = MotionSettings(min_frames=2, quiet_s=1.0)
SETTINGS = CameraSettings(name=CAMERA, source="rtsp://192.0.2.1/", motion=MOTION, clips=CLIPS)


@dataclass(frozen=True)
class Plain:
    """Pixels of one grey level."""

    level: int
    width: int = streams.WIDTH
    height: int = streams.HEIGHT

    def to_bgr(self, max_width: int) -> Picture:
        """The whole picture, which is smaller than any limit."""
        return np.full((self.height, self.width, 3), self.level, np.uint8)


class Rig:
    """`show` is what the camera sends; `see` what the detector says of the frame at a second."""

    def __init__(
        self, folder: Path, *, seconds: float = 14.0, classifier: Classifier | None = None
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.clock = FakeClock(mono_ns=10**12)
        self.packets = streams.encode(times_s=streams.steady(seconds))
        self._began_ns = self.clock.mono_ns()
        for packet in self.packets:
            packet.arrival_mono_ns += self._began_ns
        self.stream: VideoStream = self.packets[0].stream
        self.ring = PacketRing(keep_s=30.0, max_bytes=2**24)
        self._since: Moment | None = None
        self.lost_files: list[str] = []
        self.spool, self.outbox = open_state(folder, self.clock, self.lost_files)
        self.states: list[tuple[str, str]] = []
        self.story = Story(
            SETTINGS, footage=OneStream(self.ring), clock=self.clock, outbox=self.outbox,
            spool=self.spool, set_state=lambda name, value: self.states.append((name, value)),
            classifier=classifier,
        )  # fmt: skip

    def show(self, first_s: float, last_s: float) -> None:
        """Let the packets of these seconds arrive."""
        for packet in self.packets[round(first_s * streams.FPS) : round(last_s * streams.FPS)]:
            self.clock.advance(1 / streams.FPS)
            self.ring.append(packet)

    def packet_at(self, second: float) -> Packet:
        """The packet of the frame at `second`."""
        return self.packets[round(second * streams.FPS)]

    def see(
        self, second: float, *, area: float = 0.1, is_moving: bool = True, zone: str = "drive"
    ) -> None:
        """Tell the story what is in the frame at `second`."""
        pts, mono_ns = self.packet_at(second).pts, self._began_ns + round(second * 1e9)
        frame = Frame(pts, mono_ns, np.zeros((24, 32), np.uint8), Plain(round(area * 200)))
        at = Moment(pts, mono_ns)
        self._since = (self._since or at) if is_moving else None
        seen = observation(at, self._since, area if is_moving else 0.0, zone)
        self.story.observe(seen, frame, self.stream)

    def move(self, first_s: float, last_s: float) -> None:
        """Show and see something that moves, frame by frame."""
        for frame in range(round(first_s * streams.FPS), round(last_s * streams.FPS)):
            self.show(frame / streams.FPS, (frame + 1) / streams.FPS)
            self.see(frame / streams.FPS)

    def rest(self, first_s: float, last_s: float) -> None:
        """Show and see nothing."""
        for frame in range(round(first_s * streams.FPS), round(last_s * streams.FPS)):
            self.show(frame / streams.FPS, (frame + 1) / streams.FPS)
            self.see(frame / streams.FPS, is_moving=False)

    def records(self) -> list[record.Record]:
        """The journal."""
        return records(self.outbox)

    def bodies(self) -> list[record.Body | None]:
        """What the journal's records say."""
        return [each.body for each in self.records()]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Until it holds."""
        wait_until(condition, 6 * TIMEOUT_S)

    def close_story(self) -> None:
        """End all threads."""
        self.story.stop()
        self.ring.close()
        assert self.story.close(TIMEOUT_S)

    def close(self) -> None:
        """End all threads and close the journal."""
        self.close_story()
        self.outbox.close()


def open_state(folder: Path, clock: Clock, lost: list[str]) -> tuple[Spool, Outbox]:
    """The spool and the journal of a node whose state is in `folder`."""
    spool = Spool(
        folder / "spool", quota_bytes=2**26, on_lost=lambda file: lost.append(file.path.name)
    )
    outbox = Outbox(
        folder / "journal.db", node="gate-3", key=keys.load_or_make(folder / "node.key"),
        clock=clock, stamp=lambda: ClockStamp("synced", clock.boot, clock.mono_ns(), 5),
        free=lambda name: spool.acknowledge(spool.folder / name),
    )  # fmt: skip
    return spool, outbox


def records(outbox: Outbox) -> list[record.Record]:
    """All that waits in a journal."""
    return [record.decode(pending.payload) for pending in outbox.pending(0, 1000)]


def observation(at: Moment, since: Moment | None, area: float, zone: str) -> Observation:
    """One region of that area that moves since then, or none."""
    region = Region(1, since or at, True, (0.4, 0.4, 0.2, 0.2), area, False, (zone,))
    regions = (region,) if area else ()
    return Observation(
        at, bool(area), bool(area), since, area, region.box if area else None,
        (zone,) if area else (), regions, area, 100.0, 1.0, True,
    )  # fmt: skip


def wait(is_done: Callable[[], bool], what: str) -> None:
    """Until another thread has done it; an error after TIMEOUT_S."""
    for _ in range(round(TIMEOUT_S / 0.02)):
        if is_done():
            return
        threading.Event().wait(0.02)
    raise AssertionError(f"not within {TIMEOUT_S:g} s: {what}")
