"""From an opened FFmpeg container to `Packet`s: whole pictures, sound times, known parameters.

Shared by every source that reads through FFmpeg. Guarantees for whoever takes the packets: the
first video packet of every `VideoStream` is a keyframe; within one stream video DTS rises strictly
and is never later than PTS; audio follows the same stream object and rises too. Nothing is
decoded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import av
import av.container

from edge.base.clock import Clock
from edge.capture.errors import FOREIGN_ERRORS, LostError, OpenError, lost
from edge.capture.parameters import Declared, Parameters
from edge.capture.timing import MAX_GAP_S, Timing
from edge.capture.units import Joiner, Unit
from edge.media.packet import AudioStream, Packet, VideoCodec, VideoStream

KEYFRAME_WAIT_S = 70.0  # the longest GOP met in the field is 60 s
CODECS: dict[str, VideoCodec] = {"h264": "h264", "hevc": "hevc"}
MAX_FRAME_RATE = 240


@dataclass(slots=True)
class DemuxCounts:
    """What was passed over, since the source was opened."""

    undated_packets: int = 0
    undecodable_packets: int = 0
    stray_audio_packets: int = 0


@dataclass(slots=True)
class Demux:
    """Turns one container's raw packets into `Packet`s. One thread, until its end."""

    container: av.container.InputContainer
    clock: Clock
    stall_timeout_s: float
    is_closing: threading.Event
    counts: DemuxCounts = field(default_factory=DemuxCounts)
    _video: av.VideoStream = field(init=False)
    _audio: av.AudioStream | None = field(init=False)
    _parameters: Parameters = field(init=False)
    _timing: Timing = field(init=False)
    _stream: VideoStream | None = field(init=False, default=None)
    _video_dts: int = field(init=False, default=0)
    _audio_dts: int | None = field(init=False, default=None)
    _opened_ns: int = field(init=False)
    _video_seen_ns: int = field(init=False)

    def __post_init__(self) -> None:
        self._video = _pick_video(self.container)
        self._audio = _pick_audio(self.container)
        declared = _declared(self._video, self._audio)
        self._parameters = Parameters(declared)
        self._timing = Timing(declared.time_base)
        self._opened_ns = self._video_seen_ns = self.clock.mono_ns()

    def packets(self) -> Iterator[Packet]:
        """All packets up to the end of the container or the closing. Blocks. Raises LostError."""
        joiner = Joiner(self._parameters.declared.codec, self._parameters.prefix_bytes)
        for unit, is_audio in self._units():
            if is_audio:
                yield from self._audio_packets(unit)
            else:
                for whole in joiner.push(unit):
                    yield from self._video_packets(self._timing.push(whole))
        for whole in joiner.flush():
            yield from self._video_packets(self._timing.push(whole))
        yield from self._video_packets(self._timing.flush())

    def _units(self) -> Iterator[tuple[Unit, bool]]:
        streams = [self._video] if self._audio is None else [self._video, self._audio]
        raw_packets = self.container.demux(streams)
        while True:
            try:
                raw = next(raw_packets, None)
            except FOREIGN_ERRORS as err:
                raise lost(err) from err
            if raw is None or self.is_closing.is_set():
                return
            arrival_ns = self.clock.mono_ns()
            is_audio = raw.stream is self._audio
            self._check_progress(arrival_ns, is_audio=is_audio)
            if raw.size == 0:
                continue
            extra = None
            if raw.is_keyframe and raw.has_sidedata("new_extradata"):
                extra = bytes(raw.get_sidedata("new_extradata"))
            duration = int(raw.duration or 0)
            yield (
                Unit(bytes(raw), raw.pts, raw.dts, duration, raw.is_keyframe, arrival_ns, extra),
                is_audio,
            )

    def _check_progress(self, now_ns: int, *, is_audio: bool) -> None:
        """Audio alone does not keep a camera alive, nor do pictures that cannot be decoded."""
        if not is_audio:
            self._video_seen_ns = now_ns
        silent_s = (now_ns - self._video_seen_ns) / 1e9
        if silent_s > self.stall_timeout_s:
            raise LostError("stalled", f"sound but no picture for {silent_s:.0f} s")
        if self._stream is None and now_ns - self._opened_ns > KEYFRAME_WAIT_S * 1e9:
            raise LostError("no_video", f"no keyframe within {KEYFRAME_WAIT_S:.0f} s")

    def _video_packets(self, units: Iterable[Unit]) -> Iterator[Packet]:
        for unit in units:
            self._follow(unit)
            if self._stream is None or unit.pts is None or unit.dts is None:
                self.counts.undecodable_packets += 1
                continue
            self._video_dts = unit.dts
            yield Packet(
                unit.data, unit.pts, unit.dts, unit.is_keyframe, self._stream,
                unit.arrival_mono_ns, unit.duration,
            )  # fmt: skip

    def _follow(self, unit: Unit) -> None:
        """Change to a new stream object where this picture begins one."""
        if not unit.is_keyframe:
            return
        is_changed = self._parameters.update(unit.data, unit.new_extradata)
        if not self._parameters.is_complete:
            return
        if self._stream is None or is_changed or unit.is_jump:
            self._audio_dts = None
            self._stream = self._parameters.stream()

    def _audio_packets(self, unit: Unit) -> Iterator[Packet]:
        stream = self._stream
        if stream is None or stream.audio is None:
            return
        if unit.pts is None:
            self.counts.undated_packets += 1
            return
        dts = unit.pts
        ahead_s = dts * stream.audio.time_base - self._video_dts * stream.time_base
        if self._timing.is_shifted or abs(ahead_s) > MAX_GAP_S:
            self.counts.stray_audio_packets += 1
            return
        if self._audio_dts is not None:
            dts = max(dts, self._audio_dts + 1)
        self._audio_dts = dts
        yield Packet(
            unit.data, dts, dts, True, stream, unit.arrival_mono_ns, unit.duration, is_audio=True
        )


def _pick_video(container: av.container.InputContainer) -> av.VideoStream:
    candidates = [
        stream
        for stream in container.streams.video
        if not stream.disposition & av.stream.Disposition.attached_pic
    ]
    for stream in candidates:
        if _codec_name(stream) in CODECS:
            return stream
    if not candidates:
        raise OpenError("no_video", "there is no video stream", is_retryable=False)
    names = ", ".join(_codec_name(stream) for stream in candidates)
    raise OpenError("unsupported", f"the video is {names}")


def _pick_audio(container: av.container.InputContainer) -> av.AudioStream | None:
    for stream in container.streams.audio:
        if _codec_name(stream) != "unknown" and stream.time_base:
            return stream
    return None


def _codec_name(stream: av.VideoStream | av.AudioStream) -> str:
    """FFmpeg's name of the codec; unknown where it has no decoder for it."""
    context = stream.codec_context
    return context.codec.canonical_name if context is not None else "unknown"


def _declared(video: av.VideoStream, audio: av.AudioStream | None) -> Declared:
    if not video.time_base or video.time_base <= 0:
        raise OpenError("broken", "the video stream has no time base")
    context = video.codec_context
    return Declared(
        CODECS[_codec_name(video)],
        context.width,
        context.height,
        video.time_base,
        bytes(context.extradata or b""),
        _frame_rate(video),
        _audio_stream(audio),
    )


def _frame_rate(video: av.VideoStream) -> Fraction | None:
    rate = video.average_rate or video.guessed_rate
    return rate if rate and 0 < rate <= MAX_FRAME_RATE else None


def _audio_stream(audio: av.AudioStream | None) -> AudioStream | None:
    if audio is None or audio.time_base is None:
        return None
    context = audio.codec_context
    return AudioStream(
        _codec_name(audio),
        audio.time_base,
        context.sample_rate,
        context.channels,
        bytes(context.extradata or b""),
    )
