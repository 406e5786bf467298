"""Rows of spans: what nodes say became of their cameras' time, and the accounts they add up to.

A record `coverage.spans` is one account. Its spans are kept as they are, never joined, so that
archiving is idempotent by record and a span can always be traced to its signature. A span has at
most a day, which bounds how far before a question's beginning one must look.
"""

from __future__ import annotations

import sqlite3
from itertools import groupby

from edge.contract import record
from edge.contract.errors import ContractError
from edge.contract.record import CoverageSpans, Header, NodeBooted
from hub.archive import camera_rows, coverage, hour_rows
from hub.archive.boot_rows import Boot
from hub.archive.coverage import Account, Between, Part
from hub.archive.event_state import MAX_INT64, NS_IN_MS, Moment, moment_of
from hub.archive.placing import place
from hub.archive.record_rows import Journal
from hub.archive.values import CameraKey, Stretch

LOOK_BACK, MAX_STARTS = 10_000, 50  # records and starts that are looked at for a version before
DAY_MS = 86_400_000  # the longest span that the wire can carry
_COLUMNS = """epoch_id, seq, number, from_ms, to_ms, state, cause, detail, boot_id, from_mono_ns,
    to_mono_ns, placed"""


def keep(
    db: sqlite3.Connection, journal: Journal, boot: Boot, header: Header, body: CoverageSpans
) -> None:
    """Keep a camera's account. Idempotent; an account of no camera says nothing."""
    if header.camera is None:
        return
    camera_id = camera_rows.id_of(db, journal.node_id, header.camera)
    for number, span in enumerate(body.spans):
        if span.to_ms <= span.from_ms:
            continue
        moment = moment_of(header, body.starts, later_ms=span.from_ms)
        to_mono_ns = min(body.starts.mono_ns + span.to_ms * NS_IN_MS, MAX_INT64)
        start = place(moment, boot.anchor, boot.latest_zero_ms)
        end_ms = start.ms + span.to_ms - span.from_ms
        stretch = (start.ms, end_ms)
        contested = hour_rows.overlaps(db, journal.node_id, header.camera, *stretch)
        contested += [stretch] if start.placed == "bounded" else []
        kept = db.execute(
            "INSERT INTO spans (node_id, camera, from_ms, epoch_id, seq, number, to_ms, state,"
            " cause, detail, boot_id, from_mono_ns, to_mono_ns, clock, placed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                journal.node_id, header.camera, start.ms, journal.id, header.seq, number,
                end_ms, span.state, span.cause, span.detail,
                boot.id, moment.mono_ns, to_mono_ns, moment.clock, start.placed,
            ),
        )  # fmt: skip
        if kept.rowcount == 1:
            blind = hour_rows.blind_cause(span.state, span.cause)
            hour_rows.add(db, camera_id, *stretch, blind)
            for each in contested:
                hour_rows.contest(db, camera_id, *each)


def place_again(db: sqlite3.Connection, boot: Boot) -> None:
    """Place the spans that this boot's clock stamped before it was set."""
    rows = db.execute(
        "SELECT node_id, camera, from_ms, epoch_id, seq, number, to_ms, from_mono_ns, placed"
        " FROM spans WHERE boot_id = ? AND clock = 'unsynced'",
        (boot.id,),
    ).fetchall()
    moved: dict[tuple[int, str], set[int]] = {}
    for row in rows:
        moment = Moment("unsynced", None, 0, row["from_mono_ns"], None)
        start = place(moment, boot.anchor, boot.latest_zero_ms)
        if (start.ms, start.placed) != (row["from_ms"], row["placed"]):
            lasted_ms = row["to_ms"] - row["from_ms"]
            hours = moved.setdefault((row["node_id"], row["camera"]), set())
            for from_ms in (row["from_ms"], start.ms):
                hours |= {each[0] for each in hour_rows.hours_of(from_ms, from_ms + lasted_ms)}
            db.execute(
                "UPDATE spans SET from_ms = ?, to_ms = ?, placed = ? WHERE node_id = ?"
                " AND camera = ? AND from_ms = ? AND epoch_id = ? AND seq = ? AND number = ?",
                (start.ms, start.ms + row["to_ms"] - row["from_ms"], start.placed, *tuple(row)[:6]),
            )
    for (node_id, camera), hours in moved.items():
        camera_id = camera_rows.id_of(db, node_id, camera)
        hour_rows.make_again(db, camera_id, node_id, camera, sorted(hours))


def cameras(db: sqlite3.Connection) -> list[CameraKey]:
    """Every camera with an account, by node and name; steps over the index, not over the rows."""
    found: list[CameraKey] = []
    after: tuple[int, str] = (-1, "")
    while True:
        row = db.execute(
            "SELECT node_id, camera, name FROM spans JOIN nodes ON nodes.id = node_id"
            " WHERE (node_id, camera) > (?, ?) ORDER BY node_id, camera LIMIT 1",
            after,
        ).fetchone()
        if row is None:
            return sorted(found)
        after = row["node_id"], row["camera"]
        found.append(CameraKey(row["name"], row["camera"]))


def accounts(db: sqlite3.Connection, key: CameraKey, from_ms: int, to_ms: int) -> list[Account]:
    """The camera's accounts that touch the time from `from_ms` to `to_ms`, the last one before
    and the first one after it; in journal order."""
    row = db.execute("SELECT id FROM nodes WHERE name = ?", (key.node,)).fetchone()
    if row is None:
        return []
    camera = (row["id"], key.camera)
    where = f"SELECT {_COLUMNS} FROM spans WHERE node_id = ? AND camera = ?"  # noqa: S608 - ours
    found = db.execute(
        f"{where} AND from_ms > ? AND from_ms < ? AND to_ms > ?",
        (*camera, from_ms - DAY_MS, to_ms, from_ms),
    ).fetchall()
    for edge in (
        ("from_ms < ? AND to_ms <= ? ORDER BY from_ms DESC", from_ms, from_ms),
        ("from_ms >= ? AND from_ms >= ? ORDER BY from_ms", to_ms, to_ms),
    ):
        found += db.execute(f"{where} AND {edge[0]} LIMIT 1", (*camera, *edge[1:])).fetchall()
    rows = sorted(found, key=lambda each: (each["epoch_id"], each["seq"], each["number"]))
    return [
        Account(epoch_id, seq, boot_id, tuple(_part_in(each) for each in spans))
        for (epoch_id, seq, boot_id), spans in groupby(
            rows, key=lambda each: (each["epoch_id"], each["seq"], each["boot_id"])
        )
    ]


def resolve(
    db: sqlite3.Connection, key: CameraKey, from_ms: int, to_ms: int
) -> tuple[Stretch, ...]:
    """What is known of the camera's time."""
    return coverage.resolve(
        accounts(db, key, from_ms, to_ms),
        from_ms,
        to_ms,
        lambda one, other: between(db, one, other),
        lambda one, other: update_between(db, one, other),
    )


def between(db: sqlite3.Connection, one: Account, other: Account) -> Between | None:
    """What is known of the time between two accounts: that the node was off, if all records
    between them are here and one tells of a start; that records are missing; or nothing."""
    if one.epoch_id != other.epoch_id:
        return None
    count, starts = db.execute(
        "SELECT count(*), coalesce(sum(type = 'node.booted'), 0) FROM records"
        " WHERE epoch_id = ? AND seq BETWEEN ? AND ?",
        (one.epoch_id, one.seq + 1, other.seq - 1),
    ).fetchone()
    if count != other.seq - one.seq - 1:
        return "records_missing"
    return "node_off" if starts else None


def update_between(db: sqlite3.Connection, one: Account, other: Account) -> str | None:
    """That the node's software was another one after the time between two accounts, or in it."""
    rows = db.execute(
        "SELECT seq, payload FROM records WHERE epoch_id = ? AND type = 'node.booted'"
        " AND seq BETWEEN ? AND ? ORDER BY seq DESC LIMIT ?",
        (one.epoch_id, one.seq - LOOK_BACK, other.seq - 1, MAX_STARTS),
    ).fetchall()
    before = next((_version_in(row) for row in rows if row["seq"] <= one.seq), None)
    since = [_version_in(row) for row in rows if row["seq"] > one.seq]
    if before is None or not since or set(since) == {before}:
        return None
    if since[0] == before:
        return f"update to {next(each for each in since if each != before)} taken back"
    return f"update from {before} to {since[0]}"


def _version_in(row: sqlite3.Row) -> str | None:
    try:
        body = record.decode(bytes(row["payload"])).body
    except ContractError:
        return None
    return body.version if isinstance(body, NodeBooted) else None


def _part_in(row: sqlite3.Row) -> Part:
    return Part(
        row["from_ms"],
        row["to_ms"],
        row["from_mono_ns"] // NS_IN_MS,
        row["to_mono_ns"] // NS_IN_MS,
        row["state"],
        row["cause"],
        row["detail"],
        is_placed=row["placed"] != "bounded",
    )
