"""A scripted node: it speaks the contract over a real broker, rightly or as wrongly as it is told.

It has no camera and keeps nothing on disk; records are made here with the journal's rules (sequence
numbers, chain, signature) and sent when the test says so.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import MQTTMessage

from edge.base.clock import Clock, SystemClock
from edge.contract import ack, ids, names, record, reply, status, topics
from edge.contract import command as commands
from edge.contract.ack import Ack
from edge.contract.command import Command
from edge.contract.errors import ContractError
from edge.contract.parts import ClipRef, ClockStamp, Instant, SnapshotRef
from edge.contract.record import Body, EventEnded, EventStarted, Header, NodeBooted
from edge.contract.reply import PictureRef, Reply
from edge.contract.status import Status
from edge.keys import PrivateKey, PublicKey
from tests.harness.child import HarnessError
from tests.harness.link import Account, BrokerAddress, Link

VERSION = "0.0.0-scripted"
CAMERA = "gate"


@dataclass(frozen=True)
class SignedRecord:
    """A record ready to be sent; `dataclasses.replace` makes a forgery of it."""

    seq: int
    event: str | None
    payload: bytes
    signature: bytes

    @property
    def digest(self) -> str:
        """What the next record carries as `prev`."""
        return record.digest(self.payload)


class Publisher:
    """One node on the wire. `make` and `send` are apart, so that a test can lose, repeat, swap.

    Used from one thread; acknowledgements arrive in another and are read through `acks`.
    """

    def __init__(
        self,
        node: str,
        address: BrokerAddress,
        account: Account,
        *,
        key: PrivateKey | None = None,
        hub_key: PublicKey | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Nothing is connected yet. With `hub_key`, acks that it did not sign are not counted."""
        self.node = node
        self.key = key or PrivateKey(os.urandom(32))
        self.epoch = secrets.token_hex(8)
        self.records: list[SignedRecord] = []
        self._address = address
        self._account = account
        self._hub_key = hub_key
        self._clock = clock or SystemClock()
        self._link: Link | None = None
        self._acks: list[Ack] = []
        self.refused_acks = 0
        self._commands: list[Command] = []
        self._changed = threading.Condition()

    def connect(self) -> None:
        """Connect with the Will, listen for acks, say online. Raises HarnessError."""
        self.close()
        will = (topics.status(self.node), status.encode(self._status("offline")))
        self._link = Link(self._address, self._account, on_message=self._on_message, will=will)
        self._link.subscribe(topics.ack(self.node))
        self._link.subscribe(topics.command(self.node))
        self.publish(topics.status(self.node), status.encode(self._status("online")), retain=True)

    def close(self) -> None:
        """Disconnect in good order, without a Will and without saying offline."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def vanish(self) -> None:
        """Cut the connection as a power failure does; the broker sends the Will."""
        if self._link is not None:
            self._link.drop()
            self._link = None

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        signature: bytes | None = None,
        retain: bool = False,
        correlation: bytes = b"",
    ) -> str:
        """Any bytes on any topic; the PUBACK's reason, `Not authorized` where the ACL forbids."""
        if self._link is None:
            raise HarnessError(f"{self.node} is not connected")
        properties = {}
        if signature is not None:
            properties[names.SIGNATURE_PROPERTY] = base64.b64encode(signature).decode("ascii")
        return self._link.publish(
            topic, payload, user_properties=properties, retain=retain, correlation=correlation
        )

    def make(
        self,
        body: Body,
        *,
        event: str | None = None,
        camera: str | None = None,
        seq: int | None = None,
        prev: str | None = None,
        node: str | None = None,
    ) -> SignedRecord:
        """The next record of the journal; `seq`, `prev` and `node` override what is right."""
        last = self.records[-1] if self.records else None
        header = Header(
            v=names.VERSION,
            node=node or self.node,
            epoch=self.epoch,
            seq=seq if seq is not None else (last.seq if last else 0) + 1,
            prev=prev if prev is not None else (last.digest if last else names.FIRST_HASH),
            type=record.TYPES[type(body)],
            at_utc=self._clock.utc(),
            clock=self._stamp(),
            camera=camera,
            event=event,
        )
        payload = record.encode(header, body)
        made = SignedRecord(header.seq, event, payload, self.key.sign(payload))
        self.records.append(made)
        return made

    def make_booted(self) -> SignedRecord:
        """`node.booted`, with which an agent's run begins."""
        return self.make(NodeBooted(version=VERSION, cameras=(CAMERA,)))

    def make_event(
        self,
        *,
        camera: str = CAMERA,
        zones: tuple[str, ...] = (),
        duration_ms: int = 4000,
        snapshot: SnapshotRef | None = None,
        clip: bytes | None = None,
    ) -> tuple[SignedRecord, SignedRecord]:
        """`event.started` and `event.ended` of a whole event; it has no clip unless told of one."""
        event = ids.new_event(self._clock.utc())
        began = Instant(self._clock.utc(), self._clock.mono_ns())
        started = EventStarted(kind="motion", started=began, zones=zones, score=0.1)
        over = Instant(
            began.utc + timedelta(milliseconds=duration_ms),
            began.mono_ns + duration_ms * 1_000_000,
        )
        ended = EventEnded(
            kind="motion",
            started=began,
            ended=over,
            duration_ms=duration_ms,
            reason="quiet",
            zones=zones,
            score=0.1,
            parts=0 if clip is None else 1,
            clip=None if clip is None else _clip(clip, began, duration_ms),
            snapshot=snapshot,
            fault="a scripted node records no clips" if clip is None else None,
        )
        return (
            self.make(started, event=event, camera=camera),
            self.make(ended, event=event, camera=camera),
        )

    def send(
        self, made: SignedRecord, *, node: str | None = None, signature: bytes | None = None
    ) -> str:
        """Publish a record, as `node` and with `signature` if told; the PUBACK's reason."""
        topic = topics.record(node or self.node)
        return self.publish(topic, made.payload, signature=signature or made.signature)

    def forged_signature(self, made: SignedRecord) -> bytes:
        """A well-formed signature over the right bytes, by a key that is not this node's."""
        return PrivateKey(os.urandom(32)).sign(made.payload)

    @property
    def commands(self) -> list[Command]:
        """Every command that the hub signed, so far."""
        with self._changed:
            return list(self._commands)

    def wait_for_command(self, name: str, timeout_s: float, *, after: int = 0) -> Command:
        """The first command of that name past the first `after` ones. Raises HarnessError."""

        def found() -> Command | None:
            return next((each for each in self._commands[after:] if each.name == name), None)

        with self._changed:
            if not self._changed.wait_for(lambda: found() is not None, timeout_s):
                raise HarnessError(f"no command {name} came; {self._commands}")
            command = found()
            assert command is not None
            return command

    def answer(
        self,
        command: Command,
        *,
        picture: bytes | None = None,
        sent_picture: bytes | None = None,
        signature: bytes | None = None,
        **more: Any,
    ) -> None:
        """Reply ok with a fresh nonce, unless `more` says otherwise; `picture` goes with it.

        `sent_picture` is sent in its place; `signature` instead of this node's.
        """
        ref = None
        if picture is not None:
            ref = PictureRef(hashlib.sha256(picture).hexdigest(), len(picture), 1280, 720)
            topic = topics.reply_picture(self.node, command.id)
            self.publish(topic, sent_picture or picture)
        given = {"status": "ok", "nonce": secrets.token_hex(16), "picture": ref} | more
        payload = reply.encode(Reply(names.VERSION, self.node, command.id, **given))
        self.publish(
            topics.reply(self.node), payload, signature=signature or self.key.sign(payload),
            correlation=command.id.encode("ascii"),
        )  # fmt: skip

    @property
    def acks(self) -> list[Ack]:
        """Every acknowledgement for this journal so far."""
        with self._changed:
            return list(self._acks)

    def is_acknowledged(self, made: SignedRecord) -> bool:
        """Whether the hub has said that it keeps this very record's sequence number."""
        return any(made.seq <= each.upto or made.seq in each.also for each in self.acks)

    def wait_for_ack(self, made: SignedRecord, timeout_s: float) -> Ack:
        """The newest ack, once one covers `made`. Raises HarnessError at the timeout."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for each in reversed(self._acks):
                    if made.seq <= each.upto or made.seq in each.also:
                        return each
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    raise HarnessError(f"record {made.seq} not acknowledged; acks: {self._acks}")
                self._changed.wait(left_s)

    def _on_message(self, message: MQTTMessage) -> None:
        properties = dict(getattr(message.properties, "UserProperty", []))
        signature = base64.b64decode(properties.get(names.SIGNATURE_PROPERTY, ""))
        payload = bytes(message.payload)
        is_signed = self._hub_key is None or self._hub_key.verify(payload, signature)
        if message.topic == topics.command(self.node):
            with self._changed:
                if is_signed and not message.retain:
                    self._commands.append(commands.decode(payload))
                self._changed.notify_all()
            return
        try:
            decoded = ack.decode(payload)
        except ContractError:
            decoded = None
        with self._changed:
            if is_signed and decoded is not None and decoded.epoch == self.epoch:
                self._acks.append(decoded)
            else:
                self.refused_acks += 1
            self._changed.notify_all()

    def _status(self, state: str) -> Status:
        return Status(
            v=names.VERSION,
            state="online" if state == "online" else "offline",
            boot=self._clock.boot,
            version=VERSION,
            epoch=self.epoch,
            key=self.key.public.text,
            cameras=(CAMERA,),
        )

    def _stamp(self) -> ClockStamp:
        return ClockStamp(
            state="synced", boot=self._clock.boot, mono_ns=self._clock.mono_ns(), error_ms=1
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _clip(content: bytes, began: Instant, duration_ms: int) -> ClipRef:
    """What a record says of a clip with this content."""
    return ClipRef(
        part=0, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content),
        duration_ms=duration_ms, codec="h264", width=640, height=360, starts=began, pre_roll_ms=0,
        first_pts=0, time_base=(1, 90_000), packets=60,
    )  # fmt: skip
