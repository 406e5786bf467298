"""Rows of records and journals: numbering, idempotence, the chain.

Invariant: of two archived records of one journal with neighbouring numbers, the later one's
`prev` is the earlier one's hash. It is checked when either arrives, against whichever of its
neighbours is there, so `upto` can move over records that came early without checking again.
It always names a record that is here; it passes over a gap only where the node told of it.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from edge.contract import names
from hub.archive import gap_rows
from hub.archive.event_state import from_ms, to_ms
from hub.archive.gap_rows import Ranges
from hub.archive.node_values import JournalState, Progress
from hub.archive.values import Arrival, Outcome, RecordKey, StoredRecord

MAX_ALSO = 500  # as many as one acknowledgement carries
NO_HASH = bytes.fromhex(names.FIRST_HASH)
# Whatever somebody wrote into a damaged archive is read as bytes.
STORED_COLUMNS = (
    "nodes.name, epochs.epoch, seq, type, at_ms, received_ms, epoch_id,"
    " CAST(hash AS BLOB) AS hash, CAST(payload AS BLOB) AS payload, CAST(sig AS BLOB) AS sig"
)
STORED_TABLES = "records JOIN epochs ON epochs.id = epoch_id JOIN nodes ON nodes.id = node_id"


@dataclass
class Journal:
    """One epoch's row while a transaction works on it."""

    id: int
    node_id: int
    upto: int
    head: bytes
    lost: Ranges  # numbers that the node told to be lost
    last_ms: int | None = None  # hub's time of the record added last


def stored_in(row: sqlite3.Row) -> StoredRecord:
    """The record in a row of STORED_COLUMNS."""
    return StoredRecord(
        row["name"],
        row["epoch"],
        row["seq"],
        row["type"],
        from_ms(row["at_ms"]),
        from_ms(row["received_ms"]),
        bytes(row["hash"]).hex(),
        bytes(row["payload"]),
        bytes(row["sig"]),
        RecordKey(row["epoch_id"], row["seq"]),
    )


def node_id_of(db: sqlite3.Connection, node: str) -> int:
    """The node's row, made if absent."""
    row = db.execute("SELECT id FROM nodes WHERE name = ?", (node,)).fetchone()
    if row is None:
        row = db.execute("INSERT INTO nodes (name) VALUES (?) RETURNING id", (node,)).fetchone()
    return int(row[0])


class RecordWriter:
    """Adds records within one transaction; remembers the journals that it touched."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._journals: dict[tuple[str, str], Journal] = {}

    def add(self, arrival: Arrival) -> Outcome:
        """Archive one record unless it is known or does not fit the ones that are."""
        header = arrival.record.header
        journal = self.journal(header.node, header.epoch)
        digest = bytes.fromhex(arrival.digest)
        prev = bytes.fromhex(header.prev)
        known = self._column("hash", journal, header.seq)
        if known is not None:
            return "known" if known == digest else "conflict"
        expected = self._hash_before(journal, header.seq)
        if expected is not None and expected != prev:
            return "chain"
        following = self._column("prev", journal, header.seq + 1)
        if following is not None and following != digest:
            return "chain"
        self._insert(journal, arrival, digest, prev)
        is_next = header.seq == journal.upto + 1
        if is_next:
            journal.upto, journal.head = header.seq, digest
        if (is_next and following is not None) or (journal.lost and header.seq >= journal.upto):
            self._advance(journal)
        return "stored"

    def settle(self, node: str, epoch: str) -> None:
        """A gap of that journal was told: move on over it, if anything of the journal is here."""
        known = self._journals.get((node, epoch))
        if known is None:
            found = self._db.execute(
                "SELECT 1 FROM epochs JOIN nodes ON nodes.id = node_id"
                " WHERE name = ? AND epochs.epoch = ?",
                (node, epoch),
            ).fetchone()
            if found is None:
                return
            known = self.journal(node, epoch)
        known.lost = gap_rows.told(self._db, known.node_id, epoch)
        self._advance(known)

    def journal(self, node: str, epoch: str) -> Journal:
        """The row of one epoch, made if absent."""
        journal = self._journals.get((node, epoch))
        if journal is None:
            node_id = node_id_of(self._db, node)
            self._db.execute(
                "INSERT INTO epochs (node_id, epoch, upto, head) VALUES (?, ?, 0, ?)"
                " ON CONFLICT DO NOTHING",
                (node_id, epoch, NO_HASH),
            )
            row = self._db.execute(
                "SELECT id, upto, head FROM epochs WHERE node_id = ? AND epoch = ?",
                (node_id, epoch),
            ).fetchone()
            lost = gap_rows.told(self._db, node_id, epoch)
            journal = Journal(row["id"], node_id, row["upto"], row["head"], lost)
            self._journals[node, epoch] = journal
        return journal

    def flush(self) -> None:
        """Write back how far each touched journal has come."""
        self._db.executemany(
            "UPDATE epochs SET upto = ?, head = ? WHERE id = ?",
            [(each.upto, each.head, each.id) for each in self._journals.values()],
        )
        self._db.executemany(
            "UPDATE nodes SET last_record_ms = ? WHERE id = ?",
            [(each.last_ms, each.node_id) for each in self._journals.values() if each.last_ms],
        )

    def _hash_before(self, journal: Journal, seq: int) -> bytes | None:
        if seq == journal.upto + 1:
            return journal.head
        return NO_HASH if seq == 1 else self._column("hash", journal, seq - 1)

    def _column(self, column: str, journal: Journal, seq: int) -> bytes | None:
        row = self._db.execute(
            f"SELECT {column} FROM records WHERE epoch_id = ? AND seq = ?",  # noqa: S608 - ours
            (journal.id, seq),
        ).fetchone()
        return None if row is None else bytes(row[0])

    def _insert(self, journal: Journal, arrival: Arrival, digest: bytes, prev: bytes) -> None:
        header = arrival.record.header
        journal.last_ms = to_ms(arrival.received_utc)
        self._db.execute(
            "INSERT INTO records (epoch_id, seq, prev, hash, type, camera, event, at_ms,"
            " received_ms, payload, sig) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                journal.id, header.seq, prev, digest, header.type, header.camera, header.event,
                to_ms(header.at_utc), journal.last_ms, arrival.payload, arrival.signature,
            ),
        )  # fmt: skip

    def _advance(self, journal: Journal) -> None:
        """Move on over records that came early, and over gaps that were told."""
        later = self._db.execute(
            "SELECT seq, hash FROM records WHERE epoch_id = ? AND seq > ? ORDER BY seq",
            (journal.id, journal.upto),
        )
        for row in later:
            if not journal.lost.covers(journal.upto + 1, row["seq"] - 1):
                break
            journal.upto, journal.head = row["seq"], bytes(row["hash"])


def progress(db: sqlite3.Connection, node: str, epoch: str) -> Progress:
    """How far one journal is archived."""
    row = db.execute(
        "SELECT epochs.id, upto, head FROM epochs JOIN nodes ON nodes.id = node_id"
        " WHERE name = ? AND epochs.epoch = ?",
        (node, epoch),
    ).fetchone()
    if row is None:
        return Progress(node, epoch, 0, names.FIRST_HASH, ())
    also = db.execute(
        "SELECT seq FROM records WHERE epoch_id = ? AND seq > ? ORDER BY seq LIMIT ?",
        (row["id"], row["upto"], MAX_ALSO),
    )
    head = bytes(row["head"]).hex()
    return Progress(node, epoch, row["upto"], head, tuple(seq for (seq,) in also))


def journals_of(db: sqlite3.Connection, node_id: int) -> tuple[JournalState, ...]:
    """All of a node's journals in the order in which they were first heard of."""
    rows = db.execute(
        "SELECT id, epoch, upto FROM epochs WHERE node_id = ? ORDER BY id", (node_id,)
    ).fetchall()
    return tuple(_journal_state(db, node_id, row) for row in rows)


def _journal_state(db: sqlite3.Connection, node_id: int, row: sqlite3.Row) -> JournalState:
    (beyond,) = db.execute(
        "SELECT count(*) FROM records WHERE epoch_id = ? AND seq > ?", (row["id"], row["upto"])
    ).fetchone()
    lost = gap_rows.told(db, node_id, row["epoch"])
    stretches = gap_rows.missing(db, row["id"], row["upto"], lost) if beyond else []
    return JournalState(row["epoch"], row["upto"], beyond, gap_rows.total(stretches))
