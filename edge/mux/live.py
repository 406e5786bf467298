"""A camera's packets as pieces of fragmented MP4, for who watches now. Bytes in, bytes out.

One track of video, a fragment for the packets that are there, each with its true duration: so a
packet waits for the next one, which is one picture's delay. No sound: who watches need not listen.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from edge.media.packet import Packet
from edge.mux import fragment
from edge.mux.codec_name import codec_name
from edge.mux.decoder_config import decoder_config
from edge.mux.fragment import CHECK_BYTES
from edge.mux.layout import FTYP
from edge.mux.moov import open_moov
from edge.mux.sample_entry import video_entry
from edge.mux.track import Ticker, TrackFormat
from edge.mux.track_writer import Pending, TrackWriter

VIDEO = 1


class LiveMuxer:
    """One stream of a camera from a keyframe on. Used by one thread."""

    def __init__(self, first: Packet, *, starts_s: float = 0.0) -> None:
        """`first` is a keyframe, which is still to be added; it is decoded at `starts_s` of what
        the viewer sees. Raises MuxError where the stream cannot be put into MP4."""
        stream = self.stream = first.stream
        self._config = decoder_config(stream, first.data)
        zero_s = first.dts * stream.time_base - Fraction(round(starts_s * 1000), 1000)
        ticker = Ticker(stream.time_base, zero_s)
        entry = video_entry(self._config, stream.width, stream.height)
        form = TrackFormat(
            VIDEO, is_audio=False, timescale=ticker.timescale, entry=entry, early=0,
            width=stream.width & 0xFFFF, height=stream.height & 0xFFFF,
        )  # fmt: skip
        self._track = TrackWriter(form, ticker)
        self._last_times: tuple[int, int] | None = None
        self._count = 0
        self.codec = codec_name(self._config.codec, self._config.record)
        self.init = FTYP + open_moov([form])

    @property
    def ends_s(self) -> float:
        """When the newest picture is decoded, in seconds of what the viewer sees."""
        waiting = self._track.pending
        return waiting[-1].dts / self._track.form.timescale if waiting else 0.0

    def add(self, packets: Sequence[Packet]) -> list[tuple[bool, bytes]]:
        """Fragments of all but the newest picture, each with whether it begins with a keyframe.

        A keyframe begins a fragment. All packets are of this stream's video.
        """
        found: list[tuple[bool, bytes]] = []
        for packet in packets:
            data = self._config.sample(packet.data)
            if not data:
                continue
            times = (packet.dts, packet.pts)
            waiting = self._track.pending
            if (
                times == self._last_times
                and waiting
                and not self._config.begins_picture(packet.data)
            ):  # the rest of a picture that was cut in two on the way
                waiting[-1].data += data
                continue
            self._last_times = times
            made = self._track.make(data, packet)
            if made.is_sync and waiting:
                found.append(self._cut(made))
            self._track.pending.append(made)
        if len(self._track.pending) > 1:
            newest = self._track.pending.pop()
            found.append(self._cut(newest))
            self._track.pending.append(newest)
        return found

    def leave_out(self) -> None:
        """Packets are left out here; the next one is a keyframe."""
        self._track.pending.clear()
        self._last_times = None

    def _cut(self, following: Pending) -> tuple[bool, bytes]:
        begins = self._track.pending[0].is_sync
        self._count += 1
        body, _ = fragment.build(self._count, [self._track.take_run(following.dts)])
        return begins, body[:-CHECK_BYTES]
