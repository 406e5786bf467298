"""Journals for tests: chained, signed records as a node would write them, made without a node."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from edge.contract import ids, names, record
from edge.contract.parts import ClipRef, ClockStamp, ClockState, Instant, Label, SnapshotRef, Track
from edge.contract.record import (
    Body,
    ClockStepped,
    CoverageSpans,
    EventEnded,
    EventLabelled,
    EventStarted,
    EventUpdated,
    Header,
    NodeBooted,
    Span,
)
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
    """Writes one epoch of one node.

    `now_utc` is true time. The node's wall clock is wrong by `wrong_by`, and says so if its state
    is unsynced; its monotonic clock counts from `booted_utc`.
    """

    def __init__(self, node: str = "gate-1", *, seed: int = 1, start_utc: datetime = START_UTC):
        rng = random.Random(f"{node}/{seed}")
        self.node = node
        self.epoch = rng.randbytes(8).hex()
        self.key = PrivateKey(random.Random(node).randbytes(32))
        self.lines: list[Line] = []
        self.now_utc = start_utc
        self.boot = BOOT
        self.booted_utc = START_UTC - timedelta(seconds=1000)
        self.clock: ClockState = "synced"
        self.wrong_by = timedelta(0)

    def reboot(
        self, boot: str, *, clock: ClockState = "synced", wrong_by: timedelta = timedelta(0)
    ) -> None:
        """From now on another boot, with a clock in this state."""
        self.boot, self.booted_utc = boot, self.now_utc
        self.clock, self.wrong_by = clock, wrong_by

    def sync(self) -> Line:
        """The clock is set."""
        before_utc, step_ms = self.now_utc + self.wrong_by, -self.wrong_by // timedelta(0, 0, 1000)
        self.clock, self.wrong_by = "synced", timedelta(0)
        after_utc = self.now_utc + timedelta(seconds=1)  # `add` lets a second pass
        return self.add(
            ClockStepped(before_utc + timedelta(seconds=1), after_utc, step_ms), camera=None
        )

    def instant(self, utc: datetime | None = None) -> Instant:
        """A moment on both clocks."""
        moment = utc or self.now_utc
        mono_ns = max(0, (moment - self.booted_utc) // timedelta(microseconds=1) * 1000)
        return Instant(moment + self.wrong_by, mono_ns)

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
            at_utc=self.now_utc + self.wrong_by,
            clock=ClockStamp(self.clock, self.boot, self.instant().mono_ns, self._error_ms()),
            camera=camera,
            event=event,
        )
        line = self.sign(record.encode(header, body), header)
        self.lines.append(line)
        return line

    def sign(self, payload: bytes, header: Header) -> Line:
        """A line with any payload, signed by this node."""
        return Line(header, payload, self.key.sign(payload))

    def account(
        self, start_utc: datetime, end_utc: datetime, spans: Sequence[Span], *, camera: str = "door"
    ) -> Line:
        """An account of a camera's time."""
        body = CoverageSpans(self.instant(start_utc), self.instant(end_utc), tuple(spans))
        return self.add(body, camera=camera)

    def watched(self, start_utc: datetime, end_utc: datetime, *, camera: str = "door") -> Line:
        """An account of a camera that watched all the time."""
        span = Span(0, (end_utc - start_utc) // timedelta(milliseconds=1), "watched")
        return self.account(start_utc, end_utc, [span], camera=camera)

    def _error_ms(self) -> int | None:
        return None if self.clock == "unsynced" else 5

    def booted(self, version: str = "0.1.0") -> Line:
        """The agent started."""
        return self.add(NodeBooted(version, ("door",)), camera=None)

    def event(
        self,
        *,
        camera: str = "door",
        zones: tuple[str, ...] = ("path",),
        duration_ms: int = 4200,
        clip: bytes | None = None,
        snapshot: bytes | None = None,
        more_parts: tuple[bytes, ...] = (),
        tracks: tuple[Track, ...] = (),
    ) -> list[Line]:
        """A whole event: started, an update for each of `more_parts`, ended with `clip`."""
        started_utc = self.now_utc
        event, begun = ids.new_event(started_utc), self.instant()
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
            ended=self.instant(started_utc + timedelta(milliseconds=duration_ms)),
            duration_ms=duration_ms,
            reason="quiet",
            zones=zones,
            score=0.25,
            parts=len(more_parts) + (clip is not None),
            clip=last,
            snapshot=picture,
            tracks=tracks,
        )
        lines.append(self.add(ended, camera=camera, event=event))
        return lines

    def labels(self, event: Line, **confidences: float) -> Line:
        """The node's model took the event of that line for these."""
        seen = self.instant()
        labels = tuple(
            Label(name, sure, (0.1, 0.2, 0.3, 0.4), seen) for name, sure in confidences.items()
        )
        body = EventLabelled(labels, 2, seen, "0e" * 32)
        return self.add(body, camera=event.header.camera, event=event.header.event)


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
        starts=Instant(starts.utc - timedelta(seconds=3), max(0, starts.mono_ns - 3 * 10**9)),
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
