"""What the camera sends in these tests: a short H.264 film, made once, and what is seen in it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from edge.base.clock import FakeClock
from edge.camera.story import Story
from edge.config.camera import CameraSettings
from edge.contract.clips import ClipSettings
from edge.contract.motion import MotionSettings
from edge.gop.ring import PacketRing
from edge.media.frame import Frame
from edge.media.packet import Packet
from edge.motion.observation import Moment
from edge.mux.recorder import ClipRecorder
from tests.edge.camera.rig import Plain, observation
from tests.edge.mux import streams

CAMERA = "gate"
FPS = streams.FPS
FILM_S = 9.0
STEP_S = 0.001  # to wait for a packet; 0 would tell a recorder's reader that no more is wanted
BIT_RATE = "nal-hrd=cbr:bitrate=64:vbv-maxrate=64:vbv-bufsize=64:threads=1"  # kbit/s
SETTINGS = CameraSettings(
    name=CAMERA,
    source="rtsp://192.0.2.1/",
    motion=MotionSettings(min_frames=1, quiet_s=1.0),
    clips=ClipSettings(pre_roll_s=1.0, post_roll_s=1.0, max_length_s=5.0),
)


@functools.cache
def film(seconds: float) -> tuple[Packet, ...]:
    """That many seconds of a camera's packets; a keyframe each second. Fragments are many sectors
    long, since the camera fills up to its bit rate."""
    return tuple(streams.encode(times_s=streams.steady(seconds), x264=BIT_RATE))


class Stage:
    """Plays films to a story, on one thread: recorders are stepped, not started."""

    def __init__(self, clock: FakeClock, on_step: Callable[[], None]) -> None:
        """`on_step` is called when recorders have written and flushed what there was."""
        self.clock = clock
        self._on_step = on_step
        self.recorders: list[ClipRecorder] = []

    def play(self, story: Story, ring: PacketRing, *, seconds: float, moving: range) -> None:
        """Show the film; frames in `moving` have motion. Recorders run beside it."""
        began_ns = self.clock.mono_ns()
        since: Moment | None = None
        for number, packet in enumerate(film(seconds)):
            self.clock.advance(1 / FPS)
            packet.arrival_mono_ns = self.clock.mono_ns()
            ring.append(packet)
            at = Moment(packet.pts, began_ns + round(number / FPS * 1e9))
            since = (since or at) if number in moving else None
            area = 0.1 if number in moving else 0.0
            frame = Frame(at.pts, at.mono_ns, np.zeros((24, 32), np.uint8), Plain(number))
            story.observe(observation(at, since, area, "drive"), frame, packet.stream)
            self.step()

    def step(self) -> None:
        """Let each recorder take what there is."""
        for recorder in list(self.recorders):
            if not recorder.step(STEP_S):
                self.recorders.remove(recorder)
                recorder.end()
        self._on_step()


def pictures_in(path: Path) -> list[tuple[bytes, ...]]:
    """The NAL units of each picture of an MP4, as FFmpeg demuxes it; none where it finds no video.

    Raises av.FFmpegError.
    """
    with av.open(str(path)) as container:
        if not container.streams.video:
            return []
        packets = [bytes(each) for each in container.demux(video=0) if each.size]
    return [tuple(_units(each)) for each in packets]


def _units(sample: bytes) -> list[bytes]:
    units, at = [], 0
    while at + 4 <= len(sample):
        size = int.from_bytes(sample[at : at + 4], "big")
        units.append(sample[at + 4 : at + 4 + size])
        at += 4 + size
    return units


@functools.cache
def pictures_of(seconds: float) -> tuple[tuple[bytes, ...], ...]:
    """The same of what the camera sent."""
    return tuple(
        tuple(each for each in re.split(b"\0\0\0?\1", packet.data) if each)
        for packet in film(seconds)
    )


def is_cut_from(clip: list[tuple[bytes, ...]], seconds: float) -> bool:
    """Whether those pictures stand in the film, in a row and unchanged."""
    whole = pictures_of(seconds)
    starts = [at for at, picture in enumerate(whole) if clip and picture == clip[0]]
    return any(list(whole[at : at + len(clip)]) == clip for at in starts)
