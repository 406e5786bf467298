"""Events with the gate and without it, per recording and kind of stream.

What the gate adds counts like what it loses, and alarms are those of `seeing_score`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402

from edge.contract.motion import MotionSettings  # noqa: E402
from scripts.bench.seeing_footage import Known, known  # noqa: E402
from tests.footage.gate_replay import Viewed, view  # noqa: E402
from tests.harness.footage import Footage, find_footage  # noqa: E402

AS_IT_IS = "as recorded"
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-g", "30", "-bf", "0")
CAPPED = ("-maxrate", "1100k", "-bufsize", "2200k")
LATE_S = 0.125  # one analysed frame: at 25 a second, every third is looked at
MAX_S = 240  # of each recording that is coded anew
RECODED = ("cdnet-office", "one-by-one-person", "street-day")

# How cameras code: FFmpeg's options for each. Filler and B pyramids by x264's own parameters.
KINDS: dict[str, tuple[str, ...]] = {
    "capped VBR": (*X264, "-crf", "23", *CAPPED),
    "CRF 28": (*X264, "-crf", "28"),
    "CBR, filler": (
        *X264, "-b:v", "1000k", "-minrate", "1000k", "-maxrate", "1000k", "-bufsize", "1000k",
        "-x264-params", "nal-hrd=cbr:filler=1",
    ),
    "CBR, no filler": (
        *X264, "-b:v", "1000k", "-minrate", "1000k", "-maxrate", "1000k", "-bufsize", "1000k",
    ),
    "B pyramid": (
        "-c:v", "libx264", "-preset", "veryfast", "-g", "60", "-bf", "3", "-crf", "23",
        "-x264-params", "b-pyramid=normal",
    ),
    "GOP of 10 s": ("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency",
                    "-g", "150", "-keyint_min", "150", "-sc_threshold", "0", "-crf", "25"),
    "intra refresh": (*X264, "-crf", "25", "-x264-params", "intra-refresh=1"),
    "VFR": (*X264, "-crf", "25", "-vf", "mpdecimate=max=7", "-fps_mode", "vfr"),
    "several slices": (*X264, "-crf", "25", "-slices", "4"),
    "H.265": ("-c:v", "libx265", "-preset", "ultrafast", "-tune", "zerolatency", "-crf", "26",
              "-x265-params", "keyint=30:bframes=0:log-level=error"),
    "Motion JPEG": ("-c:v", "mjpeg", "-q:v", "5"),
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One recording in one coding, without the gate and with it."""

    name: str
    all: Viewed
    auto: Viewed
    known: Known | None
    """Its labels, if it has any."""

    @property
    def lost(self) -> int:
        """Events of full decoding that the gate cost."""
        return len(self.auto.lost(self.all.events))

    @property
    def late_s(self) -> float:
        """How late the latest onset is, against full decoding."""
        return max([0.0, *self.auto.late_s(self.all.events)])

    @property
    def added(self) -> int:
        """Events that full decoding has not."""
        return len(self.auto.added(self.all.events))

    @property
    def beyond_s(self) -> float:
        """The longest stretch of an event that is none of full decoding's."""
        return max([0.0, *self.auto.beyond_s(self.all.events)])

    @property
    def alarms(self) -> int:
        """False alarms and overruns by the labels."""
        return self.auto.tally(self.known).alarms if self.known else 0

    @property
    def is_good(self) -> bool:
        """Nothing lost, nothing late by more than one analysed frame; and nothing added."""
        is_kept = self.lost == 0 and self.late_s <= LATE_S
        return is_kept and self.added == 0 and self.beyond_s <= LATE_S and self.alarms == 0


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line a recording and kind; 0 when nothing was lost, late or added."""
    parser = argparse.ArgumentParser(prog="scripts/bench/gate")
    parser.add_argument("--only", help="one recording")
    parser.add_argument("--kind", choices=[AS_IT_IS, *KINDS], help="one way of coding")
    arguments = parser.parse_args(argv)
    cv2.setNumThreads(1)
    footage = find_footage()
    if footage is None:
        raise SystemExit("no recordings: set CAMWATCH_FOOTAGE to their folder")
    print(f"{'kind':15} {'recording':23} {'events':>6} {'lost':>4} {'late s':>6} "
          f"{'added':>5} {'beyond s':>8} {'alarms':>6} {'decoded':>7} "
          f"{'ms/s':>6} {'all ms/s':>8} {'openings':>8} {'false':>5} {'missed':>6}  mode"
    )  # fmt: skip
    kinds = [arguments.kind] if arguments.kind else [AS_IT_IS, *KINDS]
    are_good = [
        report(kind, line) for kind in kinds for line in lines(footage, kind, arguments.only)
    ]
    bad = are_good.count(False)
    print("Aim: nothing lost or added, nothing later or longer by more than one analysed frame, "
          "no false alarm: "
          f"{'reached' if not bad else f'missed in {bad} of {len(are_good)} lines'}")  # fmt: skip
    return 0 if not bad else 1


def lines(footage: Footage, kind: str, only: str | None) -> list[Line]:
    """Each recording of one kind, viewed both ways."""
    names = footage.names if kind == AS_IT_IS else [n for n in RECODED if n in footage.names]
    if only:
        names = [each for each in names if each == only]
    with tempfile.TemporaryDirectory(prefix="camwatch-gate-") as folder:
        result = []
        for name in names:
            recording = footage.recording(name)
            path, is_labelled = recording.path, recording.labels.motion is not None
            if kind != AS_IT_IS:
                path = recode(path, KINDS[kind], Path(folder) / f"{name}.mkv")
            result.append(
                Line(
                    name,
                    view(path, MotionSettings(decode="all")),
                    view(path, MotionSettings(decode="auto")),
                    known(footage, frozenset({name}))[0] if is_labelled else None,
                )
            )
        return result


def recode(path: Path, options: Sequence[str], target: Path) -> Path:
    """Code the first MAX_S of a recording anew, its pictures' times kept."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-t", str(MAX_S), "-i", str(path), "-an", "-pix_fmt",
         "yuv420p", "-fps_mode", "passthrough", *options, str(target)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return target


def report(kind: str, line: Line) -> bool:
    """Print one line; whether the aim is met."""
    counts, modes = line.auto.counts, Counter(line.auto.modes)
    shares = ", ".join(
        f"{mode} {count / max(1, counts.packets):.0%}" for mode, count in modes.most_common()
    )
    per_s = 1e3 / max(1e-9, line.auto.seconds)
    print(f"{kind:15} {line.name:23} {len(line.all.events):6} {line.lost:4} {line.late_s:6.2f} "
          f"{line.added:5} {line.beyond_s:8.2f} {line.alarms:6} "
          f"{line.auto.share:7.2f} {line.auto.cpu_s * per_s:6.1f} {line.all.cpu_s * per_s:8.1f} "
          f"{counts.openings:8} {counts.false:5} {counts.missed:6}  {shares}",
          flush=True)  # fmt: skip
    return line.is_good


if __name__ == "__main__":
    sys.exit(main())
