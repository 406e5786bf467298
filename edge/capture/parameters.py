"""Which parameters hold for a video stream now: codec, size, extradata; and when they change.

A change (new extradata beside a packet, or other parameter sets in band before a keyframe) makes a
new `VideoStream`, so that a clip never mixes pictures that need different headers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from edge.media import extradata, nal
from edge.media.packet import AudioStream, VideoCodec, VideoStream
from edge.media.sps import first_sps, set_id

MAX_SETS = 64  # H.264 allows 32 SPS and 256 PPS; cameras send one of each


@dataclass(frozen=True, slots=True)
class Declared:
    """A video stream as the container or the camera's SDP declares it."""

    codec: VideoCodec
    width: int
    height: int
    time_base: Fraction
    extradata: bytes
    frame_rate: Fraction | None
    audio: AudioStream | None


@dataclass(slots=True)
class Parameters:
    """Follows one video stream's parameters. One thread."""

    declared: Declared
    prefix_bytes: int = field(init=False)
    _sets: dict[tuple[int, int], bytes] = field(init=False)
    _extradata: bytes = field(init=False)

    def __post_init__(self) -> None:
        self._take_extradata(self.declared.extradata)

    @property
    def is_complete(self) -> bool:
        """Whether a decoder could start: all kinds of parameter sets are known, and the size."""
        sets = tuple(self._sets.values())
        width, height = self._size()
        return nal.is_complete(self.declared.codec, sets) and width > 0 and height > 0

    def update(self, keyframe: bytes, new_extradata: bytes | None) -> bool:
        """Look at a keyframe, and at what came beside it; whether the parameters are others now."""
        codec = self.declared.codec
        is_changed = False
        if new_extradata and new_extradata != self._extradata:
            before = self._sets
            self._take_extradata(new_extradata)
            is_changed = before != self._sets
        fresh = self._readable(nal.parameter_sets(codec, keyframe, self.prefix_bytes))
        if all(self._sets.get(key) == each for key, each in fresh.items()):
            return is_changed
        merged = dict(sorted({**self._sets, **fresh}.items()))
        if len(merged) > MAX_SETS:
            merged = dict(sorted(fresh.items()))
        try:
            remade = extradata.make(codec, tuple(merged.values()), self.prefix_bytes)
        except ValueError:  # no record can be made of them
            return is_changed
        self._sets, self._extradata = merged, remade
        return True

    def stream(self) -> VideoStream:
        """A new stream object for what holds now."""
        width, height = self._size()
        declared = self.declared
        return VideoStream(
            declared.codec, width, height, declared.time_base, self._extradata,
            declared.frame_rate, declared.audio,
        )  # fmt: skip

    def _take_extradata(self, data: bytes) -> None:
        codec = self.declared.codec
        self._extradata = data
        self.prefix_bytes = extradata.prefix_bytes(codec, data)
        self._sets = self._readable(extradata.parameter_sets(codec, data))

    def _readable(self, sets: tuple[bytes, ...]) -> dict[tuple[int, int], bytes]:
        """Parameter sets by kind and id; damaged ones are left out, the decoder would too."""
        codec, found = self.declared.codec, {}
        for each in sets[:MAX_SETS]:
            kind, number = nal.kind_of(codec, each), set_id(codec, each)
            if number >= 0 and (kind != nal.SPS_KIND[codec] or first_sps(codec, (each,))):
                found[kind, number] = each
        return found

    def _size(self) -> tuple[int, int]:
        sps = first_sps(self.declared.codec, tuple(self._sets.values()))
        return (sps.width, sps.height) if sps else (self.declared.width, self.declared.height)
