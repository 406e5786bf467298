"""FFmpeg's own reading of slice headers, by its `trace_headers` filter, to compare ours with."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

from edge.media.packet import VideoCodec, VideoStream

LINE = re.compile(rb"\[trace_headers @ [^]]+\] (.*)")
FIELD = re.compile(rb"\d+ +(\w+) +[01]+ = (-?\d+)")
H264_KINDS, HEVC_KINDS = "PBIPI", "BPI"


Head = dict[str, int]  # a slice header's fields by name, and `init_qp`, which is its PPS's


def trace(path: Path, *, frames: int = 0, arguments: Sequence[str] = ()) -> list[list[Head]]:
    """The slice headers in each packet of a file, of the first `frames` packets at most."""
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-nostats", *arguments, "-i", str(path)]
    command += ["-map", "0:v:0", "-c", "copy", "-bsf:v", "trace_headers"]
    command += ["-frames:v", str(frames)] if frames else []
    done = subprocess.run([*command, "-f", "null", "-"], capture_output=True, check=False)
    packets: list[list[Head]] = []
    init_qp: dict[int, int] = {}
    unit: Head = {}
    for line in LINE.findall(done.stderr):
        if found := FIELD.match(line):
            name, value = found[1].decode(), int(found[2])
            if name == "forbidden_zero_bit":
                unit.clear()
            unit.setdefault(name, value)
            if name in ("pic_init_qp_minus26", "init_qp_minus26"):
                pps = unit.get("pic_parameter_set_id", unit.get("pps_pic_parameter_set_id"))
                assert pps is not None
                init_qp[pps] = 26 + value
            if name == "slice_qp_delta":
                pps = unit.get("pic_parameter_set_id", unit.get("slice_pic_parameter_set_id"))
                assert pps is not None
                packets[-1].append({**unit, "init_qp": init_qp[pps]})
        elif line.startswith(b"Packet: "):
            packets.append([])
    return packets


def expected(codec: VideoCodec, head: Head) -> tuple[str, int, bool, int]:
    """Kind, quantiser, reference and layer, out of FFmpeg's fields of one slice header."""
    qp = head["init_qp"] + head["slice_qp_delta"]
    if codec == "h264":
        return H264_KINDS[head["slice_type"] % 5], qp, head["nal_ref_idc"] > 0, 0
    unit_kind = head["nal_unit_type"]
    is_reference = unit_kind not in range(0, 16, 2)  # H.265 table 7-1: the names ending in _N
    return HEVC_KINDS[head["slice_type"]], qp, is_reference, head["nuh_temporal_id_plus1"] - 1


def demux(path: Path, *, frames: int = 0) -> tuple[VideoStream, list[bytes]]:
    """A file's video stream, and its packets' bytes."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        context = video.codec_context
        codec: VideoCodec = "hevc" if context.name == "hevc" else "h264"
        stream = VideoStream(
            codec, context.width, context.height, Fraction(1, 90_000),
            bytes(context.extradata or b""), None,
        )  # fmt: skip
        packets: list[bytes] = []
        for packet in container.demux(video):
            if packet.size:
                packets.append(bytes(packet))
            if len(packets) == frames > 0:
                break
    return stream, packets


def encode(path: Path, arguments: Sequence[str]) -> Path:
    """Encode a moving test picture that fades, with FFmpeg; the suffix chooses the container."""
    source = "testsrc2=s=192x160:r=25,fade=out:20:20,format=yuv420p"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", source]
    command += ["-frames:v", "45", *arguments, str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path
