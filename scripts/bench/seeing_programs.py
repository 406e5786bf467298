"""DVR-Scan and Debian's Motion themselves, on a recording's file.

DVR-Scan scans the file, faster than it plays. Motion takes it as a camera (`netcam_url file://`)
and plays it at its own pace, so a run takes as long as the recording. What is changed from their
defaults is said beside it: only what is reported, not what is seen.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from scripts.bench.seeing_events import QUIET_S, Found, Runs
from scripts.bench.seeing_footage import Span

DVR_SCAN, MOTION = "dvr-scan", "motion"
POST_S = 0.1  # DVR-Scan's shortest time after an event; its own merging is undone by ours
TELL_S = 0.1  # its min-event-length: so much motion before an event is known
STARTED, ENDED = "Camera source is", "av_read_frame: End of file"  # in Motion's log
START_LIMIT_S, END_LIMIT_S = 20.0, 30.0
POLL_S = 0.02

# The picture settings are Debian's /etc/motion/motion.conf; event_gap is ours, nothing is stored.
MOTION_FILE = """\
daemon off
netcam_url file://{path}
width 640
height 480
framerate 15
threshold {threshold:.0f}
despeckle_filter EedDl
minimum_motion_frames 1
event_gap {quiet:.0f}
movie_output off
picture_output off
webcontrol_port 0
stream_port 0
target_dir {folder}
log_level 7
log_file {folder}/log
on_motion_detected {folder}/mark
"""


class ProgramError(Exception):
    """A program that takes part failed; its last words are in the text."""


def missing(name: str) -> bool:
    """Whether `dvr-scan` or `motion` is not installed here."""
    return shutil.which(name) is None


def run(name: str, setting: float, path: Path, length_s: float) -> tuple[Found, ...]:
    """Its events on one recording. Blocks for as long as it takes. Raises ProgramError."""
    if name == DVR_SCAN:
        return scan(path, setting, length_s)
    with tempfile.TemporaryDirectory(prefix="camwatch-seeing-") as folder:
        return play(path, setting, length_s, Path(folder))


def scan(path: Path, threshold: float, length_s: float) -> tuple[Found, ...]:
    """DVR-Scan's events. Raises ProgramError."""
    done = subprocess.run(
        [DVR_SCAN, "--ignore-user-config", "-i", str(path), "--scan-only", "--quiet",
         "-t", str(threshold), "-tb", "0", "-tp", f"{POST_S}s"],
        capture_output=True, text=True, check=False, timeout=60 + 10 * length_s,
    )  # fmt: skip
    if done.returncode:
        raise ProgramError(f"dvr-scan on {path.name}: {done.stderr.strip()[-400:]}")
    return merged(timecodes(done.stdout), length_s)


def timecodes(text: str) -> list[Span]:
    """The stretches in DVR-Scan's comma-separated list: start, end, start, end, as H:M:S."""
    words = text.strip().split(",") if text.strip() else []
    seconds = [
        sum(float(part) * 60**power for power, part in enumerate(reversed(word.split(":"))))
        for word in words
    ]
    return [
        Span(first_s, last_s) for first_s, last_s in zip(seconds[::2], seconds[1::2], strict=True)
    ]


def merged(stretches: Iterable[Span], length_s: float) -> tuple[Found, ...]:
    """Events of stretches of motion that lie less than the quiet time apart."""
    found: list[Found] = []
    for each in stretches:
        last_s = min(max(each.first_s, each.last_s - POST_S), length_s)
        before = found[-1] if found else None
        if before is not None and each.first_s - before.span.last_s < QUIET_S:
            found[-1] = Found(Span(before.span.first_s, last_s), before.told_s)
        else:
            found.append(Found(Span(each.first_s, last_s), each.first_s + TELL_S))
    return tuple(found)


def play(path: Path, threshold: float, length_s: float, folder: Path) -> tuple[Found, ...]:
    """Motion's events, in real time. Raises ProgramError."""
    mark, marks, log = folder / "mark", folder / "marks", folder / "log"
    mark.write_text(f"#!/bin/sh\ndate +%s.%N >> {marks}\n", encoding="utf-8")
    mark.chmod(0o700)
    settings = folder / "motion.conf"
    text = MOTION_FILE.format(
        path=path.resolve(), threshold=threshold, quiet=QUIET_S, folder=folder
    )
    settings.write_text(text, encoding="utf-8")
    with subprocess.Popen(
        [MOTION, "-n", "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as motion:
        try:
            started_s = _wait_for(STARTED, log, motion, START_LIMIT_S)
            ended_s = _wait_for(ENDED, log, motion, length_s + END_LIMIT_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(motion.pid, 15)
    runs = Runs()
    for at_s in sorted(float(each) for each in marks.read_text().split()) if marks.exists() else ():
        if started_s <= at_s <= ended_s:
            runs.take(at_s - started_s, has_motion=True)
    return runs.finish()


def _wait_for(words: str, log: Path, motion: subprocess.Popen[bytes], limit_s: float) -> float:
    """When, by time.time(), the words stood in the log."""
    until_s = time.monotonic() + limit_s
    while time.monotonic() < until_s:
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        if words in text:
            return time.time()
        if motion.poll() is not None:
            break
        time.sleep(POLL_S)
    raise ProgramError(f"motion did not say {words!r}: {text[-400:]}")
