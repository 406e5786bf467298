"""Writes one clip: camera packets in, byte for byte, and out comes an MP4 file.

While open, the file grows by fragments of about FRAGMENT_S of pictures, and can be completed up
to the last one at any time (`edge.mux.recovery`). Closed, it is a plain MP4, its index in front.
All writes go through `edge.base.durable.PartFile`; nothing is encoded or decoded here.
"""

from __future__ import annotations

import dataclasses
import os
from fractions import Fraction
from pathlib import Path

from edge.base import crashpoint
from edge.base.durable import PartFile
from edge.media.packet import AudioStream, Packet
from edge.mux import fragment, layout
from edge.mux.clip import ClipHead, ClosedClip, closed_clip
from edge.mux.decoder_config import decoder_config
from edge.mux.errors import EmptyClipError
from edge.mux.sample_entry import AudioEntry, audio_entry, video_entry
from edge.mux.track import MAX_OFFSET_S, Ticker, TrackFormat
from edge.mux.track_writer import TrackWriter

FRAGMENT_S = 1.5  # with a picture every half second, no more than 2 s are ever unwritten
FRAGMENT_BYTES = 4 * 2**20
EARLY_AUDIO_S = 1  # of before its first picture, in a clip that continues another
VIDEO, AUDIO = 1, 2


class ClipWriter:
    """An open clip. Used by one thread. After a StorageError only `leave` may follow."""

    def __init__(
        self,
        path: Path,
        first: Packet,
        head: ClipHead,
        *,
        carries_audio: bool = True,
        is_continued: bool = False,
    ) -> None:
        """Open `path`.part for a clip whose first packet, a keyframe, is `first`.

        Writes nothing yet, not even `first`. A clip that continues another one takes audio from
        shortly before its first picture, which no earlier clip holds. Raises MuxError where the
        stream cannot be put into a file, StorageError where there can be no file.
        """
        self._config = decoder_config(first.stream, first.data)
        self._head = head
        self._zero_s = _zero_s(first)
        self._video = self._video_track(first)
        self._audio: tuple[TrackWriter, AudioEntry] | None = None
        self._carries_audio = carries_audio
        self._early_audio_s = EARLY_AUDIO_S if is_continued else 0
        self._front: layout.Front | None = None
        self._open_audio(first.stream.audio, b"")
        self._last_video: tuple[int, int] | None = None
        self._pending_bytes = 0
        self._video_packets = 0
        self._fragments = 0
        self._end = 0
        self._flushed_end = 0
        self._is_synced = True
        self._part = PartFile(path)

    @property
    def part_path(self) -> Path:
        """Where the open file is."""
        return self._part.part_path

    @property
    def size_bytes(self) -> int:
        """What the file holds and what waits for it."""
        return self._end + self._pending_bytes

    @property
    def flushed_bytes(self) -> int:
        """How much of the file certainly survives a power cut."""
        return self._flushed_end

    @property
    def video_packets(self) -> int:
        """Pictures taken so far, also those whose writing failed."""
        return self._video_packets

    def write(self, packet: Packet) -> bool:
        """Take the next packet; false if the clip cannot hold it. Raises StorageError."""
        return self._write_audio(packet) if packet.is_audio else self._write_video(packet)

    def sync(self) -> bool:
        """Make the fragments written so far survive a power cut; false if they do already.

        Raises StorageError.
        """
        if self._is_synced:
            return False
        self._part.flush_to_disk()
        self._is_synced = True
        self._flushed_end = self._end
        return True

    def flush(self) -> None:
        """Write what waits as a fragment, however short, and sync. Raises StorageError."""
        self._cut(None)
        self.sync()

    def seconds_at(self, packet: Packet) -> float:
        """How long the clip will be when this video packet begins."""
        return self._video.ticker.from_zero(packet.pts) / self._video.form.timescale

    def close(self, *, lost_packets: int = 0) -> ClosedClip:
        """Make it a plain MP4 under its final name, durable on return.

        Raises StorageError; EmptyClipError, and leaves no file, where no picture was written.
        """
        self._cut(None)
        if self._front is None:
            self._part.discard()
            raise EmptyClipError("a clip without a picture")
        tracks = [(each.form, each.table) for each in self._tracks()]
        sha256 = layout.close_up(self._part, self._front, tracks, self._end)
        size_bytes = self._part.seek(0, os.SEEK_END)
        self._part.publish()
        return dataclasses.replace(
            closed_clip(self._part.path, self._head, tracks, sha256, size_bytes),
            lost_packets=lost_packets,
            mended_packets=sum(each.ticker.mended for each in self._tracks()),
        )

    def leave(self) -> None:
        """Let go of the file as it is, for recovery. Safe to call again, and after `close`."""
        self._part.leave()

    def _tracks(self) -> list[TrackWriter]:
        return [self._video, self._audio[0]] if self._audio else [self._video]

    def _video_track(self, first: Packet) -> TrackWriter:
        stream = first.stream
        ticker = Ticker(stream.time_base, self._zero_s)
        form = TrackFormat(
            VIDEO,
            is_audio=False,
            timescale=ticker.timescale,
            entry=video_entry(self._config, stream.width, stream.height),
            early=max(0, -ticker.from_zero(first.dts)),
            width=stream.width & 0xFFFF,
            height=stream.height & 0xFFFF,
        )
        return TrackWriter(form, ticker)

    def _write_video(self, packet: Packet) -> bool:
        data = self._config.sample(packet.data)
        if not data:
            return False
        video, times = self._video, (packet.dts, packet.pts)
        self._pending_bytes += len(data)
        if times == self._last_video and video.pending and self._is_rest(packet):
            video.pending[-1].data += data
            return True
        self._last_video = times
        sample = video.make(data, packet)
        if video.waited_s(sample.dts) >= FRAGMENT_S or self._pending_bytes >= FRAGMENT_BYTES:
            self._cut(sample.dts)
            self._pending_bytes = len(data)
        self._video_packets += 1
        video.pending.append(sample)
        return True

    def _is_rest(self, packet: Packet) -> bool:
        """Whether the packet is the rest of the picture before it, cut in two on the way."""
        return not self._config.begins_picture(packet.data)

    def _write_audio(self, packet: Packet) -> bool:
        audio = self._audio or self._open_audio(packet.stream.audio, packet.data)
        if audio is None:
            return False
        track, entry = audio
        if track.ticker.from_zero(min(packet.pts, packet.dts)) < -track.form.early:
            return False
        track.pending.append(track.make(entry.sample(packet.data), packet))
        self._pending_bytes += len(packet.data)
        return True

    def _open_audio(
        self, stream: AudioStream | None, first: bytes
    ) -> tuple[TrackWriter, AudioEntry] | None:
        """Declare the audio track, which can be done until the first fragment is written."""
        if not self._carries_audio or stream is None or self._front is not None:
            return None
        entry = audio_entry(stream, first)
        if entry is None:
            return None
        ticker = Ticker(stream.time_base, self._zero_s)
        form = TrackFormat(
            AUDIO,
            is_audio=True,
            timescale=ticker.timescale,
            entry=entry.entry,
            early=self._early_audio_s * ticker.timescale,
        )
        self._audio = TrackWriter(form, ticker), entry
        return self._audio

    def _cut(self, next_dts: int | None) -> None:
        """Write a fragment of what waits; `next_dts` is when the next picture is decoded."""
        if not self._video.pending and self._front is None:
            return
        tracks = [each for each in self._tracks() if each.pending]
        if not tracks:
            return
        begin = b"" if self._front else self._begin()
        runs = [each.take_run(None if each.form.is_audio else next_dts) for each in tracks]
        self._fragments += 1
        body, starts = fragment.build(self._fragments, runs)
        at = self._end + len(begin)
        self._is_synced = False
        self._part.write(begin + body)
        crashpoint.at("clip.fragment")
        for track, run, start in zip(tracks, runs, starts, strict=True):
            track.table.add_chunk(at + start, run.samples)
        self._end = at + len(body)
        self._pending_bytes = 0

    def _begin(self) -> bytes:
        self._front, begin = layout.front(self._head, [each.form for each in self._tracks()])
        return begin


def _zero_s(first: Packet) -> Fraction:
    """The time that becomes the clip's zero: the first PTS, unless it is out of all reason."""
    time_base = first.stream.time_base
    is_sane = abs(first.pts - first.dts) * time_base <= MAX_OFFSET_S
    return (first.pts if is_sane else first.dts) * time_base
