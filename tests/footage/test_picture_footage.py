"""Frozen and black pictures in the labelled recordings: none of their own, all that are put in."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
import pytest

from edge.capture.decode import small_luma
from edge.media.frame import Luma
from edge.motion.picture import PictureCheck, State
from tests.harness.footage import Footage, Recording

pytestmark = pytest.mark.footage

LOOKS_A_S = 10
FAULTY = ("cdnet-office", "nest-walkers", "vtest", "street-day", "one-by-one-person-h265")
Look = tuple[float, Luma, int]


def looks(recording: Recording, seconds: float = 1e9) -> Iterator[Look]:
    """Time, luma and the keyframes so far of the frames that a node would look at."""
    keyframes, due_s = 0, 0.0
    with av.open(str(recording.path)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        for packet in container.demux(stream):
            keyframes += packet.is_keyframe
            for frame in packet.decode():
                at_s = float((frame.pts or 0) * stream.time_base)
                if at_s > seconds:
                    return
                if at_s >= due_s:
                    due_s = at_s + 0.9 / LOOKS_A_S
                    yield at_s, small_luma(frame, 320), keyframes


def states(frames: Iterator[Look]) -> list[tuple[float, State]]:
    """The changes of state."""
    check = PictureCheck()
    changes: list[tuple[float, State]] = []
    for at_s, luma, keyframes in frames:
        state = check.observe(luma, round(at_s * 1e9), keyframes)
        if not changes or changes[-1][1] != state:
            changes.append((at_s, state))
    return changes


def test_no_recording_is_frozen_or_black(footage: Footage) -> None:
    """No false alarm, and not by a hair: none stands still for even a quarter of the limit."""
    for name in footage.names:
        changes = states(looks(footage.recording(name)))
        assert {state for _, state in changes} <= {"live", "still"}, name
        ends = [at_s for at_s, _ in changes[1:]] + [changes[-1][0]]
        still_s = [end - at_s for (at_s, state), end in zip(changes, ends, strict=True)
                   if state == "still"]  # fmt: skip
        assert max(still_s, default=0) < 7.5, name


def with_fault(frames: Iterator[Look], fault: str, after_s: float) -> Iterator[Look]:
    """The recording, and from `after_s` on a minute of its last picture or of a covered lens."""
    last: Look | None = None
    for at_s, luma, keyframes in frames:
        if at_s > after_s:
            break
        last = at_s, luma, keyframes
        yield last
    assert last is not None
    at_s, luma, keyframes = last
    rng = np.random.default_rng(3)
    for number in range(1, 60 * LOOKS_A_S):
        later_s = at_s + number / LOOKS_A_S
        if fault == "black":
            dark = np.clip(16 + rng.normal(0, 1, luma.shape), 0, 255)
            luma = dark.astype(np.uint8)
        yield later_s, luma, keyframes + number // 20


@pytest.mark.parametrize("fault", ["frozen", "black"])
@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_put_into_a_recording_is_found(footage: Footage, name: str, fault: str) -> None:
    """With its cause, within half a minute, and dated back to within a second."""
    changes = states(with_fault(looks(footage.recording(name), 12), fault, 10))
    assert changes[-1][1] == fault
    suspected_s = changes[-2][0]
    assert 10 - 2.5 <= suspected_s <= 11
    assert changes[-1][0] - suspected_s <= 31
