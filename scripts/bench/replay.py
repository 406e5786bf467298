"""Traces against pixels: size, cost, agreement and speed, over the labelled recordings.

Each recording is watched once with the default settings, every analysed frame, and its trace goes
through the file format. Then each other choice of settings is run on the pixels anew and on the
trace, and their events are held against each other.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import cv2

from edge.contract.motion import MotionSettings, Polygon
from edge.media.frame import Frame, Picture
from edge.motion.activity import Activity, Ended
from edge.motion.detector import Detector
from edge.motion.look import Look
from edge.motion.sketch import layers_of
from edge.trace import segment
from edge.trace.segment import Chunk, Head
from edge.trace.tape import Tape
from tests.footage.motion_replay import analysed_frames
from tests.harness.footage import Footage, Recording, find_footage

OWN = MotionSettings()
CHUNK_LINES = 600  # a minute of full analysis
STEP_S = 0.1  # in which the time that events cover is compared
Span = tuple[float, float]
TRIED: dict[str, MotionSettings] = {
    "as it ran": OWN,
    **{f"sensitivity {n}": MotionSettings(sensitivity=n) for n in range(1, 11) if n != 5},
    "min_area 0.001": MotionSettings(min_area=0.001),
    "min_area 0.003": MotionSettings(min_area=0.003),
    "min_frames 8": MotionSettings(min_frames=8),
    "quiet 2 s": MotionSettings(quiet_s=2.0),
    "left half masked": MotionSettings(masks=(Polygon(((0, 0), (0.5, 0), (0.5, 1), (0, 1))),)),
    "lower half masked": MotionSettings(masks=(Polygon(((0, 0.5), (1, 0.5), (1, 1), (0, 1))),)),
}


@dataclass
class Sum:
    """Agreement over recordings, for one choice of settings."""

    events: int = 0
    met: int = 0
    extra: int = 0
    both: int = 0
    either: int = 0
    media_s: float = 0.0
    cpu_s: float = 0.0

    def add(self, pixels: Sequence[Span], trace: Sequence[Span]) -> None:
        """One recording's events."""
        self.events += len(pixels)
        self.met += sum(any(_meet(each, other) for other in trace) for each in pixels)
        self.extra += sum(not any(_meet(each, other) for other in pixels) for each in trace)
        one, other = _covered(pixels), _covered(trace)
        self.both += len(one & other)
        self.either += len(one | other)


@dataclass
class Traced:
    """What one recording's trace took."""

    frames: list[Frame] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    draw_s: float = 0.0
    plain_s: float = 0.0


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables."""
    arguments = _parser().parse_args(argv)
    footage = Footage(arguments.footage) if arguments.footage else find_footage()
    if footage is None or not footage.names:
        print("scripts/bench/replay: no recordings; name their folder", file=sys.stderr)
        return 1
    cv2.setNumThreads(1)
    sums = {name: Sum() for name in TRIED}
    print(f"{'recording':26} {'frames':>6} {'bytes a frame':>13} {'ms a frame':>10} {'drawing':>8}")
    for name in arguments.only or footage.names:
        one_recording(footage.recording(name), sums)
    print_sums(sums)
    if arguments.csv:
        write_csv(arguments.csv, sums)
    return 0


def one_recording(recording: Recording, sums: dict[str, Sum]) -> None:
    """Trace it, print what that took, and compare all settings."""
    traced = watch(recording)
    height, width = traced.frames[0].luma.shape
    data = b"".join(chunks(traced.looks, width, height))
    count = len(traced.frames)
    print(
        f"{recording.name:26} {count:6} {len(data) / count:13.1f}"
        f" {traced.plain_s / count * 1e3:10.3f} {traced.draw_s / count * 1e3:8.3f}",
        flush=True,
    )
    media_s = (traced.frames[-1].mono_ns - traced.frames[0].mono_ns) / 1e9
    for name, settings in TRIED.items():
        pixels = on_pixels(traced.frames, settings)
        before_s = time.thread_time()
        trace = on_trace(data, settings)
        sums[name].cpu_s += time.thread_time() - before_s
        sums[name].media_s += media_s
        sums[name].add(pixels, trace)


def watch(recording: Recording) -> Traced:
    """Every analysed frame by the default settings, with and without drawing."""
    traced = Traced()
    drawing, plain = Detector(OWN, draws=True), Detector(OWN)
    for _, frame in analysed_frames(recording, OWN.analysis_fps):
        before_s = time.thread_time()
        plain.observe(frame)
        between_s = time.thread_time()
        drawing.observe(frame)
        traced.plain_s += between_s - before_s
        traced.draw_s += time.thread_time() - between_s - (between_s - before_s)
        assert drawing.look is not None
        traced.looks.append(drawing.look)
        traced.frames.append(dataclasses.replace(frame, pixels=_Nothing()))
    return traced


class _Nothing:
    """In place of the full pixels, which would take gigabytes."""

    width = height = 0

    def to_bgr(self, max_width: int) -> Picture:
        """Nobody asks."""
        raise AssertionError(max_width)


def chunks(looks: Sequence[Look], width: int, height: int) -> Iterator[bytes]:
    """The trace as a node would write it."""
    head = Head(
        node="bench", camera="bench", boot="0" * 32, mono_ns=looks[-1].mono_ns,
        utc=datetime(2026, 1, 1, tzinfo=UTC), clock="synced", width=width, height=height,
        layers=layers_of(OWN), motion=OWN, version="bench",
    )  # fmt: skip
    for first in range(0, len(looks), CHUNK_LINES):
        yield segment.encode(head, looks[first : first + CHUNK_LINES])


def on_pixels(frames: Sequence[Frame], settings: MotionSettings) -> list[Span]:
    """Events of a new run."""
    detector, activity = Detector(settings), Activity(settings.min_frames, settings.quiet_s)
    turns = [activity.observe(detector.observe(frame)) for frame in frames]
    ended = [each.event for each in (*turns, activity.finish()) if isinstance(each, Ended)]
    return [(each.started.mono_ns / 1e9, each.last.mono_ns / 1e9) for each in ended]


def on_trace(data: bytes, settings: MotionSettings) -> list[Span]:
    """Events of a re-run, reading the bytes included."""
    tape = Tape("bench", "bench")
    tape.chunks = [each for each in segment.read(data) if isinstance(each, Chunk)]
    tape.sort()
    found = tape.rerun(lambda _: settings)
    return [(each.started_ns / 1e9, each.last_ns / 1e9) for each in found]


def print_sums(sums: dict[str, Sum]) -> None:
    """A line for each choice of settings."""
    titles = ("events", "met", "extra", "time", "times real time")
    print(
        f"\n{'settings':20} {titles[0]:>6} {titles[1]:>5} {titles[2]:>5} {titles[3]:>6} {titles[4]}"
    )
    for name, each in sums.items():
        share = each.both / each.either if each.either else 1.0
        print(
            f"{name:20} {each.events:6} {each.met:5} {each.extra:5} {share:6.3f}"
            f" {each.media_s / max(1e-9, each.cpu_s):15.0f}"
        )


def write_csv(path: Path, sums: dict[str, Sum]) -> None:
    """The same as a file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["settings", *(each.name for each in dataclasses.fields(Sum))])
        for name, each in sums.items():
            writer.writerow([name, *dataclasses.astuple(each)])


def _meet(one: Span, other: Span) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _covered(spans: Sequence[Span]) -> set[int]:
    return {
        step for first, last in spans for step in range(int(first / STEP_S), int(last / STEP_S) + 1)
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench/replay")
    parser.add_argument("--footage", type=Path, help="folder of recordings (default: the known)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these recordings")
    parser.add_argument("--csv", type=Path, help="write the second table there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
