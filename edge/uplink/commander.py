"""Commands in, replies out: only what the hub signed, for this node, new, and on the list.

Order of judging: retained, too fast, signature, form, node, known id: none of these is answered.
Then the list and the nonce, which are. What is done is the executors' business, which the agent
passes in; each is called in this thread, one at a time.
"""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge.base.clock import Clock
from edge.base.errors import CamwatchError
from edge.base.logs import error_chain
from edge.contract import command as commands
from edge.contract import names, reply, topics
from edge.contract.command import Command
from edge.contract.errors import ContractError
from edge.contract.reply import PictureRef, Reply
from edge.keys import PrivateKey, PublicKey
from edge.uplink.nonces import Nonces
from edge.uplink.session import Inbound, Session

log = logging.getLogger(__name__)

IDLE_S = 1.0
EVERY_S = 0.05  # between two commands at least: verifying a flood would cost more than it is worth
REMEMBERED = 256  # ids answered last; older ones fail for their nonce
TELL_EVERY_S = 60.0  # how often a flood of bad ones is worth a line in the log


@dataclass(frozen=True)
class Picture:
    """A JPEG to go with a reply."""

    data: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Done:
    """What an executor did. `then` is called once the reply is on its way; what is routine, such
    as renewing a lease, is not worth a line in the log."""

    picture: Picture | None = None
    proof: str | None = None
    then: Callable[[], None] | None = None
    is_routine: bool = False


class RefusedError(CamwatchError):
    """A command cannot be done; `reason` is a short fixed word of the contract."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


Executor = Callable[[Command], Done]


class Commander:
    """The thread named commander."""

    def __init__(
        self,
        session: Session,
        *,
        node: str,
        key: PrivateKey,
        hub_key: PublicKey,
        clock: Clock,
        executors: Mapping[str, Executor],
    ) -> None:
        """`executors`: all that may be asked for, by the command's name; they raise RefusedError
        for what cannot be done, and CamwatchError where it failed."""
        self._session = session
        self._node = node
        self._key = key
        self._hub_key = hub_key
        self._clock = clock
        self._executors = executors
        self._nonces = Nonces(clock)
        self._answered: deque[str] = deque(maxlen=REMEMBERED)
        self._stop = threading.Event()
        self._told_ns: int | None = None
        self._dropped_before = 0
        self.ignored = 0
        self.on_turn: Callable[[], None] = lambda: None  # called while `run` gets on

    def run(self) -> None:
        """Obey until `stop`."""
        while not self._stop.is_set():
            self.on_turn()
            self.run_once(IDLE_S)
            self._stop.wait(EVERY_S)

    def run_once(self, wait_s: float) -> None:
        """Take one command, waiting for it up to `wait_s`."""
        try:
            inbound = self._session.commands.get(timeout=wait_s)
        except queue.Empty:
            return
        dropped = self._session.dropped_commands
        if dropped > self._dropped_before:
            self._ignore(f"{dropped - self._dropped_before} came too fast")
            self._dropped_before = dropped
        try:
            command = self._verified(inbound)
        except ContractError as err:
            self._ignore(str(err))
        else:
            self._answer(command, inbound.correlation)

    def stop(self) -> None:
        """End `run` soon."""
        self._stop.set()

    def _verified(self, inbound: Inbound) -> Command:
        """The command, if the hub signed it for this node. Raises ContractError."""
        if inbound.is_retained:
            raise ContractError("retained", "a retained command")
        if not self._hub_key.verify(inbound.payload, inbound.signature):
            raise ContractError("signature", "a command that the hub's key did not sign")
        command = commands.decode(inbound.payload)
        if command.node != self._node:
            raise ContractError("node", f"a command for {command.node}")
        if command.id in self._answered:
            raise ContractError("known", f"command {command.id} came again")
        return command

    def _answer(self, command: Command, correlation: bytes) -> None:
        self._answered.append(command.id)
        try:
            done = self._do(command)
        except RefusedError as err:
            self._reply(command, correlation, status="refused", reason=err.reason, why=str(err))
        except CamwatchError as err:
            self._reply(command, correlation, status="failed", reason="failed",
                        why=error_chain(err))  # fmt: skip
        except Exception:  # the thread must outlive any one command
            log.exception("command %s failed", command.name)
            self._reply(command, correlation, status="failed", reason="failed",
                        why="the node's log says why")  # fmt: skip
        else:
            self._reply(command, correlation, done=done)
            if done.then is not None:
                done.then()

    def _do(self, command: Command) -> Done:
        if command.name == commands.NONCE:
            return Done(is_routine=True)
        executor = self._executors.get(command.name)
        if executor is None:
            raise RefusedError("unknown", f"this version does not know {command.name}")
        if not self._nonces.take(command.nonce):
            raise RefusedError("nonce", "its nonce is unknown here, used, or too old")
        return executor(command)

    def _reply(
        self,
        command: Command,
        correlation: bytes,
        *,
        done: Done | None = None,
        status: str = "ok",
        reason: str | None = None,
        why: str = "",
    ) -> None:
        picture = None if done is None or done.picture is None else _ref(done.picture)
        payload = reply.encode(
            Reply(
                v=names.VERSION,
                node=self._node,
                id=command.id,
                status="refused" if status == "refused" else "failed" if status != "ok" else "ok",
                nonce=self._nonces.give(),
                reason=reason,
                detail=names.shorten(why, names.MAX_REPLY_CHARS) if why else None,
                picture=picture,
                proof=None if done is None else done.proof,
            )
        )
        level = logging.DEBUG if done is not None and done.is_routine else logging.INFO
        log.log(level, "command %s %s: %s%s", command.name, command.id, status,
                f", {reason}: {why}" if reason else "")  # fmt: skip
        if done is not None and done.picture is not None:
            topic = topics.reply_picture(self._node, command.id)
            self._session.publish(topic, done.picture.data)
        is_sent = self._session.publish(
            topics.reply(self._node), payload, signature=self._key.sign(payload),
            correlation=correlation,
        )  # fmt: skip
        if not is_sent:
            log.warning("the reply to command %s is lost with the connection", command.id)

    def _ignore(self, why: str) -> None:
        self.ignored += 1
        now_ns = self._clock.mono_ns()
        if self._told_ns is None or now_ns - self._told_ns > TELL_EVERY_S * 1e9:
            log.warning("ignored: %s; so far %d such", why, self.ignored)
            self._told_ns = now_ns


def _ref(picture: Picture) -> PictureRef:
    sha256 = hashlib.sha256(picture.data).hexdigest()
    return PictureRef(sha256, len(picture.data), picture.width, picture.height)
