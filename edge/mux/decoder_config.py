"""The decoder configuration a clip carries: avcC and hvcC records, and how packets are framed.

A camera's own record (from a file or a container) is passed on byte for byte, and so is the
framing of its packets. For Annex B streams the record is built from the parameter sets: those in
the first keyframe where they are complete, else those the camera announced when it was opened.
ISO/IEC 14496-15 sections 5.3.3.1 (avcC) and 8.3.3.1 (hvcC).
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.media import extradata as records
from edge.media import nal
from edge.media.packet import VideoCodec, VideoStream
from edge.mux.errors import MuxError


@dataclass(frozen=True)
class DecoderConfig:
    """`record` is the payload of avcC or hvcC; `length_bytes` is 0 for Annex B packets."""

    codec: VideoCodec
    record: bytes
    length_bytes: int

    def sample(self, data: bytes) -> bytes:
        """A packet as it stands in the file: the same NAL units, length-prefixed."""
        return data if self.length_bytes else nal.join_lengths(nal.units(data))

    def begins_picture(self, data: bytes) -> bool:
        """Whether a packet begins a picture; false for the rest of one that was cut in two."""
        return nal.starts_picture(self.codec, data, self.length_bytes) is True


def clip_codec(stream: VideoStream) -> VideoCodec:
    """The codec of a clip of `stream`. Raises MuxError for what has to be encoded for it."""
    if stream.codec == "mjpeg":
        raise MuxError("Motion JPEG is put into clips as H.264 only")
    return stream.codec


def decoder_config(stream: VideoStream, keyframe: bytes) -> DecoderConfig:
    """The configuration of a clip that starts with `keyframe`. Raises MuxError without one."""
    codec = clip_codec(stream)
    length_bytes = records.prefix_bytes(codec, stream.extradata)
    if length_bytes:
        return DecoderConfig(codec, stream.extradata, length_bytes)
    in_band = nal.parameter_sets(codec, keyframe)
    announced = records.parameter_sets(codec, stream.extradata)
    for sets in (in_band, announced, (*announced, *in_band)):
        if nal.is_complete(codec, sets):
            try:
                return DecoderConfig(codec, records.make(codec, sets, nal.LENGTH_BYTES), 0)
            except ValueError as err:
                raise MuxError(f"the camera's SPS is unusable: {err}", is_retryable=True) from err
    raise MuxError(
        f"the camera's {codec} stream has no parameter sets (SPS, PPS)",
        hint="set the camera to repeat SPS and PPS with each keyframe",
        is_retryable=True,
    )
