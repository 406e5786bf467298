"""Rows of boots: what is known of each boot's true time, and placing what its unset clock stamped.

Events and spans of time that a clock stamped before it was set stand in `events_unsynced` and
`spans_unsynced`. When a better anchor arrives they are placed anew, all in the transaction that
archives it. So the order in which records arrive does not matter, once all have.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from edge.contract.record import Body, Header
from hub.archive.event_state import NS_IN_MS, to_ms
from hub.archive.placing import Anchor, anchor_in, better

BOUND_AGAIN_MS = 60_000  # so often at most the rows of a boot without anchor are moved
BOUND_GAIN_MS = 1000  # and only if that brings so much


@dataclass
class Boot:
    """One boot's row while a transaction works on it."""

    id: int
    node_id: int
    anchor: Anchor | None
    latest_zero_ms: int
    known_ms: int | None
    first: tuple[int, int]
    placed_ms: int
    is_online: bool  # the node last said that it is, in this boot
    is_new: bool = False
    must_place: bool = False


class BootBook:
    """Learns from records within one transaction; remembers the boots that it touched."""

    def __init__(self, db: sqlite3.Connection, *, are_fresh: bool) -> None:
        """`are_fresh`: the records come in just now, so the node's last status is of their time."""
        self._db = db
        self._are_fresh = are_fresh
        self._boots: dict[tuple[int, str], Boot] = {}

    def note(
        self, node_id: int, epoch_id: int, header: Header, body: Body | None, received_ms: int
    ) -> Boot:
        """What a record that was just archived says about its boot."""
        clock = header.clock
        zero_ms = received_ms - clock.mono_ns // NS_IN_MS
        boot = self._boots.get((node_id, clock.boot))
        if boot is None:
            made = self._db.execute(
                "INSERT INTO boots (node_id, boot, latest_zero_ms, first_epoch_id, first_seq,"
                " placed_ms) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (node_id, clock.boot, zero_ms, epoch_id, header.seq, received_ms),
            )
            boot = self._load(node_id, clock.boot)
            boot.is_new = made.rowcount == 1
        boot.first = min(boot.first, (epoch_id, header.seq))
        found = anchor_in(header, body)
        anchor = better(boot.anchor, found) if found is not None else boot.anchor
        if anchor != boot.anchor:
            boot.anchor, boot.must_place = anchor, True
        if zero_ms < boot.latest_zero_ms:
            is_much = boot.latest_zero_ms - zero_ms >= BOUND_GAIN_MS
            is_due = is_much and received_ms - boot.placed_ms >= BOUND_AGAIN_MS
            boot.must_place |= boot.anchor is None and (is_due or boot.is_new)
            boot.latest_zero_ms = zero_ms
        known_ms = to_ms(header.at_utc) if clock.state != "unsynced" else None
        if boot.is_online:  # then the record came straight from the boot that wrote it
            known_ms = max(known_ms or received_ms, received_ms)
        if known_ms is not None:
            boot.known_ms = max(boot.known_ms or known_ms, known_ms)
        if boot.must_place:
            boot.placed_ms = received_ms
        return boot

    def boot(self, node_id: int, name: str) -> Boot:
        """The row of a boot that an archived record was noted for."""
        return self._boots.get((node_id, name)) or self._load(node_id, name)

    def flush(self) -> list[Boot]:
        """Write back what was learnt; returns the boots whose unset times must be placed anew."""
        boots = list(self._boots.values())
        self._db.executemany(
            "UPDATE boots SET anchor_rank = ?, anchor_mono_ns = ?, anchor_ms = ?,"
            " anchor_error_ms = ?, latest_zero_ms = ?, known_ms = ?, first_epoch_id = ?,"
            " first_seq = ?, placed_ms = ? WHERE id = ?",
            [
                (
                    *_columns_of(each.anchor), each.latest_zero_ms, each.known_ms, *each.first,
                    each.placed_ms, each.id,
                )
                for each in boots
            ],
        )  # fmt: skip
        return [each for each in boots if each.must_place]

    def _load(self, node_id: int, name: str) -> Boot:
        row = self._db.execute(
            "SELECT boots.*, nodes.boot AS told, nodes.state FROM boots"
            " JOIN nodes ON nodes.id = node_id WHERE node_id = ? AND boots.boot = ?",
            (node_id, name),
        ).fetchone()
        boot = Boot(
            row["id"],
            node_id,
            anchor_of(row),
            row["latest_zero_ms"],
            row["known_ms"],
            (row["first_epoch_id"], row["first_seq"]),
            row["placed_ms"],
            self._are_fresh and row["told"] == name and row["state"] == "online",
        )
        self._boots[node_id, name] = boot
        return boot


def anchor_of(row: sqlite3.Row) -> Anchor | None:
    """The anchor in a row of boots."""
    if row["anchor_rank"] is None:
        return None
    return Anchor(
        row["anchor_rank"], row["anchor_mono_ns"], row["anchor_ms"], row["anchor_error_ms"]
    )


def _columns_of(anchor: Anchor | None) -> tuple[int | None, ...]:
    if anchor is None:
        return None, None, None, None
    return anchor.rank, anchor.mono_ns, anchor.utc_ms, anchor.error_ms
