"""Frozen and black pictures in the labelled recordings: none of their own, all that are put in."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
import pytest

from edge.capture.decode import small_luma
from edge.media.frame import Luma
from edge.motion.picture import PictureCheck, State
from tests.footage.plays import LONGEST, by_recording
from tests.harness.footage import Footage, Recording, find_footage

pytestmark = pytest.mark.footage

FOOTAGE = find_footage()
NAMES = FOOTAGE.names if FOOTAGE else []
LOOKS_A_S = 10
FAULTY = ("cdnet-office", "nest-walkers", "vtest", "street-day", "one-by-one-person-h265")
GOP_LOOKS = 20
Look = tuple[float, Luma, bool]
Changes = list[tuple[float, State]]


def looks(recording: Recording, seconds: float = 1e9) -> Iterator[Look]:
    """Time and luma of the frames that a node would look at, and whether each is a keyframe."""
    due_s = 0.0
    with av.open(str(recording.path)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        for frame in container.decode(stream):
            at_s = float((frame.pts or 0) * stream.time_base)
            if at_s > seconds:
                return
            if at_s >= due_s or frame.key_frame:
                due_s = at_s + 0.9 / LOOKS_A_S
                yield at_s, small_luma(frame, 320), frame.key_frame


def judge(frames: Iterator[Look]) -> Changes:
    """The changes of state."""
    check = PictureCheck()
    changes: Changes = []
    for at_s, luma, is_keyframe in frames:
        state = check.observe(luma, round(at_s * 1e9), is_keyframe=is_keyframe)
        if not changes or changes[-1][1] != state:
            changes.append((at_s, state))
    return changes


@by_recording("pictures", NAMES, slow=LONGEST)
def test_no_recording_is_frozen_or_black(footage: Footage, name: str) -> None:
    """No false alarm, and not by a hair: each keyframe of each recording proves life."""
    check = PictureCheck()
    for at_s, luma, is_keyframe in looks(footage.recording(name)):
        state = check.observe(luma, round(at_s * 1e9), is_keyframe=is_keyframe)
        assert state == ("live" if is_keyframe else "unproven"), f"{name} at {at_s:.1f} s"


def with_fault(frames: Iterator[Look], fault: str, after_s: float) -> Iterator[Look]:
    """The recording, and from `after_s` on a minute of its last picture or of a covered lens."""
    last: Look | None = None
    for last in frames:
        if last[0] > after_s:
            break
        yield last
    assert last is not None
    at_s, luma, _ = last
    rng = np.random.default_rng(3)
    for number in range(1, 60 * LOOKS_A_S):
        if fault == "black":
            luma = np.clip(16 + rng.normal(0, 1, luma.shape), 0, 255).astype(np.uint8)
        yield at_s + number / LOOKS_A_S, luma, number % GOP_LOOKS == 0


@pytest.mark.parametrize("fault", ["frozen", "black"])
@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_put_into_a_recording_is_found(footage: Footage, name: str, fault: str) -> None:
    """With its cause, within half a minute, and nothing more than a GOP after it counts as live."""
    changes = judge(with_fault(looks(footage.recording(name), 12), fault, 10))
    assert changes[-1][1] == fault
    live_s = max(at_s for at_s, state in changes if state == "live")
    assert live_s <= 10 + GOP_LOOKS / LOOKS_A_S + 0.2
    assert changes[-1][0] <= 10 + 30 + 2 * GOP_LOOKS / LOOKS_A_S
