"""Sends what waits in the outbox and frees what the hub acknowledges.

Records go in order, at most WINDOW ahead of the hub's acknowledgement. A reconnect, or RESEND_S
without progress, starts again behind the last acknowledged one: duplicates are harmless, the hub
is idempotent. Snapshots follow once the hub has the record that announces them.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path

from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.contract import ack as acks
from edge.contract import topics
from edge.contract.errors import ContractError
from edge.keys import PublicKey
from edge.outbox.outbox import AckMismatchError, Outbox
from edge.uplink.session import Inbound, Session

log = logging.getLogger(__name__)

WINDOW = 200  # records on their way; fits the hub's batch
RESEND_S = 20.0
SNAPSHOTS_PER_STEP = 4
IDLE_S = 2.0  # how often to look when nobody wakes us


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
        self._sent_seq = 0
        self._connection = 0
        self._progress_ns = 0
        self._snapshots_sent_ns: dict[str, int] = {}
        self.rejected_acks = 0
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
        acked = self._outbox.acked_seq
        if self._session.connections != self._connection:
            self._connection = self._session.connections
            self._rewind(acked, now_ns)
        elif self._sent_seq > acked and now_ns - self._progress_ns > RESEND_S * 1e9:
            log.warning("no acknowledgement for %.0f s; sending again from %d", RESEND_S, acked + 1)
            self._rewind(acked, now_ns)
        self._send_records(acked)
        self._send_snapshots(now_ns)

    def stop(self) -> None:
        """End `run` soon."""
        self._stop.set()
        self._wake.set()

    def _rewind(self, acked: int, now_ns: int) -> None:
        self._sent_seq = acked
        self._progress_ns = now_ns
        self._snapshots_sent_ns.clear()

    def _send_records(self, acked: int) -> None:
        room = WINDOW - (self._sent_seq - acked)
        if room <= 0:
            return
        for pending in self._outbox.pending(self._sent_seq, room):
            topic = topics.record(self._node)
            if not self._session.publish(topic, pending.payload, signature=pending.signature):
                return
            if self._sent_seq <= acked:
                self._progress_ns = self._clock.mono_ns()
            self._sent_seq = pending.seq

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
            if self._session.publish(topics.snapshot(self._node, file.event), jpeg):
                sent[file.sha256] = now_ns
        self._snapshots_sent_ns = sent
        if len(due) > SNAPSHOTS_PER_STEP:
            self._wake.set()

    def _apply_acks(self) -> None:
        while True:
            try:
                inbound = self._session.inbox.get_nowait()
            except queue.Empty:
                return
            if inbound.topic == topics.ack(self._node):
                self._apply_ack(inbound)

    def _apply_ack(self, inbound: Inbound) -> None:
        if not self._hub_key.verify(inbound.payload, inbound.signature):
            self._reject("an acknowledgement is not signed by the hub's key")
            return
        try:
            ack = acks.decode(inbound.payload)
            if ack.node != self._node:
                self._reject(f"an acknowledgement for {ack.node}")
                return
            self._outbox.apply(ack)
        except ContractError as err:
            self._reject(f"an acknowledgement is malformed: {err}")
        except AckMismatchError as err:
            self._reject(str(err))
        else:
            self.problem = ""
            self._progress_ns = self._clock.mono_ns()

    def _reject(self, reason: str) -> None:
        self.rejected_acks += 1
        if self.problem != reason:
            log.error("%s; nothing was freed", reason)
        self.problem = reason
