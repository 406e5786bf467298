"""Reads what can still be read of a journal that was moved aside. Nothing is changed in it.

A record counts when this node's signature fits its bytes, whatever else is wrong with the file;
other rows when their check sums fit.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.contract import record
from edge.contract.errors import ContractError
from edge.keys import PublicKey
from edge.outbox.examine import read_tip
from edge.outbox.tables import row_sum
from edge.outbox.values import OpenEvent, Tip, WaitingFile

MAX_PROBES = 20_000  # numbers that are asked for one by one where a scan fails
_UNREADABLE = (sqlite3.Error, TypeError, ValueError, AttributeError, IndexError)


@dataclass(frozen=True)
class Found:
    """One record that can be read."""

    seq: int
    payload: bytes
    priority: int


class Remains:
    """A journal file that is only read."""

    def __init__(self, path: Path, key: PublicKey) -> None:
        """Open the file; one that is no database at all just holds nothing."""
        self._key = key
        self._db: sqlite3.Connection | None = None
        with contextlib.suppress(*_UNREADABLE):
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
            )
            self._db.row_factory = sqlite3.Row
        self.tip: Tip | None = None
        with contextlib.suppress(*_UNREADABLE):
            self.tip = read_tip(self._db) if self._db is not None else None

    def records(self, after_seq: int, limit: int) -> tuple[list[Found], int]:
        """Waiting records behind `after_seq`, and the seq behind which to go on.

        At the end that is `after_seq` itself.
        """
        found: list[Found] = []
        row: sqlite3.Row | None
        seq = after_seq
        try:
            for row in self._query(
                "SELECT * FROM records WHERE seq > ? ORDER BY seq LIMIT ?", after_seq, limit
            ):
                seq = int(row["seq"])
                self._take(row, found)
        except _UNREADABLE:
            found, seq = self._one_by_one(seq, limit, found)
            return found, seq if found or self.tip is not None else after_seq
        return found, seq

    def _one_by_one(self, seq: int, limit: int, found: list[Found]) -> tuple[list[Found], int]:
        """Go on where a scan met a page that cannot be read."""
        end = self.tip.last_seq if self.tip is not None else seq + MAX_PROBES
        for number in range(seq + 1, min(end, seq + MAX_PROBES) + 1):
            seq = number
            with contextlib.suppress(*_UNREADABLE):
                for row in self._query("SELECT * FROM records WHERE seq = ?", number):
                    self._take(row, found)
            if len(found) >= limit:
                break
        return found, seq

    def _take(self, row: sqlite3.Row, found: list[Found]) -> None:
        with contextlib.suppress(*_UNREADABLE, ContractError):
            payload = bytes(row["payload"])
            header = record.decode(payload).header
            is_waiting = not row["is_acked"] and header.seq == row["seq"]
            if is_waiting and self._key.verify(payload, bytes(row["sig"])):
                found.append(Found(header.seq, payload, _priority(row)))

    @property
    def acked_seq(self) -> int:
        """The hub has everything up to here, as far as the file tells."""
        if self.tip is not None:
            return self.tip.acked_seq
        first = self._rows("SELECT min(seq) AS seq FROM records")
        is_known = bool(first) and isinstance(first[0]["seq"], int)
        return max(0, first[0]["seq"] - 1) if is_known else 0

    def files(self) -> list[WaitingFile]:
        """Files whose announcing records are gone, since the hub has them."""
        files: list[WaitingFile] = []
        for row in self._rows("SELECT * FROM files"):
            with contextlib.suppress(*_UNREADABLE):
                file = _file(row)
                if _fits(row) and file.seq <= self.acked_seq:
                    files.append(file)
        return files

    def open_events(self) -> list[OpenEvent]:
        """Events that had not ended."""
        found: list[OpenEvent] = []
        for row in self._rows("SELECT * FROM open_events"):
            with contextlib.suppress(*_UNREADABLE, ContractError):
                updated = row["updated"] if "updated" in row.keys() else None  # noqa: SIM118
                record.decode(row["payload"])
                if _fits(row):
                    found.append(OpenEvent(row["payload"], updated))
        return found

    def _rows(self, query: str) -> list[sqlite3.Row]:
        rows: list[sqlite3.Row] = []
        with contextlib.suppress(*_UNREADABLE):
            for row in self._query(query):
                rows.append(row)  # noqa: PERF402 - keep what came before an error
        return rows

    def _query(self, query: str, *values: int) -> Iterator[sqlite3.Row]:
        if self._db is not None:
            yield from self._db.execute(query, values)

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()


def _fits(row: sqlite3.Row) -> bool:
    """Whether a row is what was written; its last column is the sum, since schema 2."""
    if "sum" not in row.keys() or row["sum"] is None:  # noqa: SIM118 - a Row
        return True
    names = [name for name in row.keys() if name != "sum"]  # noqa: SIM118 - a Row
    return bool(row["sum"] == row_sum(*(row[name] for name in names)))


def _priority(row: sqlite3.Row) -> int:
    return int(row["priority"]) if "priority" in row.keys() else 0  # noqa: SIM118 - a Row


def _file(row: sqlite3.Row) -> WaitingFile:
    part = None if row["part"] is None else int(row["part"])
    return WaitingFile(
        str(row["name"]), str(row["event"]), part, str(row["sha256"]), int(row["size_bytes"]),
        int(row["seq"]), row["upload"], _priority(row),
    )  # fmt: skip
