"""Camera streams made on the fly for the clip tests, and clips read back by FFmpeg."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec.context import CodecContext

from edge.media.packet import AudioStream, Packet, VideoCodec, VideoStream
from edge.mux.clip import HEAD_VERSION, ClipHead
from edge.mux.decoder_config import clip_codec

EVENT = "01890a5d-ac96-774b-bcce-b302099a8057"
WIDTH, HEIGHT = 128, 96
CLOCK_90K = Fraction(1, 90_000)
FPS = 10
ENCODERS: dict[VideoCodec, str] = {"h264": "libx264", "hevc": "libx265"}


def head(first: Packet, *, part: int = 0) -> ClipHead:
    """A clip head such as the recorder writes."""
    stream = first.stream
    return ClipHead(
        v=HEAD_VERSION,
        event=EVENT,
        part=part,
        codec=clip_codec(stream),
        width=stream.width,
        height=stream.height,
        first_pts=first.pts,
        time_base=(stream.time_base.numerator, stream.time_base.denominator),
        pre_roll_ms=0,
        starts_mono_ns=first.arrival_mono_ns,
        starts_utc=datetime(2026, 1, 1, tzinfo=UTC),
        boot="0" * 32,
        audio=stream.audio.codec if stream.audio else None,
    )


def encode(
    codec: VideoCodec = "h264",
    *,
    times_s: Sequence[float],
    gop: int = 10,
    b_frames: int = 0,
    first_pts: int = 1_234_567,
    audio: AudioStream | None = None,
    x264: str = "",
) -> list[Packet]:
    """An Annex B stream as a camera sends it: parameter sets in-band, no extradata.

    Frame n is shown at `times_s[n]`; it is grey with a bright square that moves on by n.
    """
    encoder = CodecContext.create(ENCODERS[codec], "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate = CLOCK_90K, Fraction(FPS)
    encoder.gop_size, encoder.max_b_frames = gop, b_frames
    params = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={b_frames}:open-gop=0"
    params += ":log-level=none:pools=1:frame-threads=1:repeat-headers=1" if codec == "hevc" else ""
    params += f":{x264}" if x264 else ""
    encoder.options = {"preset": "ultrafast", f"{ENCODERS[codec][3:]}-params": params}
    stream = VideoStream(codec, WIDTH, HEIGHT, CLOCK_90K, b"", Fraction(FPS), audio)
    frames = [_frame(n, first_pts + round(time_s * 90_000)) for n, time_s in enumerate(times_s)]
    packets: list[Packet] = []
    for frame in [*frames, None]:
        for each in encoder.encode(frame):
            assert each.pts is not None and each.dts is not None
            arrival_ns = int((each.dts - first_pts) * 1_000_000_000 / 90_000)
            packets.append(
                Packet(bytes(each), each.pts, each.dts, each.is_keyframe, stream, arrival_ns)
            )
    return packets


def encode_audio(count: int) -> tuple[AudioStream, list[bytes]]:
    """A camera's AAC: how it is declared, and `count` raw frames of 1024 samples of a tone."""
    encoder = CodecContext.create("aac", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = 16_000, "mono", "fltp"
    frames: list[bytes] = []
    for n in range(count + 4):
        tone = np.sin(np.arange(n * 1024, (n + 1) * 1024) * 0.2).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, n * 1024, Fraction(1, 16_000)
        frames += [bytes(each) for each in encoder.encode(frame)]
    audio = AudioStream("aac", Fraction(1, 16_000), 16_000, 1, encoder.extradata or b"")
    return audio, frames[:count]


def steady(seconds: float, fps: float = FPS) -> list[float]:
    """Frame times of a constant rate."""
    return [n / fps for n in range(round(seconds * fps))]


def _frame(number: int, pts: int) -> av.VideoFrame:
    luma = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    at = number * 2 % (WIDTH - 16)
    luma[40:56, at : at + 16] = 235
    frame = av.VideoFrame.from_ndarray(luma, format="yuv420p")
    frame.pts, frame.time_base = pts, CLOCK_90K
    return frame


def read_packets(path: Path) -> list[Packet]:
    """All packets of a file as FFmpeg demuxes them, with the file's own extradata and times."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        sound = container.streams.audio[0] if container.streams.audio else None
        audio = None
        if sound is not None:
            context = sound.codec_context
            assert sound.time_base is not None
            audio = AudioStream(
                context.name,
                sound.time_base,
                context.sample_rate,
                context.channels,
                context.extradata or b"",
            )
        codec: VideoCodec = "h264" if video.codec_context.name == "h264" else "hevc"
        assert video.time_base is not None
        stream = VideoStream(
            codec,
            video.width,
            video.height,
            video.time_base,
            video.codec_context.extradata or b"",
            video.average_rate,
            audio,
        )
        return [
            Packet(
                bytes(each),
                each.pts,
                each.dts,
                each.is_keyframe,
                stream,
                int(each.dts * each.time_base * 1_000_000_000),
                each.duration or 0,
                is_audio=each.stream is sound,
            )
            for each in container.demux([each for each in (video, sound) if each])
            if each.pts is not None and each.dts is not None
        ]


def video_of(packets: Iterable[Packet]) -> list[Packet]:
    """The video packets."""
    return [each for each in packets if not each.is_audio]


def audio_of(packets: Iterable[Packet]) -> list[Packet]:
    """The audio packets."""
    return [each for each in packets if each.is_audio]


def seconds(packets: Iterable[Packet]) -> list[float]:
    """Each packet's PTS in seconds, to the microsecond."""
    return [round(float(each.pts * each.time_base), 6) for each in packets]


def decode_errors(path: Path) -> str:
    """What the system's ffmpeg has to complain about when it decodes all of a file."""
    # Times as they are: the null muxer would else count in frames, and two of them collide.
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-vsync", "passthrough"]
    command += ["-enc_time_base", "-1", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.stderr + (f"exit status {done.returncode}" if done.returncode else "")


def sha256(path: Path) -> str:
    """Of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def probe(path: Path, entries: str, stream: str = "v:0") -> dict[str, str]:
    """Some entries of a stream as the system's ffprobe prints them."""
    command = ["ffprobe", "-v", "error", "-select_streams", stream, "-show_entries"]
    command += [f"stream={entries}", "-of", "default=noprint_wrappers=1", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return dict(line.split("=", 1) for line in done.stdout.splitlines())
