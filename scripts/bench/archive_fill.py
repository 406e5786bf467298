"""Fills an archive with a town's events, row by row as the hub writes them, but without its care
for power cuts: rows go in by batches and the indices are made at the end.

Every event has its zones, labels, clip, mark and notes. What no question of the benchmark reads is
left out: signed records and pictures, and accounts of cameras' time before the last three days.
"""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from hub.archive import SqliteArchive, hour_rows, note_rows
from hub.archive.event_state import to_ms
from scripts.bench import archive_town
from scripts.bench.archive_town import DAY_MS, END_UTC, Seen, Watcher

BATCH = 20_000
PRAGMAS = (
    "journal_mode=OFF", "synchronous=OFF", "cache_size=-400000",
    "legacy_alter_table=ON",  # a table that is renamed for a while keeps what refers to it
)  # fmt: skip
MOST_MADE = 1_000_000  # events made one by one; beyond, each happens several times
ACCOUNT_DAYS, ACCOUNT_MS = 3, 300_000
EVENT_COLUMNS = (
    "id", "change", "event", "node_id", "camera", "camera_id", "kind", "rank", "source_epoch",
    "source_seq", "start_rank", "start_epoch", "start_seq", "boot_id", "clock", "clock_error_ms",
    "claimed_ms", "mono_ns", "told_ms", "ended_claimed_ms", "ended_mono_ns", "started_ms",
    "ended_ms", "placed", "error_ms", "duration_ms", "reason", "score", "zones", "parts", "labels",
    "labels_epoch", "labels_seq", "mark",
)  # fmt: skip


def fill(path: Path, number: int, *, seed: int = 6) -> None:
    """Make an archive of `number` events."""
    rng = random.Random(seed)
    archive = SqliteArchive(path)
    assert archive.replace_registry(archive.registry(), archive_town.registry(rng))
    archive.close()
    copies = -(-number // MOST_MADE)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        for pragma in PRAGMAS:
            db.execute(f"PRAGMA {pragma}").fetchall()
        indices = _drop_indices(db)
        started_s = time.monotonic()

        def tell(what: str) -> None:
            print(f"  {what}: {time.monotonic() - started_s:.0f} s", flush=True)

        _fill_rows(db, rng, number // copies)
        tell("rows")
        if copies > 1:
            _multiply(db, copies)
            tell(f"rows, {copies} times")
        for sql in indices:
            db.execute(sql)
        tell("indices")
        note_rows.index_all(db)
        hour_rows.make_all(db)
        tell("notes and hours")
        db.execute("PRAGMA journal_mode=WAL").fetchall()


def _multiply(db: sqlite3.Connection, copies: int) -> None:
    """Let each event happen several times within an hour; rows stay nearly in the order of time."""
    db.execute("CREATE TEMP TABLE again (number INTEGER PRIMARY KEY)")
    db.executemany("INSERT INTO again VALUES (?)", [(number,) for number in range(copies)])
    db.execute(
        "CREATE TEMP TABLE shifts AS SELECT events.id AS old,"  # noqa: S608 - a number
        f" (events.id - 1) * {copies} + number + 1 AS id,"
        " (number > 0) * (abs(random()) % 3600000 - 1800000) AS by_ms"
        " FROM events CROSS JOIN again ORDER BY 1, number"
    )
    db.execute("CREATE INDEX shifts_by_old ON shifts (old)")
    for table, key, times in (
        ("events", "id", ("started_ms", "ended_ms", "claimed_ms", "ended_claimed_ms")),
        ("event_zones", "event_id", ("started_ms",)),
        ("event_labels", "event_id", ("started_ms",)),
        ("clips", "event_id", ("starts_ms", "stored_ms")),
        ("remarks", "event_id", ("at_ms",)),
    ):
        _multiply_table(db, table, key, times)
    db.execute("DROP TABLE shifts")


def _multiply_table(db: sqlite3.Connection, table: str, key: str, times: Sequence[str]) -> None:
    (sql,) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    db.execute(f"ALTER TABLE {table} RENAME TO once_{table}")
    db.execute(sql)
    columns = [row["name"] for row in db.execute(f"PRAGMA table_info({table})")]
    made = {column: f"once.{column}" for column in columns}
    made |= {column: f"once.{column} + by_ms" for column in times}
    if table == "events":  # as a UUIDv7's last digits are, the copy's are random
        made |= {
            "change": "shifts.id",
            "event": "substr(event, 1, 24) || lower(hex(randomblob(6)))",
        }
    if table == "remarks":
        made["id"] = "NULL"
    made[key] = "shifts.id"
    db.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT"  # noqa: S608 - ours
        f" {', '.join(made[column] for column in columns)} FROM once_{table} AS once"
        f" JOIN shifts ON shifts.old = once.{key} ORDER BY once.{key}"
    )
    db.execute(f"DROP TABLE once_{table}")


def _drop_indices(db: sqlite3.Connection) -> list[str]:
    rows = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        " AND tbl_name IN ('events', 'event_zones', 'event_labels', 'clips', 'remarks')"
    ).fetchall()
    for row in rows:
        db.execute(f"DROP INDEX {row['name']}")
    return [row["sql"] for row in rows]


def _fill_rows(db: sqlite3.Connection, rng: random.Random, number: int) -> None:
    db.execute("BEGIN")
    names = sorted({row["node"] for row in db.execute("SELECT node FROM cameras")})
    db.executemany("INSERT INTO nodes (name) VALUES (?)", [(name,) for name in names])
    db.execute("INSERT INTO epochs (node_id, epoch, upto, head) SELECT id, ?, 0, ? FROM nodes",
               ("0" * 16, bytes(32)))  # fmt: skip
    db.execute(
        "INSERT INTO boots (node_id, boot, latest_zero_ms, first_epoch_id, first_seq, placed_ms)"
        " SELECT id, ?, 0, id, 1, 0 FROM nodes",
        ("0" * 32,),
    )
    rows = db.execute(
        "SELECT cameras.id, nodes.id, node, cameras.name FROM cameras JOIN nodes"
        " ON nodes.name = node ORDER BY cameras.id"
    )
    watchers = archive_town.watchers(rng, [tuple(row) for row in rows])
    seen = enumerate(archive_town.events(rng, watchers, number), 1)
    while batch := list(islice(seen, BATCH)):
        _insert(db, rng, batch)
    _fill_accounts(db, rng, [each for each in watchers if each.until_ms == last_ms()])
    db.execute("COMMIT")


def _fill_accounts(db: sqlite3.Connection, rng: random.Random, watchers: list[Watcher]) -> None:
    """Of the last days, an account every five minutes; some cameras black at times, some gone."""
    for watcher in watchers:
        rows, seq, skip = [], 0, 0
        for start_ms in range(last_ms() - ACCOUNT_DAYS * DAY_MS, last_ms(), ACCOUNT_MS):
            skip = rng.randrange(3, 60) if not skip and rng.random() < 0.001 else max(0, skip - 1)
            if skip and watcher.id % 3 == 0:
                continue
            seq += 1
            state = ("blind", "black") if skip else ("watched", None)
            rows.append(
                (
                    watcher.node_id,
                    watcher.name,
                    start_ms,
                    seq,
                    start_ms + ACCOUNT_MS,
                    *state,
                    watcher.node_id,
                    start_ms * 1_000_000,
                    (start_ms + ACCOUNT_MS) * 1_000_000,
                )
            )
        db.executemany(
            "INSERT INTO spans (node_id, camera, from_ms, epoch_id, seq, number, to_ms, state,"
            " cause, boot_id, from_mono_ns, to_mono_ns, clock, placed)"
            " VALUES (?1, ?2, ?3, ?1, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10, 'synced', 'claimed')",
            rows,
        )  # fmt: skip


def _insert(db: sqlite3.Connection, rng: random.Random, batch: list[tuple[int, Seen]]) -> None:
    marks = ", ".join("?" * len(EVENT_COLUMNS))
    db.executemany(
        f"INSERT INTO events ({', '.join(EVENT_COLUMNS)}) VALUES ({marks})",  # noqa: S608
        (_event_row(rng, number, each) for number, each in batch),
    )
    db.executemany(
        "INSERT INTO event_zones (zone, started_ms, event_id, camera_id) VALUES (?, ?, ?, ?)",
        (
            (zone, each.started_ms, number, each.watcher.id)
            for number, each in batch
            for zone in each.zones
        ),
    )
    db.executemany(
        "INSERT INTO event_labels (label, started_ms, event_id, confidence, camera_id)"
        " VALUES (?, ?, ?, 0.8, ?)",
        (
            (each.label, each.started_ms, number, each.watcher.id)
            for number, each in batch
            if each.label
        ),
    )
    db.executemany(
        "INSERT INTO clips (event_id, node_id, part, hash, epoch_id, seq, size_bytes, duration_ms,"
        " codec, width, height, starts_ms, pre_roll_ms, stored_ms)"
        " VALUES (?, ?, 0, ?, ?, ?, 2000000, ?, 'h264', 1280, 720, ?, 3000, ?)",
        (
            (number, each.watcher.node_id, rng.randbytes(32), each.watcher.node_id, number,
             each.duration_ms, each.started_ms - 3000, each.started_ms + 60_000)
            for number, each in batch
            if each.kind == "motion"
        ),
    )  # fmt: skip
    db.executemany(
        "INSERT INTO remarks (event_id, user, at_ms, mark, note) VALUES (?, 'lan', ?, ?, ?)",
        _remark_rows(batch),
    )


def _remark_rows(batch: list[tuple[int, Seen]]) -> Iterator[tuple[object, ...]]:
    for number, each in batch:
        mark = None if each.mark == "new" else each.mark
        if mark or each.note:
            yield number, each.started_ms + 3_600_000, mark, each.note


def _event_row(rng: random.Random, number: int, each: Seen) -> tuple[object, ...]:
    begun, mono_ns = each.started_ms, each.started_ms % 10**9 * 1_000_000
    bits = rng.getrandbits(74)
    event = (
        f"{begun >> 16:08x}-{begun & 0xFFFF:04x}-7{bits & 0xFFF:03x}-"
        f"{0x8000 | bits >> 12 & 0x3FFF:04x}-{bits >> 26:012x}"
    )
    labels = (
        None if each.label is None else json.dumps([[each.label, 0.8, [0.1, 0.1, 0.2, 0.4], begun]])
    )
    is_motion = each.kind == "motion"
    return (
        number, number, event, each.watcher.node_id, each.watcher.name, each.watcher.id, each.kind,
        2, "0" * 16, number, 3, "0" * 16, number, each.watcher.node_id, "synced", 5, begun, mono_ns,
        None, begun + each.duration_ms, mono_ns + each.duration_ms * 1_000_000, begun,
        begun + each.duration_ms, "claimed", 5, each.duration_ms, "quiet", 0.2,
        json.dumps(sorted(each.zones)), int(is_motion), labels,
        None if labels is None else "0" * 16, None if labels is None else number, each.mark,
    )  # fmt: skip


def last_ms() -> int:
    """Where the town's time ends."""
    return to_ms(END_UTC)
