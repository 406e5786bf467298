"""Journals for tests: chained, signed records as a node would write them, made without a node."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from edge.contract import ids, names, record
from edge.contract.parts import ClipRef, ClockStamp, Instant, SnapshotRef
from edge.contract.record import Body, EventEnded, EventStarted, EventUpdated, Header, NodeBooted
from edge.keys import PrivateKey

BOOT = "b" * 32
START_UTC = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    """One record as it stands in a journal."""

    header: Header
    payload: bytes
    signature: bytes

    @property
    def digest(self) -> str:
        """The hash that the next line carries."""
        return record.digest(self.payload)


class Journal:
    """Writes one epoch of one node."""

    def __init__(self, node: str = "gate-1", *, seed: int = 1, start_utc: datetime = START_UTC):
        rng = random.Random(f"{node}/{seed}")
        self.node = node
        self.epoch = rng.randbytes(8).hex()
        self.key = PrivateKey(random.Random(node).randbytes(32))
        self.lines: list[Line] = []
        self.now_utc = start_utc

    def instant(self, utc: datetime | None = None) -> Instant:
        """A moment on both clocks."""
        moment = utc or self.now_utc
        return Instant(moment, max(0, int((moment - START_UTC).total_seconds() * 1e9)) + 10**12)

    def add(self, body: Body, *, camera: str | None = "door", event: str | None = None) -> Line:
        """Append one record, a second after the one before."""
        self.now_utc += timedelta(seconds=1)
        prev = self.lines[-1].digest if self.lines else names.FIRST_HASH
        header = Header(
            v=names.VERSION,
            node=self.node,
            epoch=self.epoch,
            seq=len(self.lines) + 1,
            prev=prev,
            type=record.TYPES[type(body)],
            at_utc=self.now_utc,
            clock=ClockStamp("synced", BOOT, self.instant().mono_ns, 5),
            camera=camera,
            event=event,
        )
        line = self.sign(record.encode(header, body), header)
        self.lines.append(line)
        return line

    def sign(self, payload: bytes, header: Header) -> Line:
        """A line with any payload, signed by this node."""
        return Line(header, payload, self.key.sign(payload))

    def booted(self) -> Line:
        """The agent started."""
        return self.add(NodeBooted("0.1.0", ("door",)), camera=None)

    def event(
        self,
        *,
        camera: str = "door",
        zones: tuple[str, ...] = ("path",),
        duration_ms: int = 4200,
        clip: bytes | None = None,
        snapshot: bytes | None = None,
        more_parts: tuple[bytes, ...] = (),
    ) -> list[Line]:
        """A whole event: started, an update for each of `more_parts`, ended with `clip`."""
        event, begun = ids.new_event(self.now_utc), self.instant()
        picture = None if snapshot is None else snapshot_ref(snapshot, begun)
        lines = [
            self.add(
                EventStarted("motion", begun, zones[:1], 0.1, None, picture),
                camera=camera,
                event=event,
            )
        ]
        for part, content in enumerate(more_parts):
            update = EventUpdated(clip_ref(content, begun, part=part), zones)
            lines.append(self.add(update, camera=camera, event=event))
        last = None if clip is None else clip_ref(clip, begun, part=len(more_parts))
        ended = EventEnded(
            kind="motion",
            started=begun,
            ended=self.instant(begun.utc + timedelta(milliseconds=duration_ms)),
            duration_ms=duration_ms,
            reason="quiet",
            zones=zones,
            score=0.25,
            parts=len(more_parts) + (clip is not None),
            clip=last,
            snapshot=picture,
        )
        lines.append(self.add(ended, camera=camera, event=event))
        return lines


def clip_ref(content: bytes, starts: Instant, *, part: int = 0) -> ClipRef:
    """How a record announces a clip of these bytes."""
    return ClipRef(
        part=part,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        duration_ms=9000,
        codec="h264",
        width=1280,
        height=720,
        starts=replace(starts, utc=starts.utc - timedelta(seconds=3)),
        pre_roll_ms=3000 if part == 0 else 0,
        first_pts=0,
        time_base=(1, 90000),
        packets=135,
    )


def snapshot_ref(content: bytes, taken: Instant) -> SnapshotRef:
    """How a record announces a picture of these bytes."""
    return SnapshotRef(
        hashlib.sha256(content).hexdigest(), len(content), 640, 360, taken, (0.1, 0.2, 0.3, 0.4)
    )
