"""Rows of gaps: records that a node said it cannot supply, and what is missing without a word.

A gap is told by a signed record. Numbers inside it count as settled, so that `upto` can pass over
them to the next record that is here; the chain cannot be verified across it.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from edge.contract import names
from edge.contract.record import Header, JournalGap
from hub.archive.event_state import from_ms
from hub.archive.node_values import Gap, GapFilter

Range = tuple[int, int]
"""First and last number, both inclusive."""
Missing = tuple[int, int, int]
"""First and last number, and the hub's time in milliseconds when their absence showed."""

MAX_MISSING = 1000  # stretches of missing numbers told of one journal


class Ranges:
    """A set of numbers as few ranges."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._ranges: list[Range] = []
        for first, last in sorted(ranges):
            if self._ranges and first <= self._ranges[-1][1] + 1:
                self._ranges[-1] = (self._ranges[-1][0], max(last, self._ranges[-1][1]))
            elif first <= last:
                self._ranges.append((first, last))

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def covers(self, first: int, last: int) -> bool:
        """Whether every number from `first` to `last` is in the set."""
        if first > last:
            return True
        place = bisect_right(self._ranges, (first, names.MAX_SEQ + 1)) - 1
        return place >= 0 and self._ranges[place][0] <= first and last <= self._ranges[place][1]

    def without(self, first: int, last: int) -> list[Range]:
        """What of `first` to `last` is not in the set."""
        left: list[Range] = []
        for start, end in self._ranges:
            if end < first or start > last:
                continue
            if start > first:
                left.append((first, start - 1))
            first = end + 1
        return [*left, (first, last)] if first <= last else left


def tell(
    db: sqlite3.Connection,
    node_id: int,
    epoch_id: int,
    header: Header,
    body: JournalGap,
    told_ms: int,
) -> None:
    """Keep a gap that a record of the node tells."""
    last_seq = None if body.last_seq is None else max(body.first_seq, body.last_seq)
    db.execute(
        "INSERT INTO gaps (node_id, lost_epoch, first_seq, last_seq, cause, detail, epoch_id, seq,"
        " told_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            node_id, body.lost_epoch, body.first_seq, last_seq, body.cause, body.detail, epoch_id,
            header.seq, told_ms,
        ),
    )  # fmt: skip


def told(db: sqlite3.Connection, node_id: int, epoch: str) -> Ranges:
    """The numbers of one journal that its node told to be lost."""
    rows = db.execute(
        "SELECT first_seq, coalesce(last_seq, ?) FROM gaps WHERE node_id = ? AND lost_epoch = ?",
        (names.MAX_SEQ, node_id, epoch),
    )
    return Ranges((first, last) for first, last in rows)


def missing(db: sqlite3.Connection, epoch_id: int, upto: int, lost: Ranges) -> list[Missing]:
    """Numbers between `upto` and the newest that are neither here nor told to be lost; the first
    MAX_MISSING stretches, each with the hub's time when the record after it came."""
    rows = db.execute(
        "SELECT before + 1, seq - 1, received_ms FROM"
        " (SELECT seq, received_ms, lag(seq, 1, ?) OVER (ORDER BY seq) AS before"
        " FROM records WHERE epoch_id = ? AND seq > ?) WHERE seq > before + 1 ORDER BY seq LIMIT ?",
        (upto, epoch_id, upto, MAX_MISSING),
    )
    return [
        (first, last, noticed_ms)
        for start, end, noticed_ms in rows
        for first, last in lost.without(start, end)
    ]


def search(db: sqlite3.Connection, where: GapFilter) -> list[Gap]:
    """Gaps of both kinds, by node; those told by the time they were told."""
    nodes = db.execute(
        "SELECT id, name FROM nodes WHERE name = coalesce(?, name) ORDER BY name", (where.node,)
    ).fetchall()
    found = [
        gap
        for node in nodes
        for gap in (*_open_gaps(db, node["id"], node["name"]), *_told(db, node["id"], node["name"]))
    ]
    since = where.since_utc
    return [gap for gap in found if since is None or gap.noticed_utc >= since]


def count_lost(db: sqlite3.Connection, node_id: int) -> int:
    """How many records the node told to be lost; where it cannot know how many, one at least."""
    return sum(1 if gap.count is None else gap.count for gap in _told(db, node_id, ""))


def _open_gaps(db: sqlite3.Connection, node_id: int, node: str) -> list[Gap]:
    rows = db.execute(
        "SELECT id, epoch, upto FROM epochs WHERE node_id = ? ORDER BY id", (node_id,)
    ).fetchall()
    return [
        Gap(node, row["epoch"], first, last, last - first + 1, "missing", None, None,
            from_ms(noticed_ms), None)
        for row in rows
        for first, last, noticed_ms in missing(
            db, row["id"], row["upto"], told(db, node_id, row["epoch"])
        )
    ]  # fmt: skip


def _told(db: sqlite3.Connection, node_id: int, node: str) -> list[Gap]:
    rows = db.execute(
        "SELECT gaps.*, epochs.id AS lost_id, teller.epoch AS teller FROM gaps"
        " JOIN epochs AS teller ON teller.id = gaps.epoch_id"
        " LEFT JOIN epochs ON epochs.node_id = gaps.node_id AND epochs.epoch = lost_epoch"
        " WHERE gaps.node_id = ? ORDER BY gaps.id",
        (node_id,),
    ).fetchall()
    return [_gap_in(db, row, node) for row in rows]


def _gap_in(db: sqlite3.Connection, row: sqlite3.Row, node: str) -> Gap:
    """A told gap, less the records of it that came all the same."""
    first, last = row["first_seq"], row["last_seq"]
    (here,) = db.execute(
        "SELECT count(*) FROM records WHERE epoch_id = ? AND seq BETWEEN ? AND ?",
        (row["lost_id"], first, names.MAX_SEQ if last is None else last),
    ).fetchone()
    return Gap(
        node,
        row["lost_epoch"],
        first,
        last,
        None if last is None else last - first + 1 - here,
        "lost",
        row["cause"],
        row["detail"],
        from_ms(row["told_ms"]),
        (row["teller"], row["seq"]),
    )


def total(ranges: Sequence[Missing]) -> int:
    """How many numbers stretches have in all."""
    return sum(last - first + 1 for first, last, _ in ranges)
