"""The running hub's part: takes what nodes say, moves roll-outs on, and sends orders until heard.

Everything is in the archive, so a restart changes nothing. The broker may forget a retained order;
so each is sent again, now and then, until its node speaks of it.
"""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.contract import names, topics, update
from edge.contract.errors import ContractError
from edge.keys import PrivateKey, PublicKey
from hub.archive import Archive
from hub.archive.audit import Deed
from hub.archive.update_values import Rollout, UpdateOrderRow
from hub.rollouts import judge
from hub.rollouts.judge import NodeView

logger = logging.getLogger(__name__)

AGAIN_S = 60.0  # until the node speaks of an order
MAX_WAITING = 2000  # what nodes said that is not written yet; a newer word replaces an older


@dataclass(frozen=True)
class Heard:
    """What came on a node's topic."""

    node: str
    payload: bytes
    signature: bytes | None


@dataclass(frozen=True)
class SignedOrder:
    """To be published, retained."""

    topic: str
    payload: bytes
    signature: bytes


class RolloutDesk:
    """`take` may be called from any thread; `turn` from one at a time, which may block."""

    def __init__(
        self,
        archive: Archive,
        key: PrivateKey,
        clock: Clock,
        *,
        publish: Callable[[SignedOrder], bool],
        key_of: Callable[[str], PublicKey | None],
    ) -> None:
        """`publish` is false where there is no broker; `key_of`: a node's pinned key."""
        self._archive = archive
        self._key = key
        self._clock = clock
        self._publish = publish
        self._key_of = key_of
        self._lock = threading.Lock()
        self._heard: dict[str, Heard] = {}
        self._sent_ns: dict[str, tuple[int, int]] = {}

    def take(self, heard: Heard) -> None:
        """Keep it for the next turn."""
        with self._lock:
            if heard.node in self._heard or len(self._heard) < MAX_WAITING:
                self._heard[heard.node] = heard

    def turn(self) -> None:
        """Write what nodes said, move roll-outs on, send what is due. Raises StorageError."""
        self._write_heard()
        for rollout in self._archive.updates.rollouts(limit=5):
            if rollout.state == "running":
                self._move(rollout)
            elif rollout.state == "aborted":
                self._call_back(rollout)
        self._send()

    def _write_heard(self) -> None:
        with self._lock:
            heard, self._heard = self._heard, {}
        for each in heard.values():
            try:
                if not self._write(each):
                    self.take_back(each)  # its key comes with its status, a moment later
            except ContractError as err:
                logger.warning("%s: what it says of its update is ignored: %s", each.node, err)
            except StorageError:
                self.take_back(each)
                raise

    def take_back(self, heard: Heard) -> None:
        """Keep it for the next turn, unless something newer came."""
        with self._lock:
            self._heard.setdefault(heard.node, heard)

    def _write(self, heard: Heard) -> bool:
        key = self._key_of(heard.node)
        if key is None:
            return False
        if heard.signature is None or not key.verify(heard.payload, heard.signature):
            raise ContractError("signature", "its key did not sign it")
        said = update.decode_state(heard.payload)
        if said.node != heard.node:
            raise ContractError("node", f"it speaks of {said.node}")
        self._archive.updates.put_state(said, heard.payload, self._clock.utc())
        logger.info(
            "%s runs %s, update %d to %s: %s%s", said.node, said.version, said.number,
            said.wanted or "nothing", said.stage, f", {said.detail}" if said.detail else "",
        )  # fmt: skip
        return True

    def _views(self) -> dict[str, NodeView]:
        orders, states = self._archive.updates.orders(), self._archive.updates.states()
        return {
            name: NodeView(pulse.state == "online", orders.get(name), states.get(name))
            for name, pulse in self._archive.pulses().items()
        }

    def _move(self, rollout: Rollout) -> None:
        verdict = judge.judge(rollout, self._views(), self._clock.utc())
        if verdict.action == "wait":
            return
        if verdict.action == "order":
            self._order(rollout, verdict.nodes)
            return
        after = replace(rollout, changed_utc=self._clock.utc())
        if verdict.action == "next":
            after = replace(after, stage=rollout.stage + 1)
        elif verdict.action == "done":
            after = replace(after, state="done")
        else:
            after = replace(after, state="stopped", reason=verdict.reason)
        if self._archive.updates.change_rollout(rollout, after, self._deed(rollout, after)):
            stage = after.stages[after.stage].title
            level = logging.WARNING if after.state == "stopped" else logging.INFO
            logger.log(level, "roll-out of %s: %s, stage %s%s", rollout.version, after.state,
                       stage, f": {after.reason}" if after.reason else "")  # fmt: skip

    def _deed(self, rollout: Rollout, after: Rollout) -> Deed:
        detail = {"stage": after.stages[after.stage].title}
        if after.reason:
            detail["reason"] = names.shorten(after.reason, names.MAX_REPLY_CHARS)
        word = "next" if after.state == "running" else after.state
        return Deed(
            self._clock.utc(), rollout.user, "command", "", f"rollout.{word}",
            f"release:{rollout.version}", detail=detail,
        )  # fmt: skip

    def _order(self, rollout: Rollout, nodes: tuple[str, ...]) -> None:
        kept = {each.version: each for each in self._archive.updates.releases()}
        wanted = kept[rollout.version]
        signature = base64.b64encode(wanted.signature).decode("ascii")
        self._put(
            rollout, nodes, rollout.version, manifest=wanted.manifest.decode(), signature=signature,
            may_be_older=rollout.may_be_older,
        )  # fmt: skip

    def _call_back(self, rollout: Rollout) -> None:
        """Orders of a roll-out that was given up, to nodes that have not begun."""
        orders, states = self._archive.updates.orders(), self._archive.updates.states()
        nodes = []
        for node in rollout.nodes:
            order, said = orders.get(node), states.get(node)
            if order is None or order.rollout != rollout.id or order.version is None:
                continue
            is_heard = said is not None and said.said.number == order.number
            if NodeView(False, order, said).next_number is None:
                continue  # nothing reaches it
            if not is_heard or said is None or said.said.stage in ("waiting", "downloading"):
                nodes.append(node)
        if nodes:
            self._put(rollout, tuple(nodes), None)

    def _put(
        self, rollout: Rollout, nodes: tuple[str, ...], version: str | None, **said: object
    ) -> None:
        known, now_utc = self._archive.updates.orders(), self._clock.utc()
        states = self._archive.updates.states()
        rows = []
        for node in nodes:
            number = NodeView(False, known.get(node), states.get(node)).next_number
            if number is None:
                logger.warning("%s cannot be ordered anything: %s", node, judge.AT_END)
                continue
            order = update.UpdateOrder(v=names.VERSION, node=node, number=number, **said)  # type: ignore[arg-type]
            payload = update.encode_order(order)
            rows.append(UpdateOrderRow(node, number, rollout.id, version, payload, now_utc))
        self._archive.updates.put_orders(rows)
        logger.info("roll-out of %s: ordered %s for %s", rollout.version, version or "nothing",
                    ", ".join(each.node for each in rows) or "nobody")  # fmt: skip

    def _send(self) -> None:
        now_ns = self._clock.mono_ns()
        states = self._archive.updates.states()
        for node, order in self._archive.updates.orders().items():
            said = states.get(node)
            if said is not None and said.said.number >= order.number:
                continue
            number, sent_ns = self._sent_ns.get(node, (0, 0))
            if number == order.number and now_ns - sent_ns < AGAIN_S * 1e9:
                continue
            signed = SignedOrder(
                topics.update_order(node), order.payload, self._key.sign(order.payload)
            )
            if not self._publish(signed):
                return
            self._sent_ns[node] = order.number, now_ns


def safely(turn: Callable[[], None]) -> None:
    """A turn of which nothing is lost by an error: the next one does it."""
    try:
        turn()
    except StorageError as err:
        logger.warning("roll-outs wait: %s", error_chain(err))
    except Exception:  # one node's word, or one roll-out, is never worth all others
        logger.exception("roll-outs: something is wrong")


Views = Mapping[str, NodeView]
