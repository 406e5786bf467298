"""Reads a recording into memory as compressed samples, by GStreamer's own demuxers.

No parser, decoder or encoder is put in, so that a sample's bytes are the file's. Runs under the
system's Python (PyGObject is a distribution package), inside `rtsp_server_gst`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.gst import Gst

READ_TIMEOUT_S = 60.0
DEMUXERS = {
    "video/quicktime": "qtdemux",
    "video/x-matroska": "matroskademux",
    "video/webm": "matroskademux",
    "video/x-flv": "flvdemux",
    "video/x-msvideo": "avidemux",
}
PAYLOADERS = {
    "video/x-h264": "rtph264pay",
    "video/x-h265": "rtph265pay",
    "video/mpeg": "rtpmp4vpay",
    "image/jpeg": "rtpjpegpay",
    "audio/mpeg": "rtpmp4gpay",
    "audio/x-mulaw": "rtppcmupay",
}


class UnservableError(Exception):
    """A file that GStreamer cannot demux, or whose codec it cannot pay into RTP."""


@dataclass
class Sample:
    """One compressed picture or audio frame; times are nanoseconds from the recording's start."""

    buffer: Any
    caps: Any
    pts_ns: int
    dts_ns: int
    is_keyframe: bool


@dataclass
class Track:
    """One stream of a recording, in file (decoding) order."""

    caps: Any
    samples: list[Sample] = field(default_factory=list)

    @property
    def is_video(self) -> bool:
        """Audio otherwise."""
        return not self.media_type.startswith("audio/")

    @property
    def media_type(self) -> str:
        """Such as video/x-h264."""
        return str(self.caps.get_structure(0).get_name())

    @property
    def payloader(self) -> str:
        """The RTP payloader for this codec. Raises UnservableError."""
        try:
            return PAYLOADERS[self.media_type]
        except KeyError as err:
            raise UnservableError(f"no RTP payload format for {self.media_type}") from err

    @property
    def duration_ns(self) -> int:
        """From the first to one frame after the last."""
        times = sorted(sample.pts_ns for sample in self.samples)
        step = (times[-1] - times[0]) // (len(times) - 1) if len(times) > 1 else 40_000_000
        return int(times[-1] - times[0] + step)

    def from_time(self, first_ns: int, video: Track) -> list[Sample]:
        """The samples from `video`'s first keyframe at or after `first_ns` on; maybe none."""
        if first_ns <= 0:
            return self.samples
        starts = [
            index
            for index, sample in enumerate(video.samples)
            if sample.is_keyframe and sample.pts_ns >= first_ns
        ]
        if not starts:
            return []
        if self is video:
            return self.samples[starts[0] :]
        return [each for each in self.samples if each.pts_ns >= video.samples[starts[0]].pts_ns]


def read_tracks(path: Path) -> list[Track]:
    """The first video and the first audio track of `path`. Raises UnservableError."""
    reader = _Reader(f'filesrc location="{path}" ! typefind name=kind')
    kind = reader.wait_for_type()
    if kind not in DEMUXERS:
        raise UnservableError(f"{path.name}: no demuxer for {kind}")
    return _Reader(f'filesrc location="{path}" ! {DEMUXERS[kind]} name=demuxer').read()


def read_pipeline(description: str) -> Track:
    """What a pipeline that ends in `appsink name=sink` makes, for codecs no recording has."""
    return _Reader(description).read()[0]


class _Reader:
    """Runs one pipeline to its end and collects what reaches its appsinks."""

    def __init__(self, description: str) -> None:
        self._pipeline = Gst.parse_launch(description)
        self._tracks: dict[str, Track] = {}
        self._caps: dict[str, Any] = {}
        demuxer = self._pipeline.get_by_name("demuxer")
        if demuxer is not None:
            demuxer.connect("pad-added", self._on_pad)
        sink = self._pipeline.get_by_name("sink")
        if sink is not None:
            self._watch(sink, "only")

    def wait_for_type(self) -> str:
        """The media type of the file, as GStreamer recognises it."""
        found: list[str] = []
        kind = self._pipeline.get_by_name("kind")
        kind.connect(
            "have-type", lambda _e, _p, caps: found.append(caps.get_structure(0).get_name())
        )
        self._pipeline.set_state(Gst.State.PAUSED)
        deadline = time.monotonic() + READ_TIMEOUT_S
        try:
            while not found and time.monotonic() < deadline:
                message = self._pipeline.get_bus().timed_pop_filtered(
                    20 * Gst.MSECOND, Gst.MessageType.ERROR
                )
                if message is not None:
                    break
        finally:
            self._pipeline.set_state(Gst.State.NULL)
        return found[0] if found else "an unknown format"

    def read(self) -> list[Track]:
        self._pipeline.set_state(Gst.State.PLAYING)
        message = self._pipeline.get_bus().timed_pop_filtered(
            int(READ_TIMEOUT_S * Gst.SECOND), Gst.MessageType.ERROR | Gst.MessageType.EOS
        )
        self._pipeline.set_state(Gst.State.NULL)
        tracks = [track for track in self._tracks.values() if track.samples]
        if not tracks:
            reason = "took too long"
            if message is not None:
                reason = "holds no packets"
                if message.type == Gst.MessageType.ERROR:
                    reason = message.parse_error()[0].message
            raise UnservableError(reason)
        _start_at_zero(tracks)
        return sorted(tracks, key=lambda track: not track.is_video)

    def _on_pad(self, _demuxer: Any, pad: Any) -> None:
        caps = pad.get_current_caps() or pad.query_caps(None)
        kind = caps.get_structure(0).get_name().split("/")[0]
        kind = "video" if kind == "image" else kind
        if kind not in ("video", "audio") or kind in self._tracks:
            return
        sink = Gst.ElementFactory.make("appsink")
        sink.set_property("sync", False)
        sink.set_property("async", False)
        self._pipeline.add(sink)
        self._watch(sink, kind)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def _watch(self, sink: Any, kind: str) -> None:
        sink.set_property("emit-signals", True)
        sink.connect("new-sample", self._on_sample, kind)

    def _payable(self, caps: Any) -> Any:
        """One object for all equal caps, so that a change of parameters shows as another one."""
        text = _payable_text(caps.to_string())
        return self._caps.setdefault(text, Gst.Caps.from_string(text))

    def _on_sample(self, sink: Any, kind: str) -> Any:
        pulled = sink.emit("pull-sample")
        buffer, segment = pulled.get_buffer(), pulled.get_segment()
        caps = self._payable(pulled.get_caps())
        track = self._tracks.setdefault(kind, Track(caps))
        dts_ns = _running_ns(segment, buffer.dts)
        pts_ns = _running_ns(segment, buffer.pts)
        if pts_ns is None:
            pts_ns = dts_ns if dts_ns is not None else 0
        is_keyframe = not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
        track.samples.append(
            Sample(buffer, caps, pts_ns, pts_ns if dts_ns is None else dts_ns, is_keyframe)
        )
        return Gst.FlowReturn.OK


def _payable_text(text: str) -> str:
    """Caps as the RTP payloaders take them: the same bytes under the names that they know.

    They want parameter sets out of band (avc, hvc1) also where the file allows both, and want to
    hear that a buffer is a whole picture, which the Matroska demuxer does not say.
    """
    text = text.replace("(string)avc3", "(string)avc").replace("(string)hev1", "(string)hvc1")
    if text.startswith(("video/x-h264", "video/x-h265")) and "alignment" not in text:
        text += ", alignment=(string)au"
    return text


def _running_ns(segment: Any, stamp: int) -> int | None:
    """A stamp on the presentation's clock, also where an edit list puts it before the start."""
    if stamp == Gst.CLOCK_TIME_NONE:
        return None
    sign, value = segment.to_running_time_full(Gst.Format.TIME, stamp)
    return None if sign == 0 else int(sign * value)


def _start_at_zero(tracks: list[Track]) -> None:
    first_ns = min(sample.pts_ns for track in tracks for sample in track.samples)
    for track in tracks:
        for sample in track.samples:
            sample.pts_ns -= first_ns
            sample.dts_ns -= first_ns
