"""Compressed packets and the stream they belong to, free of any library's types."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

VideoCodec = Literal["h264", "hevc"]
"""Of NAL units: what clips hold."""
CameraCodec = Literal["h264", "hevc", "mjpeg"]
"""What a camera may send."""


@dataclass(frozen=True, slots=True)
class AudioStream:
    """An audio stream as the camera declares it."""

    codec: str
    time_base: Fraction
    sample_rate: int
    channels: int
    extradata: bytes


@dataclass(frozen=True, slots=True)
class VideoStream:
    """A video stream as the camera declares it, with its audio stream if it has one.

    Compared by identity by the ring and the recorder: a source that reconnects, or whose
    parameters change, makes a new one, and packets of two streams never share a clip part.
    `encoded_from` is the camera's own stream where this one was encoded from it on this box,
    picture by picture, with its times.
    """

    codec: CameraCodec
    width: int
    height: int
    time_base: Fraction
    extradata: bytes
    frame_rate: Fraction | None
    audio: AudioStream | None = None
    encoded_from: VideoStream | None = None

    @property
    def origin(self) -> VideoStream:
        """The camera's stream, whose times these are."""
        return self.encoded_from or self

    @property
    def is_intra_only(self) -> bool:
        """Whether every picture stands alone."""
        return self.codec == "mjpeg"


@dataclass(slots=True)
class Packet:
    """One packet as the camera sent it; for video, one coded picture.

    pts and dts are ticks of `time_base` (the video stream's, or its audio stream's where
    `is_audio`). `arrival_mono_ns` is when it was read. `index` is given by the ring,
    `lively_since` by the gate, where something seems to move: the PTS from which on.
    """

    data: bytes
    pts: int
    dts: int
    is_keyframe: bool
    stream: VideoStream
    arrival_mono_ns: int
    duration: int = 0
    is_audio: bool = False
    index: int = -1
    lively_since: int | None = None

    @property
    def time_base(self) -> Fraction:
        """Seconds per tick of this packet's pts and dts."""
        if self.is_audio and self.stream.audio is not None:
            return self.stream.audio.time_base
        return self.stream.time_base
