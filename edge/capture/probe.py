"""Looks at a source for some seconds and says what it sends and what will be decoded.

For installers: everything is measured from the packets, beside what the camera declares.
"""

from __future__ import annotations

import dataclasses
import itertools
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

from edge.base.clock import Clock, SystemClock
from edge.base.units import format_size
from edge.capture import encode
from edge.capture.errors import FOREIGN_ERRORS, CaptureError, LostError, Reason
from edge.capture.source import Encodes, Source, make
from edge.config.camera import CameraSettings
from edge.contract.motion import MotionSettings
from edge.media import extradata
from edge.media.keyframes import CLOSE_GLANCE_S, GLANCE_S, MAX_GATE_KEYFRAME_S, MAX_KEYFRAME_S
from edge.media.packet import Packet, VideoCodec, VideoStream
from edge.media.sps import first_sps

SECONDS = 8.0
PATIENCE = 4
MAX_PACKETS = 20_000
LUMA_WIDTH = 320  # pixels, as `decode` makes it
VARIABLE_RATE = 0.25  # of the median interval; a tenth of all intervals beyond it is variable
CODEC_NAMES = {"h264": "H.264", "hevc": "H.265", "mjpeg": "Motion JPEG"}
PROFILES: dict[VideoCodec, dict[int, str]] = {  # H.264 A.2, H.265 A.3
    "h264": {66: "Baseline", 77: "Main", 88: "Extended", 100: "High", 110: "High 10",
             122: "High 4:2:2", 244: "High 4:4:4 Predictive"},
    "hevc": {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Range Extensions"},
}  # fmt: skip

# sysexits.h, one for each, so that a script can tell them apart
EXIT_STATUS: dict[Reason, int] = {
    "no_video": 65,  # EX_DATAERR
    "not_found": 66,  # EX_NOINPUT
    "unreachable": 68,  # EX_NOHOST
    "refused": 69,  # EX_UNAVAILABLE
    "broken": 74,  # EX_IOERR
    "stalled": 75,  # EX_TEMPFAIL
    "ended": 75,
    "unsupported": 76,  # EX_PROTOCOL
    "unauthorised": 77,  # EX_NOPERM
}


@dataclass(frozen=True)
class GopLength:
    """Distances between keyframes; None where fewer than two were seen."""

    min_frames: int
    mean_frames: float
    max_frames: int
    min_s: float
    mean_s: float
    max_s: float


@dataclass(frozen=True)
class ProbeReport:
    """What a source sent while it was looked at."""

    codec: str
    profile: str
    width: int
    height: int
    declared_fps: float | None
    measured_fps: float | None
    is_variable_rate: bool
    has_b_frames: bool
    bits_per_s: float | None
    largest_keyframe_bytes: int
    gop: GopLength | None
    audio_codec: str | None
    audio_sample_rate: int | None
    audio_channels: int | None
    watched_s: float
    packets: int
    stream_changes: int
    luma_width: int
    luma_height: int
    analysed_fps: float | None
    decoding: str
    """Which pictures will be decoded while nothing moves, and why, as far as it shows so soon."""
    ended_early: str | None
    encoding: str | None = None
    dropped: int = 0

    def lines(self) -> list[str]:
        """The report for people, one thing a line."""
        return [f"{name:<13}{text}" for name, text in _rows(self)]

    def to_json(self) -> dict[str, object]:
        """The report as plain values, ready for `json.dumps`."""
        return dataclasses.asdict(self)


def probe(
    settings: CameraSettings,
    *,
    seconds: float = SECONDS,
    patience: int = PATIENCE,
    clock: Clock | None = None,
) -> ProbeReport:
    """Open the camera of `settings` and watch it. Blocks. Raises CaptureError where it cannot."""
    once = dataclasses.replace(settings, pace="fast", loop=False)
    source = make(once, clock or SystemClock())
    return probe_source(source, settings, seconds=seconds, patience=patience)


def probe_source(
    source: Source,
    settings: CameraSettings,
    *,
    seconds: float = SECONDS,
    patience: int = PATIENCE,
) -> ProbeReport:
    """Open `source`, watch it, close it. Blocks. Raises CaptureError where it cannot be watched.

    Goes on beyond `seconds` until a second keyframe has come, up to `patience` times as long.
    """
    stream = source.open()
    seen = _Seen(stream)
    try:
        for packet in itertools.islice(source.packets(), MAX_PACKETS):
            seen.add(packet)
            if seen.watched_s >= seconds * (patience if len(seen.keyframes) < 2 else 1):
                break
    except LostError as err:
        if len(seen.video) < 2:
            raise
        seen.ended_early = str(err)
    finally:
        source.close()
    report = _report(seen, settings)
    if isinstance(source, Encodes):
        encoding = _planned(seen.stream) or source.encoding
        return dataclasses.replace(report, encoding=encoding, dropped=source.dropped)
    return report


def decoding(stream: VideoStream, gop: GopLength | None, motion: MotionSettings) -> str:
    """The mode that the camera's viewer will take (docs/design/gate.md), in words.

    What the sizes of the packets show is known only after some minutes.
    """
    if motion.decode == "all":
        return "every frame, as motion.decode is all"
    if stream.is_intra_only:
        return "samples: some of the pictures while nothing stirs, as each stands alone"
    if gop is None:
        return "every frame, as no two keyframes came"
    if gop.max_s > MAX_GATE_KEYFRAME_S:
        return f"every frame, as keyframes come up to {gop.max_s:.1f} s apart"
    gate = f"gate: while nothing moves, a keyframe every {max(GLANCE_S, gop.max_s):.3g} s"
    if gop.max_s > MAX_KEYFRAME_S:
        return f"{gate}; every frame where noise hides small walkers, as keyframes come so seldom"
    close_s = max(CLOSE_GLANCE_S, gop.max_s)
    return f"{gate}; keyframes, one every {close_s:.3g} s, where noise hides small walkers"


def exit_status(err: CaptureError) -> int:
    """The exit status that tells a script why a camera cannot be watched."""
    return EXIT_STATUS[err.reason]


@dataclass(slots=True)
class _Seen:
    """The packets' outlines; of the newest stream only, where it changed."""

    stream: VideoStream
    video: list[tuple[int, int]] = field(default_factory=list)
    """PTS and size of each picture, in decoding order."""
    keyframes: list[int] = field(default_factory=list)
    """Where in `video` the keyframes are."""
    last_dts: int = 0
    """Pictures up to this time are complete; later ones may still lack B-frames between them."""
    changes: int = 0
    first_arrival_ns: int | None = None
    watched_s: float = 0.0
    ended_early: str | None = None

    def add(self, packet: Packet) -> None:
        if packet.stream is not self.stream:
            self.stream, self.changes = packet.stream, self.changes + 1
            self.video, self.keyframes = [], []
        if self.first_arrival_ns is None:
            self.first_arrival_ns = packet.arrival_mono_ns
        self.watched_s = (packet.arrival_mono_ns - self.first_arrival_ns) / 1e9
        if not packet.is_audio:
            if packet.is_keyframe:
                self.keyframes.append(len(self.video))
            self.last_dts = packet.dts
            self.video.append((packet.pts, len(packet.data)))

    def time_s(self, index: int) -> float:
        """Media time of picture `index`, in seconds."""
        return float(self.video[index][0] * self.stream.time_base)


def _report(seen: _Seen, settings: CameraSettings) -> ProbeReport:
    stream, audio = seen.stream, seen.stream.audio
    intervals = _intervals_s(seen)
    span_s = sum(intervals)
    fps = len(intervals) / span_s if span_s > 0 else None
    pts = [pts for pts, _ in seen.video]
    width = min(LUMA_WIDTH, stream.width)
    return ProbeReport(
        codec=stream.codec,
        profile=_profile(stream),
        width=stream.width,
        height=stream.height,
        declared_fps=_rounded(float(stream.frame_rate)) if stream.frame_rate else None,
        measured_fps=_rounded(fps),
        is_variable_rate=_is_variable(intervals),
        has_b_frames=pts != sorted(pts),
        bits_per_s=_rounded(8 * sum(size for _, size in seen.video[:-1]) / span_s)
        if span_s > 0
        else None,
        largest_keyframe_bytes=max((seen.video[at][1] for at in seen.keyframes), default=0),
        gop=_gop(seen),
        audio_codec=audio.codec if audio else None,
        audio_sample_rate=audio.sample_rate if audio else None,
        audio_channels=audio.channels if audio else None,
        watched_s=round(seen.watched_s, 2),
        packets=len(seen.video),
        stream_changes=seen.changes,
        luma_width=width,
        luma_height=max(1, round(stream.height * width / stream.width)),
        analysed_fps=_rounded(min(fps, settings.motion.analysis_fps)) if fps else None,
        decoding=decoding(stream, _gop(seen), settings.motion),
        ended_early=seen.ended_early,
    )


def _planned(stream: VideoStream) -> str | None:
    """What will be encoded for events, and by what; None where that is not how it goes."""
    if stream.codec != "mjpeg":
        return None
    width, height = stream.width & ~1, stream.height & ~1
    try:
        name = encode.live_encoder(
            width, height, stream.frame_rate, open_hardware=encode.open_hardware
        ).name
    except FOREIGN_ERRORS as err:
        name = f"nothing, as there is no encoder for it: {err}"
    return f"Motion JPEG {width}x{height} to H.264 by {name}, on this box, for events only"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _intervals_s(seen: _Seen) -> list[float]:
    order = sorted(pts for pts, _ in seen.video if pts <= seen.last_dts)
    return [
        float((after - before) * seen.stream.time_base)
        for before, after in itertools.pairwise(order)
    ]


def _is_variable(intervals: list[float]) -> bool:
    if len(intervals) < 10:
        return False
    median = statistics.median(intervals)
    odd = sum(abs(each - median) > VARIABLE_RATE * median for each in intervals)
    return odd > len(intervals) / 10


def _gop(seen: _Seen) -> GopLength | None:
    frames = [after - before for before, after in itertools.pairwise(seen.keyframes)]
    spans = [
        seen.time_s(after) - seen.time_s(before)
        for before, after in itertools.pairwise(seen.keyframes)
    ]
    if not frames:
        return None
    return GopLength(
        min(frames), round(statistics.fmean(frames), 1), max(frames),
        round(min(spans), 3), round(statistics.fmean(spans), 3), round(max(spans), 3),
    )  # fmt: skip


def _profile(stream: VideoStream) -> str:
    if stream.codec == "mjpeg":
        return ""
    sps = first_sps(stream.codec, extradata.parameter_sets(stream.codec, stream.extradata))
    if sps is None:
        return "unknown"
    return PROFILES[stream.codec].get(sps.profile, f"profile {sps.profile}")


def _rows(report: ProbeReport) -> Iterator[tuple[str, str]]:
    codec = f"{CODEC_NAMES[report.codec]} {report.profile}".rstrip()
    yield "video", f"{codec}, {report.width}x{report.height}"
    yield "frame rate", _rate_text(report)
    yield "keyframes", _gop_text(report)
    if report.bits_per_s is not None:
        largest = format_size(report.largest_keyframe_bytes)
        yield "bit rate", f"{report.bits_per_s / 1000:.0f} kbit/s, largest keyframe {largest}"
    yield "B-frames", "yes" if report.has_b_frames else "no"
    yield "audio", _audio_text(report)
    yield "encoding", report.encoding or "none: the camera's own packets are kept"
    if report.dropped:
        yield "dropped", f"{report.dropped} pictures: encoding is slower than the camera"
    if report.analysed_fps is not None:
        luma = f"{report.luma_width}x{report.luma_height}"
        yield "decoding", report.decoding
        yield "looked at", f"at most {report.analysed_fps:g} a second, as {luma} luma"
    yield "watched", f"{report.watched_s:.1f} s, {report.packets} pictures"
    if report.stream_changes:
        yield "changes", f"the stream's parameters or time changed {report.stream_changes} times"
    if report.ended_early:
        yield "ended early", report.ended_early


def _rate_text(report: ProbeReport) -> str:
    if report.measured_fps is None:
        return "too few pictures to tell"
    kind = "variable, " if report.is_variable_rate else ""
    declared = f"declared {report.declared_fps:g}" if report.declared_fps else "none declared"
    return f"{kind}{report.measured_fps:g} a second measured, {declared}"


def _gop_text(report: ProbeReport) -> str:
    gop = report.gop
    if gop is None:
        return f"only one in {report.watched_s:.1f} s"
    if gop.min_frames == gop.max_frames:
        return f"every {gop.mean_frames:g} frames, {gop.mean_s:.2f} s"
    return (
        f"every {gop.mean_frames:g} frames ({gop.min_frames} to {gop.max_frames}), "
        f"{gop.mean_s:.2f} s ({gop.min_s:.2f} to {gop.max_s:.2f})"
    )


def _audio_text(report: ProbeReport) -> str:
    if report.audio_codec is None:
        return "none"
    return f"{report.audio_codec}, {report.audio_sample_rate} Hz, {report.audio_channels} channels"
