"""Event scores of the detector over labelled recordings, and its cost beside OpenCV's MOG2.

Its cost is given without the drawing of traces and with it, as it is by default.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402

from edge.contract.motion import MotionSettings  # noqa: E402
from edge.media.frame import Frame  # noqa: E402
from edge.motion.detector import Detector  # noqa: E402
from tests.footage.motion_replay import Replay, replay, tally  # noqa: E402
from tests.harness.footage import Footage, find_footage  # noqa: E402

HEADER = (
    f"{'recording':24} {'wanted':>6} {'met':>4} {'events':>6} {'alarms':>6} {'onset s':>8} "
    f"{'confirm s':>9} {'frames':>6} {'ms/frame':>8} {'drawn ms':>8} {'MOG2 ms':>8}"
)


class Mog2:
    """The same frames through MOG2 with its defaults, timed."""

    def __init__(self) -> None:
        self._model = cv2.createBackgroundSubtractorMOG2()
        self.cpu_ns = 0

    def look(self, frame: Frame) -> None:
        """Apply it to one frame's luma."""
        before_ns = time.thread_time_ns()
        self._model.apply(frame.luma)
        self.cpu_ns += time.thread_time_ns() - before_ns


class Drawing:
    """The same frames through a detector that draws them for a trace, timed."""

    def __init__(self) -> None:
        self._detector = Detector(MotionSettings(), draws=True)
        self.cpu_ns = 0

    def look(self, frame: Frame) -> None:
        """Observe one frame, and draw it."""
        before_ns = time.thread_time_ns()
        self._detector.observe(frame)
        self.cpu_ns += time.thread_time_ns() - before_ns


def main() -> None:
    """Print one line a recording, and their sum."""
    cv2.setNumThreads(1)
    footage = Footage(Path(sys.argv[1])) if len(sys.argv) > 1 else find_footage()
    if footage is None or not footage.names:
        raise SystemExit("no recordings: name their folder")
    print(HEADER)
    wanted = met = alarms = frames = 0
    sums_s = [0.0, 0.0, 0.0]
    for name in footage.names:
        drawing, mog2 = Drawing(), Mog2()

        def also(frame: Frame, drawing: Drawing = drawing, mog2: Mog2 = mog2) -> None:
            drawing.look(frame)
            mog2.look(frame)

        result = replay(footage.recording(name), MotionSettings(), also)
        is_labelled = result.labels.motion is not None
        raised = tally(footage, name, result).alarms if is_labelled else 0
        costs_s = (result.detector_cpu_s, drawing.cpu_ns / 1e9, mog2.cpu_ns / 1e9)
        print_line(name, result, raised, costs_s)
        wanted += len(result.wanted())
        met += len(result.wanted()) - len(result.missed())
        alarms += raised
        frames += result.frames
        sums_s = [one + other for one, other in zip(sums_s, costs_s, strict=True)]
    print(f"{'all':24} {wanted:6} {met:4} {'':6} {alarms:6} {'':8} {'':9} "
          f"{per_frame(sums_s, frames)}")  # fmt: skip


def print_line(name: str, result: Replay, alarms: int, costs_s: Sequence[float]) -> None:
    """One recording; the delays are medians over intervals that are met, from their first frame."""
    onsets, confirmations = [], []
    for interval in result.wanted():
        event = next((each for each in result.found if each.meets(interval)), None)
        if event is not None and event.first >= interval[0] - result.labels.fps:
            onsets.append((event.first - interval[0]) / result.labels.fps)
            confirmations.append((event.confirmed - interval[0]) / result.labels.fps)
    print(f"{name:24} {len(result.wanted()):6} {len(result.wanted()) - len(result.missed()):4} "
          f"{len(result.found):6} {alarms:6} {median(onsets):>8} "
          f"{median(confirmations):>9} {per_frame(costs_s, result.frames)}",
          flush=True)  # fmt: skip


def per_frame(costs_s: Sequence[float], frames: int) -> str:
    """How many frames, and milliseconds of each cost for one of them."""
    return f"{frames:6} " + " ".join(f"{each / frames * 1e3:8.3f}" for each in costs_s)


def median(values: list[float]) -> str:
    """The median, or a dash."""
    return f"{statistics.median(values):.1f}" if values else "-"


if __name__ == "__main__":
    main()
