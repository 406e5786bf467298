"""One camera: is it reached, what does it send, and what does its picture show?

Watches it for some seconds by a connection of its own, beside that of a running agent. A camera
that takes one viewer only (a device of this box, a program) is left to the agent that has it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from edge.base.clock import Clock
from edge.base.findings import Finding, failed, of_error, passed, skipped, warned
from edge.capture import source
from edge.capture.errors import CaptureError
from edge.capture.probe import CODEC_NAMES, ProbeReport, probe_source
from edge.capture.source import Source
from edge.config.camera import CameraSettings
from edge.doctor.picture import PictureWatch
from edge.media.packet import Packet, VideoStream

SHARED_KINDS = frozenset({"rtsp", "http", "file", "synthetic"})
RATE_TOLERANCE = 0.2  # of what was promised
LONG_GOP_S = 8.0  # a clip begins at a keyframe: its pre-roll grows by up to a GOP
HIGH_RATE_BITS_PER_S = 16_000_000.0
LEAST_FPS = 5.0  # at which motion is looked for
SUB_SHAPE = 0.1  # of the main stream's width over height
SETTING = "in the camera's own video settings"


class _Watched:
    """A source whose packets are also looked at."""

    def __init__(self, inner: Source, watch: PictureWatch) -> None:
        self._inner = inner
        self._watch = watch

    def open(self) -> VideoStream:
        return self._inner.open()

    def packets(self) -> Iterator[Packet]:
        for packet in self._inner.packets():
            self._watch.add(packet)
            yield packet

    def close(self) -> None:
        self._inner.close()


def examine(
    settings: CameraSettings, clock: Clock, *, seconds: float, is_agent_running: bool
) -> Iterator[Finding]:
    """Watch the camera and its sub stream. Blocks for some times `seconds` each."""
    name = f"camera.{settings.name}"
    if not settings.armed:
        yield skipped(name, f"not watched: disarmed by {settings.disarmed}")
        return
    if is_agent_running and settings.kind not in SHARED_KINDS:
        yield skipped(name, "the running agent has it; stop the agent to look at it here")
        return
    main = None
    for item in _stream(name, settings, clock, seconds):
        if isinstance(item, ProbeReport):
            main = item
        else:
            yield item
    if main is not None and settings.sub_source is not None:
        yield from _sub(f"{name}.sub", settings, clock, seconds, main)


def _stream(
    name: str, settings: CameraSettings, clock: Clock, seconds: float
) -> Iterator[Finding | ProbeReport]:
    watch = PictureWatch()
    try:
        report = _probe(settings, clock, seconds, watch)
    except CaptureError as err:
        yield of_error(name, err)
        return
    yield passed(name, f"it sends {_what(report)}")
    yield from judge(name, report)
    yield from watch.findings(name)
    yield report


def _sub(
    name: str, settings: CameraSettings, clock: Clock, seconds: float, main: ProbeReport
) -> Iterator[Finding]:
    small = dataclasses.replace(settings, source=settings.sub_source or "", sub_source=None)
    watch = PictureWatch()
    try:
        report = _probe(small, clock, seconds, watch)
    except CaptureError as err:
        yield of_error(name, err)
        return
    yield passed(name, f"it sends {_what(report)}")
    if report.measured_fps is not None and report.measured_fps < LEAST_FPS:
        text = f"{report.measured_fps:g} pictures a second are few to see motion in"
        yield warned(f"{name}.rate", text, f"set {LEAST_FPS:g} or more {SETTING}")
    shape, main_shape = report.width / report.height, main.width / main.height
    if abs(shape - main_shape) > SUB_SHAPE * main_shape:
        text = "its picture has another shape than the main stream's: zones may not fit"
        yield warned(f"{name}.shape", text, f"set a size of the same shape {SETTING}")
    if report.width >= main.width:
        text = f"it is no smaller than the main stream ({main.width} pixels wide)"
        yield warned(f"{name}.size", text, "set a smaller size for it, or leave sub_source out")


def judge(name: str, report: ProbeReport) -> Iterator[Finding]:
    """What the packets of a main stream tell, beside what was promised."""
    yield _rate(f"{name}.rate", report)
    yield _gop(f"{name}.gop", report)
    if report.bits_per_s is not None and report.bits_per_s > HIGH_RATE_BITS_PER_S:
        text = f"{report.bits_per_s / 1e6:.0f} Mbit/s fill the disk and the way to the hub"
        yield warned(f"{name}.bitrate", text, f"set a lower bit rate {SETTING}")
    if report.stream_changes:
        text = f"its stream changed {report.stream_changes} times while it was watched"
        yield warned(f"{name}.changes", text, "switch off what adapts the stream by itself")
    if report.dropped:
        text = f"this box was too slow to encode {report.dropped} pictures"
        yield warned(f"{name}.encoding", text, "use a camera or mode that gives H.264")
    if report.ended_early:
        yield failed(f"{name}.lost", f"the stream broke off: {report.ended_early}",
                     "check cable, power and the network between")  # fmt: skip


def _rate(check: str, report: ProbeReport) -> Finding:
    measured, declared = report.measured_fps, report.declared_fps
    if measured is None:
        return warned(check, "too few pictures came to tell their rate", f"look at it {SETTING}")
    text = f"{measured:g} pictures a second"
    if measured < LEAST_FPS:
        return warned(check, f"{text} are few to see motion in", f"set 5 or more {SETTING}")
    if declared and not report.is_variable_rate:
        text = f"{text}, promised are {declared:g}"
        if abs(measured - declared) > RATE_TOLERANCE * declared:
            remedy = "is the network too slow, or does the camera lower its rate in the dark?"
            return warned(check, text, remedy)
    return passed(check, f"{text}, at a variable rate" if report.is_variable_rate else text)


def _gop(check: str, report: ProbeReport) -> Finding:
    if report.gop is None:
        text = f"only one keyframe came in {report.watched_s:.0f} s"
        return warned(check, text, f"set a keyframe every 1 to 4 s {SETTING}")
    text = f"a keyframe every {report.gop.mean_s:.1f} s"
    if report.gop.max_s > LONG_GOP_S:
        return warned(check, f"{text}, up to {report.gop.max_s:.1f}", f"set 1 to 4 s {SETTING}")
    return passed(check, text)


def _probe(
    settings: CameraSettings, clock: Clock, seconds: float, watch: PictureWatch
) -> ProbeReport:
    once = dataclasses.replace(settings, loop=False)
    made = source.make(once, clock)
    return probe_source(_Watched(made, watch), settings, seconds=seconds)


def _what(report: ProbeReport) -> str:
    codec = f"{CODEC_NAMES[report.codec]} {report.profile}".rstrip()
    rate = "" if report.bits_per_s is None else f", {report.bits_per_s / 1000:.0f} kbit/s"
    sound = "" if report.audio_codec is None else f", sound as {report.audio_codec}"
    return f"{codec}, {report.width}x{report.height}{rate}{sound}"
