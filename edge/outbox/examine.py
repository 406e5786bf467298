"""Whether a journal file is what was written: pages, rows, hashes, the chain, the signatures.

Without a key this is the check at every start: everything but decoding and signatures. Findings are
sentences; an empty result means sound. Values of a wrong type are findings, never exceptions.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator

from edge.contract import names, record
from edge.contract.errors import ContractError
from edge.keys import PublicKey
from edge.outbox.tables import EVENT_SUM, FILE_SUM, RECORD_SUM, add_row_sum, row_sum
from edge.outbox.values import Gap, Tip

SMALL_PAGES = 4096  # up to here (16 MiB) indices are compared with their tables too


class _FindingError(Exception):
    """A row that cannot be read as what it should be."""


def examine(db: sqlite3.Connection, *, key: PublicKey | None = None) -> Iterator[str]:
    """What is wrong with the journal in `db`. Raises sqlite3.Error where SQLite gives up."""
    yield from _pages(db)
    try:
        tip = read_tip(db)
        if tip is None:
            return
        gaps = read_gaps(db)
        yield from _records(db, tip, gaps, key)
        yield from _rows(db)
    except (_FindingError, TypeError, ValueError, AttributeError) as err:
        yield f"a row cannot be read: {err}"


def read_tip(db: sqlite3.Connection) -> Tip | None:
    """The journal row; None where there is none. Raises ValueError for a damaged one."""
    row = db.execute("SELECT * FROM journal").fetchone()
    if row is None:
        return None
    tip = Tip(row["epoch"], row["last_seq"], row["last_hash"], row["acked_seq"], row["acked_hash"])
    if row["sum"] is not None and row["sum"] != tip_sum(tip):
        raise ValueError("the journal row does not fit its check sum")
    shapes = (
        (names.EPOCH_PATTERN, tip.epoch),
        (names.HASH_PATTERN, tip.last_hash),
        (names.HASH_PATTERN, tip.acked_hash),
    )
    if not all(re.fullmatch(pattern, text) for pattern, text in shapes):
        raise ValueError("the journal row holds no epoch and hashes")
    if not 0 <= tip.acked_seq <= tip.last_seq <= names.MAX_SEQ:
        raise ValueError("the journal row's numbers contradict each other")
    return tip


def tip_sum(tip: Tip) -> str:
    """The check sum of the journal row."""
    return row_sum(tip.epoch, tip.last_seq, tip.last_hash, tip.acked_seq, tip.acked_hash)


def read_gaps(db: sqlite3.Connection) -> list[Gap]:
    """The stretches that were given up, in order."""
    rows = db.execute("SELECT first_seq, last_seq, cause, declared_seq FROM gaps ORDER BY 1")
    return [Gap(*row) for row in rows]


def _pages(db: sqlite3.Connection) -> Iterator[str]:
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    name = "integrity_check" if pages <= SMALL_PAGES else "quick_check"
    for (line,) in db.execute(f"PRAGMA {name}(20)"):
        if line != "ok":
            yield f"SQLite: {line}"


def _records(
    db: sqlite3.Connection, tip: Tip, gaps: list[Gap], key: PublicKey | None
) -> Iterator[str]:
    """Every record that should be there is, whole, and fits the one before it."""
    seq, digest = tip.acked_seq, tip.acked_hash
    rows = db.execute("SELECT seq, payload, sig, hash FROM records ORDER BY seq")
    for row in rows:
        missing = _uncovered(seq + 1, row["seq"] - 1, gaps)
        if missing:
            yield f"records {missing[0]} to {missing[1]} are missing"
        payload: bytes = row["payload"]
        if row["seq"] <= tip.acked_seq or row["seq"] > tip.last_seq:
            yield f"record {row['seq']} lies outside the journal"
        if hashlib.sha256(payload).hexdigest() != row["hash"]:
            yield f"record {row['seq']} does not fit its hash"
        elif row["seq"] == seq + 1 and f'"prev":"{digest}"'.encode() not in payload:
            yield f"record {row['seq']} does not continue record {seq}"
        if key is not None:
            yield from _signed(row, tip, key)
        seq, digest = row["seq"], row["hash"]
    missing = _uncovered(seq + 1, tip.last_seq, gaps)
    if missing:
        yield f"records {missing[0]} to {missing[1]} are missing"
    elif seq == tip.last_seq and digest != tip.last_hash:
        yield "the newest record is not the one that the journal row names"


def _uncovered(first_seq: int, last_seq: int, gaps: list[Gap]) -> tuple[int, int] | None:
    """What of a stretch no gap explains; None for nothing."""
    for gap in gaps:
        if gap.first_seq <= first_seq <= gap.last_seq:
            first_seq = gap.last_seq + 1
    return (first_seq, last_seq) if first_seq <= last_seq else None


def _signed(row: sqlite3.Row, tip: Tip, key: PublicKey) -> Iterator[str]:
    if not key.verify(row["payload"], row["sig"]):
        yield f"record {row['seq']} is not signed by this node's key"
    try:
        header = record.decode(row["payload"]).header
    except ContractError as err:
        yield f"record {row['seq']} is malformed: {err}"
        return
    if (header.epoch, header.seq) != (tip.epoch, row["seq"]):
        yield f"record {row['seq']} says that it is {header.epoch} {header.seq}"


def _rows(db: sqlite3.Connection) -> Iterator[str]:
    """Whatever no signature covers still is what was written."""
    add_row_sum(db)
    checks = (
        ("record", "records", "seq", RECORD_SUM),
        ("file", "files", "name", FILE_SUM),
        ("open event", "open_events", "event", EVENT_SUM),
    )
    for what, table, name, expression in checks:
        query = f"SELECT {name} FROM {table} WHERE sum IS NOT NULL AND sum <> {expression}"  # noqa: S608
        for row in db.execute(query):
            yield f"the row of {what} {row[0]!r} does not fit its check sum"
