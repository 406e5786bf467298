"""Sample entries: what a track of a clip declares about its codec (ISO/IEC 14496-12, 8.5.2).

Video is avc1 or hvc1 (hev1 is refused by Safari). Audio is passed through where MP4 has a place
for it: AAC (14496-14), Opus (the Opus-in-ISOBMFF mapping) and G.711 as ulaw and alaw.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from edge.media.packet import AudioStream
from edge.mux.boxes import box, full_box
from edge.mux.decoder_config import DecoderConfig

ENTRY_HEAD = bytes(6) + struct.pack(">H", 1)  # reserved, data reference 1
DPI_72 = 0x480000
DEPTH_24 = 0x0018
AAC_OBJECT_TYPE = 0x40  # 14496-1 table 5: MPEG-4 audio
AUDIO_STREAM_TYPE = 0x05 << 2 | 1
OPUS_HEAD = b"OpusHead"  # RFC 7845 section 5.1
ADTS_SYNC_MASK, ADTS_SYNC = 0xFFF6, 0xFFF0  # 14496-3 1.A.2.2.1: syncword and layer 0


@dataclass(frozen=True)
class AudioEntry:
    """An audio track's sample entry, and how a packet becomes a sample."""

    entry: bytes
    sample: Callable[[bytes], bytes]


def video_entry(config: DecoderConfig, width: int, height: int) -> bytes:
    """The avc1 or hvc1 entry."""
    kind, record = (b"avc1", b"avcC") if config.codec == "h264" else (b"hvc1", b"hvcC")
    fields = struct.pack(
        ">16xHHIIIH32xHh", width & 0xFFFF, height & 0xFFFF, DPI_72, DPI_72, 0, 1, DEPTH_24, -1
    )
    return box(kind, ENTRY_HEAD, fields, box(record, config.record))


def audio_entry(audio: AudioStream, first: bytes) -> AudioEntry | None:
    """How the camera's audio goes into a clip, or None where MP4 cannot hold it as it is.

    `first` is a packet of it: AAC may carry its configuration there (ADTS) and not in extradata.
    """
    if audio.codec == "aac":
        return _aac(audio, first)
    if audio.codec == "opus":
        return _opus(audio)
    kind = {"pcm_mulaw": b"ulaw", "pcm_alaw": b"alaw"}.get(audio.codec)
    if kind is None:
        return None
    return AudioEntry(box(kind, _audio_fields(audio.channels, audio.sample_rate)), bytes)


def _audio_fields(channels: int, sample_rate: int) -> bytes:
    rate = sample_rate if sample_rate < 1 << 16 else 0
    return ENTRY_HEAD + struct.pack(">8xHHHHI", channels, 16, 0, 0, rate << 16)


def _aac(audio: AudioStream, first: bytes) -> AudioEntry | None:
    config = audio.extradata or _adts_config(first)
    if not config:
        return None
    sample = bytes if audio.extradata else _without_adts
    decoder = struct.pack(">BB3xII", AAC_OBJECT_TYPE, AUDIO_STREAM_TYPE, 0, 0)
    decoder = _descriptor(4, decoder + _descriptor(5, config))
    esds = full_box(
        b"esds", 0, 0, _descriptor(3, struct.pack(">HB", 0, 0) + decoder + _descriptor(6, b"\2"))
    )
    return AudioEntry(box(b"mp4a", _audio_fields(audio.channels, audio.sample_rate), esds), sample)


def _descriptor(tag: int, payload: bytes) -> bytes:
    """14496-1 8.3.3: the size in groups of seven bits."""
    size = len(payload)
    return bytes((tag, 0x80 | size >> 14 & 0x7F, 0x80 | size >> 7 & 0x7F, size & 0x7F)) + payload


def _adts_config(first: bytes) -> bytes | None:
    """AudioSpecificConfig (14496-3 1.6.2.1) out of an ADTS header."""
    if len(first) < 7 or int.from_bytes(first[:2], "big") & ADTS_SYNC_MASK != ADTS_SYNC:
        return None
    object_type, rate = (first[2] >> 6) + 1, first[2] >> 2 & 0xF
    channels = (first[2] & 1) << 2 | first[3] >> 6
    return struct.pack(">H", object_type << 11 | rate << 7 | channels << 3)


def _without_adts(data: bytes) -> bytes:
    if _adts_config(data) is None:
        return data
    return data[7:] if data[1] & 1 else data[9:]  # protection_absent: no checksum follows


def _opus(audio: AudioStream) -> AudioEntry | None:
    channels, pre_skip, rate, gain = audio.channels, 0, 48000, 0
    if audio.extradata.startswith(OPUS_HEAD) and len(audio.extradata) >= 19:
        channels, pre_skip, rate, gain, family = struct.unpack_from("<BHIhB", audio.extradata, 9)
        if family != 0:
            return None
    config = box(b"dOps", struct.pack(">BBHIhB", 0, channels, pre_skip, rate, gain, 0))
    return AudioEntry(box(b"Opus", _audio_fields(channels, 48000), config), bytes)
