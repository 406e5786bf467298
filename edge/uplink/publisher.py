"""Sends what waits in the outbox and frees what the hub acknowledges.

Records first, in the lanes that `edge.uplink.lanes` describes; snapshots when no record is left to
be sent, clips (the uploader's) when no snapshot is. A reconnect opens the lanes anew behind the
last acknowledged record: duplicates are harmless, the hub is idempotent.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path

from edge.base.clock import Clock
from edge.base.errors import StorageError, storage_error
from edge.base.logs import error_chain
from edge.contract import ack as acks
from edge.contract import topics
from edge.contract.errors import ContractError
from edge.keys import PublicKey
from edge.outbox.outbox import AckMismatchError, Outbox, Pending
from edge.uplink.lanes import RESEND_S, Lanes
from edge.uplink.session import Inbound, Session

log = logging.getLogger(__name__)

SNAPSHOTS_PER_STEP = 4
IDLE_S = 1.0  # how often to look when nobody wakes us
STUCK_TIMES = 10  # sent so often and still not acknowledged, a record is worth a word


class Publisher:
    """The thread named publisher."""

    def __init__(
        self,
        session: Session,
        outbox: Outbox,
        *,
        node: str,
        hub_key: PublicKey,
        clock: Clock,
        spool_dir: Path,
    ) -> None:
        self._session = session
        self._outbox = outbox
        self._node = node
        self._hub_key = hub_key
        self._clock = clock
        self._spool_dir = spool_dir
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._lanes = Lanes()
        self._connection = 0
        self._epoch = ""
        self._snapshots_sent_ns: dict[str, int] = {}
        self._has_snapshots_due = False
        self.rejected_acks = 0
        self.is_heard = False  # whether the hub acknowledged anything
        self.problem = ""
        self.on_turn: Callable[[], None] = lambda: None  # called while `run` gets on
        outbox.on_append = self._wake.set
        session.on_message = self._wake.set

    def run(self) -> None:
        """Send and free until `stop`; a disk that fails is waited for."""
        while not self._stop.is_set():
            self._wake.wait(IDLE_S)
            self._wake.clear()
            self.on_turn()
            try:
                self.run_once()
            except StorageError as err:
                log.error("the journal cannot be read or freed: %s", error_chain(err))
                self._stop.wait(IDLE_S)

    def run_once(self) -> None:
        """Apply the acknowledgements that came, then send what may be sent. Raises StorageError."""
        self._apply_acks()
        if not self._session.is_online:
            return
        now_ns = self._clock.mono_ns()
        now = (self._session.connections, self._outbox.epoch)
        if now != (self._connection, self._epoch):
            self._connection, self._epoch = now
            self._lanes.open(self._outbox.acked_seq, self._outbox.last_seq, now_ns)
            self._snapshots_sent_ns.clear()
        self._send_again(now_ns)
        if self._send_records(now_ns):
            self._send_snapshots(now_ns)

    @property
    def is_behind(self) -> bool:
        """Whether records or snapshots of more weight than clips could go now."""
        return self._session.is_online and (self._lanes.has_backlog or self._has_snapshots_due)

    def stop(self) -> None:
        """End `run` soon."""
        self._stop.set()
        self._wake.set()

    def _send_again(self, now_ns: int) -> None:
        """What the hub misses of what was sent."""
        for seq in self._lanes.again(now_ns):
            found = self._outbox.pending(seq - 1, 1)
            if not found or found[0].seq != seq:
                self._lanes.forget(seq)
            elif not self._send(found[0], now_ns):
                return
            elif self._lanes.on_way[seq].times == STUCK_TIMES:
                log.error("record %d was sent %d times and is not taken", seq, STUCK_TIMES)

    def _send_records(self, now_ns: int) -> bool:
        """Fill each lane as far as it has room; whether nothing is left to be sent."""
        lanes, outbox = self._lanes, self._outbox
        room = lanes.room()
        urgent = outbox.pending(lanes.urgent_seq, max(0, room), is_urgent=True)
        for pending in urgent:
            if pending.seq not in lanes.on_way and not self._send(pending, now_ns):
                return False
            lanes.urgent_seq = pending.seq
        room = lanes.room()
        live = outbox.pending(lanes.live_seq, max(0, room))
        for pending in live:
            if pending.seq not in lanes.on_way and not self._send(pending, now_ns):
                return False
            lanes.live_seq = pending.seq
        if not lanes.has_backlog:
            return len(live) < room
        return self._send_backlog(now_ns) and len(live) < room

    def _send_backlog(self, now_ns: int) -> bool:
        lanes, room = self._lanes, self._lanes.backlog_room()
        found = self._outbox.pending(lanes.backlog_seq, max(0, room))
        for pending in found:
            if not lanes.is_backlog(pending.seq):
                lanes.end_backlog()
                break
            if pending.seq not in lanes.on_way and not self._send(pending, now_ns):
                return False
            lanes.passed(pending.seq)
        if not found and room > 0:
            lanes.end_backlog()
        return not lanes.has_backlog

    def _send(self, pending: Pending, now_ns: int) -> bool:
        topic = topics.record(self._node)
        if not self._session.publish(topic, pending.payload, signature=pending.signature):
            return False
        self._lanes.sent(pending.seq, now_ns)
        return True

    def _send_snapshots(self, now_ns: int) -> None:
        waiting = self._outbox.waiting_snapshots(100)
        sent = {file.sha256: self._snapshots_sent_ns.get(file.sha256, 0) for file in waiting}
        due = [
            file
            for file in waiting
            if now_ns - sent[file.sha256] > RESEND_S * 1e9 or not sent[file.sha256]
        ]
        for file in due[:SNAPSHOTS_PER_STEP]:
            try:
                jpeg = (self._spool_dir / file.name).read_bytes()
            except FileNotFoundError:
                log.error("snapshot %s of event %s is gone from the spool", file.name, file.event)
                self._outbox.drop(file.name, cause="missing")
                continue
            except OSError as err:
                raise storage_error(err, "cannot read", self._spool_dir / file.name) from err
            if self._session.publish(topics.snapshot(self._node, file.event), jpeg):
                sent[file.sha256] = now_ns
        self._snapshots_sent_ns = sent
        self._has_snapshots_due = len(due) > SNAPSHOTS_PER_STEP
        if self._has_snapshots_due:
            self._wake.set()

    def _apply_acks(self) -> None:
        """Take all that came, in one transaction."""
        received: list[acks.Ack] = []
        while True:
            try:
                inbound = self._session.inbox.get_nowait()
            except queue.Empty:
                break
            if inbound.topic == topics.ack(self._node):
                received += self._verified(inbound)
        if not received:
            return
        try:
            self._outbox.apply(*received)
        except AckMismatchError as err:
            self._reject(str(err))
            self._outbox.begin_anew(err, max(ack.upto for ack in received))
        else:
            self.problem = ""
            self.is_heard = True
            for ack in received:
                if ack.epoch == self._outbox.epoch:
                    self._lanes.heard(ack.upto, ack.also, self._clock.mono_ns())

    def _verified(self, inbound: Inbound) -> list[acks.Ack]:
        """The acknowledgement, if the hub signed it for this node."""
        if not self._hub_key.verify(inbound.payload, inbound.signature):
            self._reject("an acknowledgement is not signed by the hub's key")
            return []
        try:
            ack = acks.decode(inbound.payload)
        except ContractError as err:
            self._reject(f"an acknowledgement is malformed: {err}")
            return []
        if ack.node != self._node:
            self._reject(f"an acknowledgement for {ack.node}")
            return []
        return [ack]

    def _reject(self, reason: str) -> None:
        self.rejected_acks += 1
        if self.problem != reason:
            log.error("%s; nothing was freed", reason)
        self.problem = reason
