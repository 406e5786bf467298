"""From the frame in which motion starts to `event.started` at an MQTT subscriber.

The start of motion is the first frame in which any part of somebody is in the picture, by the
schedule that the street is drawn from. A frame's time is when its first RTP packet left the
camera, seen by a tap in the line. For each event the way is split: until what the record calls
`started`, until the frame that confirmed it, until the record was written, until the subscriber
had it.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
from av.codec.context import Flags

from edge.capture import street_schedule
from edge.capture.street import Street
from edge.contract import record
from scripts.bench import parties
from scripts.bench.rtp_tap import RtpTap, fingerprint
from tests.harness import nal
from tests.harness.broker import OBSERVER
from tests.harness.processes import NodeProcess
from tests.harness.rtsp_camera import CameraStream, RtspCamera
from tests.harness.traffic import Message, Traffic

FPS, GOP = 15, 30
SEED = 1
GAPS_S = (7.0, 10.0)  # shorter than the demo's, and longer than the default quiet time of 5 s
ONSETS, QUICK_ONSETS = 24, 6
TAIL_S = 3.0
AIM_S = 1.0
SLICES = (1, 5)  # NAL unit types of pictures, H.264 table 7-1
SLACK_S = 0.3  # between the node's estimate of a frame's time and ours


@dataclass(frozen=True)
class Onset:
    """One crossing: what, and its first and last frame."""

    kind: str
    first: int
    last: int


@dataclass(frozen=True)
class Told:
    """One `event.started`, all on `time.monotonic`."""

    started_s: float
    confirmed_s: float
    written_s: float
    seen_s: float


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when no onset was missed and the aim was reached."""
    parser = argparse.ArgumentParser(prog="scripts/bench/latency")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ONSETS} onsets")
    arguments = parser.parse_args(argv)
    count = QUICK_ONSETS if arguments.quick else ONSETS
    street_schedule.GAP_S = GAPS_S
    with tempfile.TemporaryDirectory(prefix="camwatch-latency-") as folder:
        path = Path(folder) / "street.mp4"
        onsets = film(path, count)
        tap, told = play(Path(folder), path, onsets)
    return report(onsets, tap, told)


def film(path: Path, count: int) -> list[Onset]:
    """Draw and encode the street up to the end of crossing number `count`."""
    street = Street(fps=FPS, seed=SEED)
    frames = FPS * 60
    while len(street.intervals(frames)) <= count:
        frames += FPS * 10
    intervals = street.intervals(frames)[:count]
    frames = intervals[-1][1] + round(TAIL_S * FPS)
    print(f"Filming {frames / FPS:.0f} s of street with {count} crossings ...", flush=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = street.width, street.height, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = GOP, 0
        stream.codec_context.flags |= Flags.global_header
        stream.options = {
            "preset": "ultrafast", "tune": "zerolatency", "crf": "26",
            "x264-params": f"keyint={GOP}:min-keyint={GOP}:scenecut=0",
        }  # fmt: skip
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(street.frame(number), format="yuv420p")
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return [Onset(street.truth(first)[0].kind, first, last) for first, last in intervals]


def fingerprints(path: Path) -> dict[bytes, int]:
    """The number of each frame by what an RTP client knows it by."""
    return {
        fingerprint(unit): number
        for number, packet in enumerate(nal.read_file(path))
        for unit in packet.units
        if unit[0] & 0x1F in SLICES
    }


def play(folder: Path, path: Path, onsets: list[Onset]) -> tuple[RtpTap, list[Told]]:
    """Show the film once to a node; when its frames were sent, and what the node told."""
    with contextlib.ExitStack() as stack:
        broker, _, enrolment = parties.start_hub(stack, folder)
        camera = RtspCamera({"/main": CameraStream(path)}, folder)
        stack.callback(camera.stop)
        camera.start()
        tap = RtpTap(camera.port, fingerprints(path))
        stack.callback(tap.close)
        source = camera.url().replace(f":{camera.port}/", f":{tap.port}/")
        cameras = [{"name": "street", "source": source}]
        node = NodeProcess(parties.NODE, folder / "node", enrolment, cameras)
        stack.callback(node.stop)
        traffic = stack.enter_context(Traffic(broker.address, broker.account(OBSERVER)))
        last = onsets[-1].last + FPS
        print(f"Playing them at their own pace, {last / FPS:.0f} s ...", flush=True)
        node.start_ready()
        while tap.newest < last:
            time.sleep(1.0)
        return tap, [told for each in traffic.messages if (told := started(each)) is not None]


def started(message: Message) -> Told | None:
    """What an `event.started` tells about its own way; None for any other message."""
    if not message.is_leaf("record"):
        return None
    found = record.decode(message.payload)
    body = found.body
    if not isinstance(body, record.EventStarted) or body.snapshot is None:
        return None
    shift_s = time.monotonic() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return Told(
        body.started.mono_ns / 1e9 + shift_s,
        body.snapshot.taken.mono_ns / 1e9 + shift_s,
        found.header.clock.mono_ns / 1e9 + shift_s,
        message.mono_s,
    )


def report(onsets: list[Onset], tap: RtpTap, told: list[Told]) -> int:
    """Print the figures; the exit status."""
    found: list[tuple[Onset, float, Told]] = []
    for onset in onsets:
        first_s = tap.sent_s(onset.first)
        last_s = tap.sent_s(onset.last)
        mine = [each for each in told if first_s - SLACK_S <= each.confirmed_s <= last_s + SLACK_S]
        if mine:
            found.append((onset, first_s, min(mine, key=lambda each: each.seen_s)))
    print(f"{'crossing':10} {'GOP phase':>9} {'started':>8} {'confirmed':>9} {'written':>8} "
          f"{'told':>7}   seconds after the first visible frame")  # fmt: skip
    for onset, first_s, each in found:
        ways = (each.started_s, each.confirmed_s, each.written_s, each.seen_s)
        parts = [f"{way - first_s:8.3f}" for way in ways]
        print(f"{onset.kind:10} {onset.first % GOP / FPS:8.2f}s {' '.join(parts)}")
    rows = {
        "first visible frame -> subscriber": [each.seen_s - first for _, first, each in found],
        "  visible -> confirming frame": [each.confirmed_s - first for _, first, each in found],
        "  confirming frame -> written": [e.written_s - e.confirmed_s for _, _, e in found],
        "  written -> subscriber": [each.seen_s - each.written_s for _, _, each in found],
        "record's `started` -> subscriber": [e.seen_s - e.started_s for _, _, e in found],
    }
    print(f"\n{'seconds':36} {'p50':>7} {'p95':>7} {'min':>7} {'max':>7}")
    for name, values in rows.items():
        if values:
            print(f"{name:36} {statistics.median(values):7.3f} {p95(values):7.3f} "
                  f"{min(values):7.3f} {max(values):7.3f}")  # fmt: skip
    missed = len(onsets) - len(found)
    strays = len(told) - len(found)
    print(f"\n{len(found)} of {len(onsets)} onsets told, {missed} missed, {strays} other events")
    whole = rows["first visible frame -> subscriber"]
    is_good = missed == 0 and p95(whole) < AIM_S
    print(f"Aim: none missed and p95 under {AIM_S:g} s: {'reached' if is_good else 'missed'}")
    return 0 if is_good else 1


def p95(values: list[float]) -> float:
    """The smallest value that 95 % do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]


if __name__ == "__main__":
    sys.exit(main())
