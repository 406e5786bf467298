"""Asks nodes to do something, one signed command at a time, and waits for the signed reply.

A command carries a nonce that its node gave out (edge.contract.command): the last reply's, or one
that is asked for first. What waits is bounded; a command that nobody answered in time is given up,
and the node will not do it later, since its nonce is too old by then.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge.base.clock import Clock
from edge.base.errors import CamwatchError
from edge.contract import command as commands
from edge.contract import names, reply, topics
from edge.contract.command import Command, LiveOrder
from edge.contract.errors import ContractError
from edge.contract.reply import Reply
from edge.keys import PrivateKey, PublicKey
from hub.commands.message import Asked, Said

logger = logging.getLogger(__name__)

ANSWER_S = 15.0  # in all; a picture of 256 KiB over a slow uplink is most of it
KEEP_NONCE_S = commands.NONCE_LIFE_S / 2  # of a reply's, at the node's clock it is older
MAX_WAITING, MAX_WAITING_EACH = 200, 8  # commands without an answer: of all nodes, of one


@dataclass(frozen=True)
class Order:
    """What a node shall do."""

    node: str
    name: str
    camera: str | None = None
    stream: str | None = None
    live: LiveOrder | None = None
    challenge: str | None = None


@dataclass(frozen=True)
class Answer:
    """What became of it."""

    reply: Reply
    picture: bytes | None = None


class CommandError(CamwatchError):
    """It was not done, or nobody knows. `reason`: the reply's, or offline, broker, busy,
    no_answer."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message, is_retryable=reason in ("busy", "no_answer", "broker"))
        self.reason = reason


class _Waiting:
    """A command on its way."""

    def __init__(self, command: Command) -> None:
        self.node = command.node
        self.asks_for_nonce = command.name == commands.NONCE
        self.future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.pictures: dict[str, bytes] = {}


class Commander:
    """`ask` is for the event loop; `take` for any thread."""

    def __init__(
        self,
        key: PrivateKey,
        clock: Clock,
        *,
        publish: Callable[[Asked], bool],
        key_of: Callable[[str], PublicKey | None],
        is_offline: Callable[[str], bool],
    ) -> None:
        """`publish` hands a message to the broker, false without one. `key_of`: a node's pinned
        key; `is_offline`: whether it said so. All may be called from any thread."""
        self._key = key
        self._clock = clock
        self._publish = publish
        self._key_of = key_of
        self._is_offline = is_offline
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._nonces: dict[str, tuple[str, int]] = {}

    async def ask(
        self, order: Order, *, by: str, timeout_s: float = ANSWER_S, is_routine: bool = False
    ) -> Answer:
        """Have it done; `by` is for the log, which what is routine is kept out of where it is done.

        Raises CommandError where it is not.
        """
        try:
            answer = await self._ask(order, timeout_s)
        except CommandError as err:
            logger.warning("command %s to %s by %s: %s: %s", order.name, order.node, by,
                           err.reason, err)  # fmt: skip
            raise
        level = logging.DEBUG if is_routine else logging.INFO
        logger.log(level, "command %s to %s by %s: done", order.name, order.node, by)
        return answer

    async def prove(self, node: str, *, by: str) -> tuple[str, str]:
        """Have the node prove that it holds its pinned key; challenge and proof.

        Raises CommandError, also where the proof is not one.
        """
        challenge = secrets.token_hex(32)
        answer = await self.ask(Order(node, commands.PROVE_KEY, challenge=challenge), by=by)
        key, proof = self._key_of(node), answer.reply.proof
        signed = reply.proof_bytes(node, challenge)
        if key is None or proof is None or not key.verify(signed, reply.proof_signature(proof)):
            raise CommandError("proof", f"{node} did not sign the challenge with its key")
        return challenge, proof

    def take(self, said: Said) -> None:
        """What a node published on one of its reply topics. Anything else than the signed answer
        to a command that waits is let go."""
        with self._lock:
            if not any(each.node == said.node for each in self._waiting.values()):
                return
            if said.picture_of is not None:
                waiting = self._waiting.get(said.picture_of)
                if waiting is not None and waiting.node == said.node:
                    waiting.pictures = {hashlib.sha256(said.payload).hexdigest(): said.payload}
                return
        key = self._key_of(said.node)
        if key is None or said.signature is None or not key.verify(said.payload, said.signature):
            logger.warning("%s: a reply that its key did not sign is ignored", said.node)
            return
        try:
            self._settle(said.node, reply.decode(said.payload))
        except ContractError as err:
            logger.warning("%s: a reply is ignored: %s", said.node, err)

    async def _ask(self, order: Order, timeout_s: float) -> Answer:
        if self._is_offline(order.node):
            raise CommandError("offline", f"{order.node} is offline")
        try:
            async with asyncio.timeout(timeout_s):
                return await self._with_nonce(order)
        except TimeoutError as err:
            raise CommandError(
                "no_answer", f"{order.node} did not answer within {timeout_s:g} s"
            ) from err

    async def _with_nonce(self, order: Order) -> Answer:
        """With the nonce at hand; a node that restarted does not know it, and gives a new one."""
        try:
            return await self._send(order, await self._nonce(order.node))
        except CommandError as err:
            if err.reason != "nonce":
                raise
        return await self._send(order, await self._nonce(order.node))

    async def _nonce(self, node: str) -> str | None:
        """That of the node's last reply, or else one that it is asked for."""
        with self._lock:
            nonce, since_ns = self._nonces.pop(node, (None, 0))
        if nonce is not None and self._clock.mono_ns() - since_ns < KEEP_NONCE_S * 1e9:
            return nonce
        return (await self._send(Order(node, commands.NONCE), None)).reply.nonce

    async def _send(self, order: Order, nonce: str | None) -> Answer:
        command = Command(
            v=names.VERSION, node=order.node, id=secrets.token_hex(16), name=order.name,
            nonce=nonce, camera=order.camera, stream=order.stream, live=order.live,
            challenge=order.challenge,
        )  # fmt: skip
        payload = commands.encode(command)
        waiting = self._begin(command)
        try:
            asked = Asked(
                topics.command(order.node), payload, self._key.sign(payload),
                topics.reply(order.node), command.id.encode("ascii"), commands.NONCE_LIFE_S,
            )  # fmt: skip
            if not self._publish(asked):
                raise CommandError("broker", "the hub has no connection to the broker")
            answer = await waiting.future
        finally:
            with self._lock:
                del self._waiting[command.id]
        said = answer.reply
        if said.status != "ok":
            reason = said.reason or said.status
            raise CommandError(reason, said.detail or f"{order.node} says {reason}")
        if said.picture is not None and answer.picture is None:
            raise CommandError("no_picture", f"the picture of {order.node} did not come")
        return answer

    def _begin(self, command: Command) -> _Waiting:
        with self._lock:
            same = sum(each.node == command.node for each in self._waiting.values())
            if len(self._waiting) >= MAX_WAITING or same >= MAX_WAITING_EACH:
                raise CommandError("busy", "too many commands wait for their answer")
            waiting = self._waiting[command.id] = _Waiting(command)
            return waiting

    def _settle(self, node: str, said: Reply) -> None:
        with self._lock:
            waiting = self._waiting.get(said.id)
            if waiting is None or waiting.node != node or said.node != node:
                return
            if said.nonce is not None and not waiting.asks_for_nonce:
                self._nonces[node] = (said.nonce, self._clock.mono_ns())
            picture = None if said.picture is None else waiting.pictures.get(said.picture.sha256)
        answer, future = Answer(said, picture), waiting.future
        future.get_loop().call_soon_threadsafe(
            lambda: None if future.done() else future.set_result(answer)
        )
