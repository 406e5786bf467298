"""Traces of the labelled recordings, judged anew, against a new run on the pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from edge.contract.motion import MotionSettings, Polygon
from edge.media.frame import Frame, Picture
from edge.motion.activity import Activity, Ended
from edge.motion.detector import Detector
from edge.motion.sketch import layers_of
from edge.trace import lines
from edge.trace.lines import Line
from edge.trace.packing import Bytes
from edge.trace.rerun import Rerun
from tests.footage.motion_replay import analysed_frames
from tests.harness.footage import find_footage

pytestmark = [pytest.mark.footage, pytest.mark.xdist_group("traces")]
FOOTAGE = find_footage()
RECORDINGS = ("nest-atv", "nest-bicycle", "cdnet-office", "waving-tree")
OWN = MotionSettings()
LEFT = Polygon(((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
Interval = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Watched:
    """One recording as a node saw it, and what it kept."""

    frames: tuple[Frame, ...]
    trace: tuple[Line, ...]

    def on_pixels(self, settings: MotionSettings) -> list[Interval]:
        """Events of a new run."""
        detector, activity = Detector(settings), Activity(settings.min_frames, settings.quiet_s)
        turns = [activity.observe(detector.observe(frame)) for frame in self.frames]
        ended = [each.event for each in (*turns, activity.finish()) if isinstance(each, Ended)]
        return [(each.started.mono_ns, each.last.mono_ns) for each in ended]

    def on_trace(self, settings: MotionSettings) -> list[Interval]:
        """Events of a re-run."""
        height, width = self.frames[0].luma.shape
        rerun = Rerun(settings, width=width, height=height, layers=layers_of(OWN))
        for line in self.trace:
            rerun.take(line)
        rerun.finish()
        return [(each.started_ns, each.last_ns) for each in rerun.found]


@pytest.fixture(scope="module", params=RECORDINGS)
def watched(request: pytest.FixtureRequest) -> Watched:
    """A recording, watched with the default settings; its trace went through the format."""
    if FOOTAGE is None or request.param not in FOOTAGE.names:
        pytest.skip("needs the labelled recordings")
    detector = Detector(OWN, draws=True)
    frames, encoded, before_ns = [], bytearray(), 0
    for _, frame in analysed_frames(FOOTAGE.recording(request.param), OWN.analysis_fps):
        frames.append(dataclasses.replace(frame, pixels=NoPixels()))
        detector.observe(frame)
        assert detector.look is not None
        encoded += lines.encode(detector.look, before_ns)
        before_ns = detector.look.mono_ns
    return Watched(tuple(frames), tuple(decoded(bytes(encoded))))


class NoPixels:
    """Nobody asks for the full picture."""

    width = height = 0

    def to_bgr(self, max_width: int) -> Picture:
        """Never."""
        raise AssertionError(max_width)


def decoded(data: bytes) -> Iterator[Line]:
    """The lines of a chunk."""
    reader, before_ns = Bytes(data), 0
    while not reader.is_at_end:
        line = lines.decode(reader, before_ns)
        before_ns = line.mono_ns
        yield line


def differing(one: list[Interval], other: list[Interval]) -> list[Interval]:
    """Events of one that no event of the other meets."""
    return [a for a in one if not any(a[0] <= b[1] and b[0] <= a[1] for b in other)]


def test_a_trace_judged_by_the_settings_that_ran_gives_the_events_that_were(
    watched: Watched,
) -> None:
    """What a re-run says of the past can be believed only if it finds what happened."""
    there, here = watched.on_pixels(OWN), watched.on_trace(OWN)
    assert not differing(there, here)
    assert not differing(here, there)
    for (first, last), (own_first, own_last) in zip(there, here, strict=True):
        assert abs(first - own_first) < 10**9
        assert abs(last - own_last) < 2 * 10**9


@pytest.mark.parametrize(
    "change", [{"sensitivity": 3}, {"sensitivity": 7}, {"min_area": 0.003}, {"min_frames": 8}]
)
def test_other_settings_give_nearly_the_events_that_pixels_would(
    watched: Watched, change: dict[str, float]
) -> None:
    """Of four recordings none may lose an event against a new run on its pixels."""
    settings = dataclasses.replace(OWN, **change)  # type: ignore[arg-type]
    assert not differing(watched.on_pixels(settings), watched.on_trace(settings))


def test_a_mask_over_all_that_moves_leaves_nothing(watched: Watched) -> None:
    """Masks are tried without pixels."""
    whole = Polygon(((0, 0), (1, 0), (1, 1), (0, 1)))
    assert watched.on_trace(dataclasses.replace(OWN, masks=(whole,))) == []
