"""Simulated nodes: journals gathered during an outage, drained as a node drains its own.

A node sends what the product's own lanes tell it to (`edge.uplink.lanes`), and believes only
acknowledgements that the hub signed.
Packets are made before the clock starts, so that what is measured is the hub and not this load.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import selectors
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection

from edge.contract import ack as acks
from edge.contract import ids, names, record, status, topics
from edge.contract.parts import ClipRef, ClockStamp, Instant
from edge.keys import PrivateKey, PublicKey
from edge.uplink import lanes
from edge.uplink.lanes import Lanes
from scripts.bench.mqtt_wire import Wire, publish_packet

BOOT = "b" * 32
CAMERA = "gate"
STEP_S = 7.0  # between two events of one node while it was cut off
POLL_S = 0.05
LOOK_S = 0.5  # how often each node looks for what is to be sent again
Key = tuple[str, str, int, str]  # node, epoch, seq, hash


@dataclass(frozen=True)
class Town:
    """How to reach the broker, and whose acknowledgements count."""

    port: int
    hub_key: bytes
    window: int = lanes.WINDOW


@dataclass
class Node:
    """One node's journal as it lies ready to be sent; `seq` n is at index n - 1."""

    name: str
    password: str
    key: PrivateKey = field(default_factory=lambda: PrivateKey(os.urandom(32)))
    epoch: str = field(default_factory=lambda: secrets.token_hex(8))
    packets: list[bytes] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    lanes: Lanes = field(default_factory=Lanes)
    acked: int = 0
    resent: int = 0
    _open: tuple[str, Instant] | None = None

    def append(self, at_utc: datetime, mono_ns: int) -> None:
        """Sign and chain the next record: a boot first, then events, each begun and ended."""
        now = Instant(at_utc, mono_ns)
        event: str | None = None
        body: record.Body
        if not self.packets:
            body = record.NodeBooted("0.1.0", (CAMERA,))
        elif self._open is None:
            event = ids.new_event(at_utc)
            self._open = event, now
            body = record.EventStarted("motion", now, ("lane",), 0.21, (0.1, 0.2, 0.3, 0.4))
        else:
            event, began = self._open
            self._open = None
            body = _ended(event, began, now)
        seq = len(self.packets) + 1
        header = record.Header(
            v=names.VERSION, node=self.name, epoch=self.epoch, seq=seq,
            prev=self.digests[-1] if self.digests else names.FIRST_HASH,
            type=record.TYPES[type(body)], at_utc=at_utc,
            clock=ClockStamp("synced", BOOT, mono_ns, 12),
            camera=CAMERA if event else None, event=event,
        )  # fmt: skip
        payload = record.encode(header, body)
        self.digests.append(record.digest(payload))
        mid = seq % 60_000 + 1
        self.packets.append(
            publish_packet(topics.record(self.name), payload, mid, self.key.sign(payload))
        )

    def gather(self, count: int) -> None:
        """Append `count` records, as if the outage had lasted long enough for them."""
        start_utc = datetime.now(UTC) - timedelta(seconds=count * STEP_S)
        for number in range(count):
            passed_s = number * STEP_S
            self.append(start_utc + timedelta(seconds=passed_s), int(passed_s * 1e9))

    def connect(self, town: Town) -> Wire:
        """Log in and say online."""
        wire = Wire(town.port, self.name, self.password, topics.ack(self.name))
        said = status.Status(
            names.VERSION, "online", BOOT, "0.1.0", self.epoch, self.key.public.text, (CAMERA,)
        )
        topic = topics.status(self.name)
        wire.publish(publish_packet(topic, status.encode(said), 60_002, is_retained=True))
        wire.flush()
        self.lanes.open(0, len(self.packets), time.monotonic_ns())
        return wire

    def send(self, wire: Wire, now_ns: int) -> None:
        """Put on the wire what the lanes allow: what the hub misses, the live lane, the backlog."""
        lane = self.lanes
        for seq in lane.again(now_ns):
            self.resent += 1
            self._put(wire, seq, now_ns)
        for seq in range(
            lane.live_seq + 1, min(len(self.packets), lane.live_seq + lane.room()) + 1
        ):
            self._put(wire, seq, now_ns)
            lane.live_seq = seq
        last = min(len(self.packets), lane.backlog_seq + max(0, lane.backlog_room()))
        for seq in range(lane.backlog_seq + 1, last + 1):
            if lane.is_backlog(seq):
                self._put(wire, seq, now_ns)
                lane.passed(seq)
        wire.flush()

    def _put(self, wire: Wire, seq: int, now_ns: int) -> None:
        wire.publish(self.packets[seq - 1])
        self.lanes.sent(seq, now_ns)

    def apply(self, payload: bytes, now_ns: int) -> None:
        """Believe an acknowledgement whose signature was checked."""
        ack = acks.decode(payload)
        if ack.epoch != self.epoch:
            return
        if ack.upto and ack.head != self.digests[ack.upto - 1]:
            raise AssertionError(f"{self.name}: the hub's head at {ack.upto} is not ours")
        self.acked = max(self.acked, ack.upto)
        self.lanes.heard(ack.upto, ack.also, now_ns)

    def signed(self) -> list[Key]:
        """What the archive must hold."""
        return [(self.name, self.epoch, seq, each) for seq, each in enumerate(self.digests, 1)]


@dataclass(frozen=True)
class Drained:
    """What one process of backlog nodes has to tell."""

    began_s: float
    ended_s: float
    resent: int
    refused: int
    keys: list[Key]


@dataclass(frozen=True)
class Lived:
    """What the process of live nodes has to tell; `sent_s` on `time.monotonic`."""

    sent_s: list[float]
    latencies_s: list[float]
    keys: list[Key]


def drain(names_: Sequence[tuple[str, str]], count: int, town: Town, link: Connection) -> None:
    """A process of backlog nodes: gather, say so, wait for the word, drain, tell."""
    nodes = [Node(name, password) for name, password in names_]
    for number, node in enumerate(nodes):
        node.gather(count // len(nodes) + (number < count % len(nodes)))
    link.send("gathered")
    link.recv()
    hub_key = PublicKey(town.hub_key)
    lanes.WINDOW = town.window
    began_s = looked_s = time.monotonic()
    wires = [node.connect(town) for node in nodes]
    with selectors.DefaultSelector() as selector:
        for node, wire in zip(nodes, wires, strict=True):
            selector.register(wire.sock, selectors.EVENT_READ, (node, wire))
            node.send(wire, time.monotonic_ns())
        while any(node.acked < len(node.packets) for node in nodes):
            for key, _ in selector.select(POLL_S):
                node, wire = key.data
                messages = wire.receive()
                for message in messages[-1:]:  # acknowledgements are cumulative
                    if hub_key.verify(message.payload, message.signature):
                        node.apply(message.payload, time.monotonic_ns())
                        node.send(wire, time.monotonic_ns())
            if time.monotonic() - looked_s > LOOK_S:
                looked_s = time.monotonic()
                for node, wire in zip(nodes, wires, strict=True):
                    node.send(wire, time.monotonic_ns())
            for wire in wires:
                wire.flush()
    ended_s = time.monotonic()
    resent, refused = sum(node.resent for node in nodes), sum(wire.refused for wire in wires)
    for wire in wires:
        wire.close()
    link.send(Drained(began_s, ended_s, resent, refused, [k for n in nodes for k in n.signed()]))


def live(
    names_: Sequence[tuple[str, str]], interval_s: float, town: Town, link: Connection
) -> None:
    """A process of live nodes: one record every `interval_s` in turn, until told to end."""
    nodes = [Node(name, password) for name, password in names_]
    link.send("gathered")
    link.recv()
    hub_key = PublicKey(town.hub_key)
    told = Lived([], [], [])
    waiting: dict[tuple[str, int], float] = {}
    wires = {node.name: node.connect(town) for node in nodes}
    with selectors.DefaultSelector() as selector:
        for node in nodes:
            selector.register(wires[node.name].sock, selectors.EVENT_READ, node)
        due_s, turn, is_ending = time.monotonic(), 0, False
        while not (is_ending and not waiting):
            is_ending = is_ending or link.poll()
            now_s = time.monotonic()
            if now_s >= due_s and not is_ending:
                node, turn, due_s = nodes[turn % len(nodes)], turn + 1, due_s + interval_s
                node.append(datetime.now(UTC), time.monotonic_ns())
                waiting[node.name, len(node.packets)] = time.monotonic()
            for node in nodes:
                node.send(wires[node.name], time.monotonic_ns())
            for key, _ in selector.select(max(0.0, min(POLL_S, due_s - now_s))):
                node = key.data
                for message in wires[node.name].receive():
                    if hub_key.verify(message.payload, message.signature):
                        node.apply(message.payload, time.monotonic_ns())
                now_s = time.monotonic()
                for each in [w for w in waiting if w[0] == node.name and w[1] <= node.acked]:
                    sent_s = waiting.pop(each)
                    told.sent_s.append(sent_s)
                    told.latencies_s.append(now_s - sent_s)
    for wire in wires.values():
        wire.close()
    link.send(Lived(told.sent_s, told.latencies_s, [k for n in nodes for k in n.signed()]))


def _ended(event: str, began: Instant, now: Instant) -> record.EventEnded:
    clip = ClipRef(
        0, hashlib.sha256(event.encode()).hexdigest(), 1_834_221, 9_400, "h264", 1280, 720,
        Instant(began.utc - timedelta(seconds=5), max(0, began.mono_ns - 5_000_000_000)),
        5_000, 1_234_567, (1, 90_000), 141,
    )  # fmt: skip
    duration_ms = max(0, (now.mono_ns - began.mono_ns) // 1_000_000)
    return record.EventEnded(
        kind="motion", started=began, ended=now, duration_ms=duration_ms, reason="quiet",
        zones=("lane",), score=0.34, parts=1, clip=clip,
    )  # fmt: skip
