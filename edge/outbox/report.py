"""The journal as `camwatch-edge journal` shows it: read from the files, changing nothing.

Works beside a running agent, and on what a dead one left. What a running agent keeps in memory only
is not seen here; its health says so.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.base import sqlite
from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.base.units import format_duration, format_size
from edge.contract import record
from edge.contract.errors import ContractError
from edge.keys import PublicKey
from edge.outbox import aside
from edge.outbox.examine import examine, read_gaps, read_tip
from edge.outbox.tables import MIGRATIONS
from edge.outbox.values import Gap, Tip


@dataclass(frozen=True)
class Running:
    """An event that has not ended."""

    event: str
    camera: str


@dataclass(frozen=True)
class Report:
    """What a journal holds and what is wrong with it."""

    path: str
    node: str
    key: str
    """Fingerprint of the node's public key."""
    epoch: str | None
    last_seq: int
    acked_seq: int
    records: int
    clips: int
    snapshots: int
    waiting_bytes: int
    """Of clips and snapshots."""
    oldest_s: float | None
    size_bytes: int
    """Of the journal with its log, ballast not included."""
    open_events: tuple[Running, ...]
    gaps: tuple[Gap, ...]
    """Stretches that were given up and that the hub has not acknowledged yet."""
    was_closed: bool
    """False also while an agent runs."""
    moved_aside: tuple[str, ...]
    damage: tuple[str, ...]
    is_verified: bool
    """Whether signatures and contents were checked too."""

    def to_json(self) -> dict[str, object]:
        """For machines."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For people."""
        oldest = (
            "" if self.oldest_s is None else f", the oldest for {format_duration(self.oldest_s)}"
        )
        lines = [
            f"journal     {self.path}, {format_size(self.size_bytes)}",
            f"node        {self.node}, key {self.key}",
            f"epoch       {self.epoch or 'none'}",
            f"records     {self.last_seq} written, acknowledged up to {self.acked_seq}",
            f"waiting     {self.records} records{oldest}",
            f"            {self.clips} clips and {self.snapshots} snapshots,"
            f" {format_size(self.waiting_bytes)}",
            f"state       {'closed in good order' if self.was_closed else 'in use or cut short'}",
        ]
        lines += [f"open event  {each.event} at {each.camera}" for each in self.open_events]
        lines += [
            f"given up    {gap.first_seq} to {gap.last_seq} ({gap.cause})" for gap in self.gaps
        ]
        lines += [f"moved aside {name}" for name in self.moved_aside]
        lines += [f"damage      {finding}" for finding in self.damage]
        if not self.damage:
            checked = "hashes, chain and signatures" if self.is_verified else "hashes and chain"
            lines.append(f"damage      none found in {checked}")
        return lines


def report(path: Path, *, node: str, key: PublicKey, clock: Clock, is_verifying: bool) -> Report:
    """Read the journal at `path`, all of it. Raises StorageError where it cannot be read at all.

    `is_verifying`: decode every stored record and check its signature too.
    """
    if not path.exists():
        raise StorageError(
            f"{path} does not exist", path=str(path), hint="the agent makes it at its first start"
        )
    findings: list[str] = []
    tip: Tip | None = None
    known = _Known()
    try:
        with (
            contextlib.closing(sqlite.open_database(path, MIGRATIONS, is_read_only=True)) as db,
            sqlite.errors_named(path),
        ):
            db.execute("BEGIN")  # one state of it, whatever the agent writes meanwhile
            findings += examine(db, key=key if is_verifying else None)
            tip = read_tip(db)
            known = _read(db, clock)
    except sqlite.DamagedDatabaseError as err:
        findings.append(str(err))
    except (TypeError, ValueError) as err:
        findings.append(f"a row cannot be read: {err}")
    return Report(
        path=str(path),
        node=node,
        key=key.fingerprint,
        epoch=tip.epoch if tip else aside.known_epoch(path),
        last_seq=tip.last_seq if tip else 0,
        acked_seq=tip.acked_seq if tip else 0,
        records=known.records,
        clips=known.clips,
        snapshots=known.snapshots,
        waiting_bytes=known.waiting_bytes,
        oldest_s=known.oldest_s,
        size_bytes=_size(path),
        open_events=known.open_events,
        gaps=known.gaps,
        was_closed=known.was_closed,
        moved_aside=tuple(each.name for each in aside.moved(path)),
        damage=tuple(findings),
        is_verified=is_verifying,
    )


@dataclass(frozen=True)
class _Known:
    records: int = 0
    clips: int = 0
    snapshots: int = 0
    waiting_bytes: int = 0
    oldest_s: float | None = None
    open_events: tuple[Running, ...] = ()
    gaps: tuple[Gap, ...] = ()
    was_closed: bool = False


def _read(db: sqlite3.Connection, clock: Clock) -> _Known:
    (records,) = db.execute("SELECT count(*) FROM records WHERE NOT is_acked").fetchone()
    oldest = db.execute(
        "SELECT payload FROM records WHERE NOT is_acked ORDER BY seq LIMIT 1"
    ).fetchone()
    files = {
        row[0]: (row[1], row[2])
        for row in db.execute("SELECT kind, count(*), sum(size_bytes) FROM files GROUP BY kind")
    }
    clips, clip_bytes = files.get("clip", (0, 0))
    snapshots, snapshot_bytes = files.get("snapshot", (0, 0))
    events = db.execute("SELECT event, camera FROM open_events ORDER BY event")
    row = db.execute("SELECT is_clean FROM journal").fetchone()
    return _Known(
        records,
        clips,
        snapshots,
        clip_bytes + snapshot_bytes,
        None if oldest is None else _age_of(oldest["payload"], clock),
        tuple(Running(each["event"], each["camera"]) for each in events),
        tuple(read_gaps(db)),
        row is not None and bool(row["is_clean"]),
    )


def _age_of(payload: bytes, clock: Clock) -> float | None:
    try:
        header = record.decode(payload).header
    except ContractError:
        return None
    if header.clock.boot == clock.boot:
        return max(0, clock.mono_ns() - header.clock.mono_ns) / 1e9
    return max(0.0, (clock.utc() - header.at_utc).total_seconds())


def _size(path: Path) -> int:
    size_bytes = 0
    for each in (path, path.with_name(path.name + aside.LOG)):
        with contextlib.suppress(FileNotFoundError):
            size_bytes += each.stat().st_size
    return size_bytes
