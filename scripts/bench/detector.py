"""Event scores of the detector over labelled recordings, and its cost beside OpenCV's MOG2."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402

from edge.contract.motion import MotionSettings  # noqa: E402
from edge.media.frame import Frame  # noqa: E402
from tests.footage.motion_replay import Replay, replay  # noqa: E402
from tests.harness.footage import Footage, find_footage  # noqa: E402

HEADER = (
    f"{'recording':24} {'wanted':>6} {'met':>4} {'events':>6} {'false':>5} {'onset s':>8} "
    f"{'confirm s':>9} {'frames':>6} {'ms/frame':>8} {'MOG2 ms':>8}"
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


def main() -> None:
    """Print one line a recording, and their sum."""
    cv2.setNumThreads(1)
    footage = Footage(Path(sys.argv[1])) if len(sys.argv) > 1 else find_footage()
    if footage is None or not footage.names:
        raise SystemExit("no recordings: name their folder")
    print(HEADER)
    wanted = met = false = frames = 0
    cpu_s = mog2_s = 0.0
    for name in footage.names:
        mog2 = Mog2()
        result = replay(footage.recording(name), MotionSettings(), mog2.look)
        print_line(name, result, mog2.cpu_ns / 1e9)
        wanted += len(result.wanted())
        met += len(result.wanted()) - len(result.missed())
        false += len(result.false())
        frames += result.frames
        cpu_s += result.detector_cpu_s
        mog2_s += mog2.cpu_ns / 1e9
    print(f"{'all':24} {wanted:6} {met:4} {'':6} {false:5} {'':8} {'':9} {frames:6} "
          f"{cpu_s / frames * 1e3:8.3f} {mog2_s / frames * 1e3:8.3f}")  # fmt: skip


def print_line(name: str, result: Replay, mog2_s: float) -> None:
    """One recording; the delays are medians over intervals that are met, from their first frame."""
    onsets, confirmations = [], []
    for interval in result.wanted():
        event = next((each for each in result.found if each.meets(interval)), None)
        if event is not None and event.first >= interval[0] - result.labels.fps:
            onsets.append((event.first - interval[0]) / result.labels.fps)
            confirmations.append((event.confirmed - interval[0]) / result.labels.fps)
    print(f"{name:24} {len(result.wanted()):6} {len(result.wanted()) - len(result.missed()):4} "
          f"{len(result.found):6} {len(result.false()):5} {median(onsets):>8} "
          f"{median(confirmations):>9} {result.frames:6} "
          f"{result.detector_cpu_s / result.frames * 1e3:8.3f} "
          f"{mog2_s / result.frames * 1e3:8.3f}")  # fmt: skip


def median(values: list[float]) -> str:
    """The median, or a dash."""
    return f"{statistics.median(values):.1f}" if values else "-"


if __name__ == "__main__":
    main()
