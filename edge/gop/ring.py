"""The packet ring: the last seconds of a camera's compressed stream, in memory, as whole GOPs.

One thread appends (capture); any number of threads read through a `RingReader` (recorders, the
motion gate). Nothing here decodes, opens a file or waits for a reader: a reader that cannot keep
up is told how many video packets it lost.

Bounds, looked at when a packet is appended
- Time: a GOP goes once the next one already reaches back `keep_s` from the newest keyframe and no
  open reader still needs it. So at least `keep_s` is held, plus up to two GOPs.
- Held: what arrived since a time that `hold` named stays too, up to `hold_s` more, so that one who
  looks at packets late finds those from before them.
- Spare: GOPs of up to `spare_s` more are kept while all is no larger than `spare_bytes`.
- Bytes: beyond `max_bytes` the oldest GOPs go, needed or not. A single GOP larger than that loses
  its own oldest packets; no clip can start in what is left of it, while a reader that is already
  past the dropped packets goes on without a loss. The next keyframe starts afresh.
- Packets that no keyframe of their stream precedes cannot be decoded; they are counted, not kept.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from types import TracebackType
from typing import Self

from edge.media.packet import Packet, VideoStream

PACKET_OVERHEAD_BYTES = 350  # objects around the payload, by sys.getsizeof on CPython 3.11
SHRINK = 8  # a GOP too large is cut by at least an eighth, so that not each packet moves the rest


@dataclass(slots=True)
class _Gop:
    """A keyframe and the packets up to the next one."""

    stream: VideoStream
    start_pts: int
    first_index: int
    video_before: int  # video packets that the ring took before this GOP's first one
    packets: list[Packet] = field(default_factory=list)
    size_bytes: int = 0
    is_headless: bool = False

    def starts_at_or_before(self, pts: float) -> bool:
        return self.start_pts <= pts


class PacketRing:
    """Whole GOPs of one camera. Every method may be called by any thread; one thread appends."""

    def __init__(
        self,
        *,
        keep_s: float,
        max_bytes: int,
        spare_s: float = 0.0,
        spare_bytes: int = 0,
        hold_s: float = 0.0,
    ) -> None:
        """Hold at least `keep_s` of history (pre-roll plus how late a trigger may come)."""
        self.keep_s = keep_s
        self._hold_s = hold_s
        self._held_since_ns: int | None = None
        self.max_bytes = max_bytes
        self._spare_s = spare_s
        self._spare_bytes = spare_bytes
        self._gops: list[_Gop] = []
        self._size_bytes = 0
        self._next_index = 0
        self._video_count = 0
        self._skipped = 0
        self._last_video: tuple[int, int] | None = None
        self._readers: set[RingReader] = set()
        self._is_closed = False
        self._changed = threading.Condition()

    def append(self, packet: Packet) -> bool:
        """Take a packet and give it its index; false when it was skipped. Never blocks for long."""
        with self._changed:
            if not self._takes(packet):
                self._skipped += 1
                return False
            gop = self._gops[-1]
            packet.index = self._next_index
            self._next_index += 1
            self._video_count += not packet.is_audio
            gop.packets.append(packet)
            size_bytes = len(packet.data) + PACKET_OVERHEAD_BYTES
            gop.size_bytes += size_bytes
            self._size_bytes += size_bytes
            if self._size_bytes > self.max_bytes:
                self._drop_by_size()
            self._changed.notify_all()
            return True

    def cursor_before(
        self, pts: int, pre_roll_s: float = 0.0, *, stream: VideoStream | None = None
    ) -> int | None:
        """The index of the keyframe at or before `pts` minus `pre_roll_s`.

        `pts` is of `stream`, or of the newest one. Where history does not reach so far back, the
        oldest keyframe held that a clip may start with; None when there is none.
        """
        with self._changed:
            stream = stream or (self._gops[-1].stream if self._gops else None)
            if stream is None:
                return None
            gop = self._gop_before(stream, pts, pre_roll_s)
            return gop.first_index if gop else None

    def reader(self, index: int) -> RingReader:
        """A reader whose first packet is `index`; close it, for it keeps packets from going."""
        with self._changed:
            reader = RingReader(self, index, self._video_before(index))
            self._readers.add(reader)
            return reader

    def reader_before(
        self, pts: int, pre_roll_s: float = 0.0, *, stream: VideoStream | None = None
    ) -> RingReader:
        """A reader from `cursor_before` on, or from the next packet to come if it is None."""
        with self._changed:
            index = self.cursor_before(pts, pre_roll_s, stream=stream)
            return self.reader(self._next_index if index is None else index)

    def hold(self, since_ns: int | None) -> None:
        """Keep what arrived since then, by the monotonic clock; None: no more than usual."""
        self._held_since_ns = since_ns

    def wait(self, index: int, timeout_s: float) -> bool:
        """Block until a packet with `index` was appended; false after `timeout_s` or `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._next_index > index or self._is_closed, timeout_s)
            return self._next_index > index

    def close(self) -> None:
        """Wake all readers; what is held can still be read. Safe to call again."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    @property
    def is_closed(self) -> bool:
        """Whether nothing will be appended any more."""
        return self._is_closed

    @property
    def size_bytes(self) -> int:
        """What is held now, objects included."""
        return self._size_bytes

    @property
    def next_index(self) -> int:
        """The index that the next packet will get."""
        return self._next_index

    @property
    def skipped_packets(self) -> int:
        """Packets not kept since no keyframe of their stream came before them."""
        return self._skipped

    @property
    def history_s(self) -> float:
        """Seconds from the oldest to the newest keyframe of the newest stream."""
        with self._changed:
            gops = [each for each in self._gops if each.stream is self._gops[-1].stream]
            if not gops:
                return 0.0
            return float((gops[-1].start_pts - gops[0].start_pts) * gops[0].stream.time_base)

    # Below: called with the lock held.

    def _takes(self, packet: Packet) -> bool:
        current = self._gops[-1] if self._gops else None
        if packet.is_audio:
            return current is not None and current.stream is packet.stream
        is_same_stream = current is not None and current.stream is packet.stream
        # A sliced picture may come as two packets with one time; its second half starts no GOP.
        is_continued = is_same_stream and self._last_video == (packet.dts, packet.pts)
        self._last_video = (packet.dts, packet.pts)
        if not packet.is_keyframe or is_continued:
            return is_same_stream
        self._gops.append(_Gop(packet.stream, packet.pts, self._next_index, self._video_count))
        self._drop_by_time(packet)
        return True

    def _gop_before(self, stream: VideoStream, pts: float, pre_roll_s: float) -> _Gop | None:
        """Newest first; a GOP that starts later than the one after it belongs to another time."""
        target = pts - pre_roll_s / float(stream.time_base)
        best: _Gop | None = None
        for gop in reversed(self._gops):
            if gop.stream is not stream:
                if best:
                    break
                continue
            if gop.is_headless or (best and gop.start_pts > best.start_pts):
                break
            best = gop
            if gop.starts_at_or_before(target):
                break
        return best

    def _drop_by_time(self, newest: Packet) -> None:
        if self._spare_s:
            self._drop(self._count_older(newest, self.keep_s + self._spare_s))
        if self._size_bytes <= self._spare_bytes:
            return
        count = self._count_older(newest, self.keep_s)
        if self._spare_s:
            over = self._size_bytes - self._spare_bytes
            sizes = accumulate(gop.size_bytes for gop in self._gops[:count])
            count = next((n for n, freed in enumerate(sizes, start=1) if freed >= over), count)
        self._drop(count)

    def _count_older(self, newest: Packet, keep_s: float) -> int:
        """How many GOPs nobody needs who wants `keep_s` before the newest packet."""
        reach = self._gop_before(newest.stream, newest.pts, keep_s)
        needed = reach.first_index if reach else self._next_index
        if reach is None or not reach.starts_at_or_before(
            newest.pts - keep_s / float(newest.stream.time_base)
        ):
            needed = self._older_than_discontinuity(needed, newest, keep_s)
        for reader in self._readers:
            needed = min(needed, reader.next_index)
        needed = min(needed, self._held_index(newest, keep_s))
        count = 0
        while count + 1 < len(self._gops) and self._gops[count + 1].first_index <= needed:
            count += 1
        return count

    def _held_index(self, newest: Packet, keep_s: float) -> int:
        """Where the GOP begins that `hold` reaches back to; the next index if it asks nothing."""
        since_ns = self._held_since_ns
        if since_ns is None:
            return self._next_index
        since_ns = max(since_ns, newest.arrival_mono_ns - int((keep_s + self._hold_s) * 1e9))
        for gop in reversed(self._gops):
            if gop.packets and gop.packets[0].arrival_mono_ns <= since_ns:
                return gop.first_index
        return self._gops[0].first_index

    def _older_than_discontinuity(self, needed: int, newest: Packet, keep_s: float) -> int:
        """Across a reconnect PTS says nothing; there, GOPs age by when they arrived."""
        oldest_ns = newest.arrival_mono_ns - int(keep_s * 1e9)
        for gop in reversed(self._gops):
            if gop.first_index < needed and gop.packets:
                if gop.packets[-1].arrival_mono_ns < oldest_ns:
                    break
                needed = gop.first_index
        return needed

    def _drop_by_size(self) -> None:
        count, over = 0, self._size_bytes - self.max_bytes
        while count + 1 < len(self._gops) and over > 0:
            over -= self._gops[count].size_bytes
            count += 1
        self._drop(count)
        if over > 0:
            self._behead(self._gops[0], over)

    def _behead(self, gop: _Gop, over_bytes: int) -> None:
        to_free = max(over_bytes, gop.size_bytes // SHRINK)
        count = freed = 0
        while count < len(gop.packets) - 1 and freed < to_free:
            freed += len(gop.packets[count].data) + PACKET_OVERHEAD_BYTES
            gop.video_before += not gop.packets[count].is_audio
            count += 1
        del gop.packets[:count]
        gop.first_index += count
        gop.size_bytes -= freed
        gop.is_headless = True
        self._size_bytes -= freed

    def _drop(self, count: int) -> None:
        self._size_bytes -= sum(gop.size_bytes for gop in self._gops[:count])
        del self._gops[:count]

    def _position(self, index: int) -> tuple[int, int]:
        """Which GOP holds `index`, and where in it; (-1, ...) when it is older than all."""
        at = bisect_right(self._gops, index, key=lambda gop: gop.first_index) - 1
        return at, index - self._gops[at].first_index if at >= 0 else 0

    def _video_before(self, index: int) -> int:
        at, offset = self._position(index)
        if at < 0:
            return self._gops[0].video_before if self._gops else self._video_count
        gop = self._gops[at]
        return gop.video_before + sum(not each.is_audio for each in gop.packets[:offset])

    def _catch_up(self, reader: RingReader) -> bool:
        """Move a reader whose packets were dropped to the next keyframe; false if none is held."""
        if not self._gops or reader.next_index >= self._gops[0].first_index:
            return True
        gop = next((each for each in self._gops if not each.is_headless), None)
        if gop is None:
            return False
        reader._skip_to(gop.first_index, gop.video_before)
        return True

    def _take(self, reader: RingReader, max_packets: int) -> list[Packet]:
        if not self._catch_up(reader):
            return []
        at, offset = self._position(reader.next_index)
        taken: list[Packet] = []
        while 0 <= at < len(self._gops) and len(taken) < max_packets:
            packets = self._gops[at].packets
            taken += packets[offset : offset + max_packets - len(taken)]
            at, offset = at + 1, 0
        return taken

    def _read_for(self, reader: RingReader, max_packets: int, timeout_s: float) -> list[Packet]:
        """What `RingReader.read` asks for."""
        taken: list[Packet] = []

        def has_some() -> bool:
            taken[:] = self._take(reader, max_packets)
            return bool(taken) or self._is_closed

        with self._changed:
            self._changed.wait_for(has_some, timeout_s)
            reader._passed(taken)
        return taken

    def _forget(self, reader: RingReader) -> None:
        """What `RingReader.close` asks for."""
        with self._changed:
            self._readers.discard(reader)


class RingReader:
    """One consumer's place in the ring. Used by one thread; a context manager that closes."""

    def __init__(self, ring: PacketRing, index: int, video_before: int) -> None:
        self._ring = ring
        self._video_before = video_before
        self.next_index = index
        self.lost_packets = 0
        """Video packets that were dropped before they could be read, so far."""
        self.is_behind = False
        """Never: what is held is given at once. For `edge.mux.recorder.PacketReader`."""

    def read(self, max_packets: int = 64, timeout_s: float = 0.0) -> list[Packet]:
        """The next packets in order, waiting up to `timeout_s` for the first.

        Empty after the timeout, or once the ring is closed and read to its end. After a loss the
        next packet is a keyframe and `lost_packets` has grown.
        """
        return self._ring._read_for(self, max_packets, timeout_s)

    def _passed(self, packets: list[Packet]) -> None:
        """The ring's note of what was read."""
        self.next_index += len(packets)
        self._video_before += sum(not each.is_audio for each in packets)

    def _skip_to(self, index: int, video_before: int) -> None:
        """The ring's note of what was lost."""
        self.lost_packets += video_before - self._video_before
        self.next_index, self._video_before = index, video_before

    def close(self) -> None:
        """Let go of the packets. Safe to call again."""
        self._ring._forget(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
