"""The agent's part of an update: take the hub's order, fetch the bundle, hand over, tell the hub.

Runs unprivileged, in the thread named updates, and stands back for everything else: records, clips,
and a disk that runs low. What it lays down is checked anew by the installer; it checks as well, so
that nothing is fetched in vain.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.base import durable
from edge.base.backoff import Backoff
from edge.base.clock import Clock
from edge.base.errors import CamwatchError, StorageError, storage_error
from edge.base.logs import error_chain
from edge.contract import names, update
from edge.contract.release import Bundle
from edge.contract.update import Stage, UpdateState
from edge.keys import PrivateKey, PublicKey
from edge.update import inbox, keyring, order, progress
from edge.update.download import DownloadError, Downloads
from edge.update.errors import RefusedError, hub_too
from edge.update.inbox import Inbox, SignedOrder
from edge.update.layout import Layout
from edge.update.order import Machine, Order
from edge.update.progress import Progress

log = logging.getLogger(__name__)

LOOK_S = 5.0  # between looks at what the installer says
ROOM_TIMES = 6  # of the bundle's size: fetched, copied, unpacked, installed three times as large
ROOM_SPARE_BYTES = 256 * 2**20  # that clips and the journal keep in any case
MAX_ORDERS = 8
MAX_HAND_OVERS = 3  # of one order in one run, where the installer says nothing of it

Publish = Callable[[bytes, bytes], None]


@dataclass(frozen=True)
class Said:
    """What is told of an order."""

    stage: Stage = "idle"
    number: int = 0
    wanted: str | None = None
    done_bytes: int | None = None
    reason: str | None = None
    detail: str | None = None


class Fetcher:
    """`take` may be called from any thread; `run` is the body of one."""

    def __init__(
        self,
        *,
        node: str,
        version: str,
        key: PrivateKey,
        hub_key: PublicKey,
        layout: Layout,
        folder: Path,
        downloads: Downloads,
        clock: Clock,
        publish: Publish,
        has_to_wait: Callable[[], bool],
    ) -> None:
        """`folder`: the inbox. `publish` is given what is to be told and its signature.
        `has_to_wait`: whether something of more weight needs the line."""
        self._node = node
        self._key = key
        self._hub_key = hub_key
        self._layout = layout
        self._machine = order.machine(version)
        self._inbox = Inbox(folder)
        self._downloads = downloads
        self._clock = clock
        self._publish = publish
        self._has_to_wait = has_to_wait
        self._orders: queue.Queue[SignedOrder] = queue.Queue(MAX_ORDERS)
        self._stop = threading.Event()
        self._told: Said | None = None
        self._is_fetching = False
        self._handed = 0, 0  # the order, and how often
        self._backoff = Backoff(5.0, 600.0)

    def take(self, payload: bytes, signature: bytes) -> None:
        """What came on the order's topic."""
        try:
            self._orders.put_nowait(SignedOrder(payload, signature))
        except queue.Full:
            log.warning("too many orders at once: one is let go")

    def run(self) -> None:
        """Carry out orders until `stop`."""
        while not self._stop.is_set():
            try:
                self.run_once(0.0 if self._is_fetching else LOOK_S)
            except CamwatchError as err:
                self._is_fetching = False
                wait_s = self._backoff.next_s()
                log.warning("update: %s; next attempt in %.0f s", error_chain(err), wait_s)
                self._stop.wait(wait_s)
            except Exception:  # an update is never worth the node
                log.exception("update: something is wrong")
                self._stop.wait(LOOK_S * 12)

    def stop(self) -> None:
        """End `run` after the block under way."""
        self._stop.set()

    def run_once(self, wait_s: float) -> None:
        """Take an order, waiting for one up to `wait_s`, and go on with the one at hand.

        Raises DownloadError, StorageError, ConfigError for release keys."""
        with contextlib.suppress(queue.Empty):
            self._keep(self._orders.get(timeout=wait_s))
        if self._stop.is_set():
            return
        said = self._go_on()
        self._is_fetching = said.stage == "downloading"
        self._tell(said)

    def _keep(self, signed: SignedOrder) -> None:
        """Put a new order in place of the one before, if the hub gave it and it is newer."""
        try:
            new = self._read(signed)
        except RefusedError as err:
            if err.reason == "order":
                log.warning("an order is ignored: %s", err)
                return
            new = None  # it is the hub's, and what it orders will be refused by name
        ordered, known = update.decode_order(signed.payload), self._known()
        if known is not None:
            before = update.decode_order(known.payload)
            if before.number >= ordered.number:
                return
            if before.manifest != ordered.manifest:
                self._inbox.clear()
        self._inbox.put_order(signed)
        wanted = new.release.version if new is not None and new.release is not None else "?"
        log.info("order %d: %s", ordered.number, wanted)
        self._backoff.reset()

    def _known(self) -> SignedOrder | None:
        """The order that was kept, if it is still what the hub signed."""
        kept = self._inbox.order()
        if kept is None or not self._hub_key.verify(kept.payload, kept.signature):
            return None
        return kept

    def _read(self, signed: SignedOrder) -> Order:
        return order.read(
            signed.payload, signed.signature, node=self._node, hub_key=self._hub_key,
            release_keys=keyring.load(self._layout.release_keys),
        )  # fmt: skip

    def _go_on(self) -> Said:
        """One step of the order at hand; what is to be told of it."""
        signed = self._known()
        done = self._installed()
        if signed is None:
            return _of_installer(done) if done.number else Said()
        number = update.decode_order(signed.payload).number
        if done.number >= number:
            self._clear_up(done)
            return _of_installer(done)
        try:
            found = self._read(signed)
        except RefusedError as err:
            return _refused(number, None, err)
        if found.release is None:
            self._inbox.clear()
            return Said(number=number)
        wanted = found.release.version
        if wanted == self._machine.version and not self._inbox.is_ready():
            return Said("good", number, wanted)
        try:
            bundle = self._check(found)
        except RefusedError as err:
            return _refused(number, wanted, err)
        return self._fetch(Said("downloading", number, wanted), bundle)

    def _check(self, found: Order) -> Bundle:
        if found.release is None:
            raise RefusedError("order", "it orders nothing")
        if self._layout.hub_role.exists():
            raise hub_too()
        if not self._layout.is_installed:
            raise RefusedError(
                "not_installed", f"{self._layout.software} is no installation that can be updated"
            )
        return order.check(found.release, self._machine, may_be_older=found.may_be_older)

    def _fetch(self, said: Said, bundle: Bundle) -> Said:
        """A range of the bundle, or handing over what is whole."""
        if self._inbox.is_ready():
            return Said("installing", said.number, said.wanted)
        if self._handed == (said.number, MAX_HAND_OVERS):
            return Said("failed", said.number, said.wanted, reason="bundle",
                        detail="the installer takes up nothing; its log says why")  # fmt: skip
        part, whole = self._inbox.folder / inbox.PART, self._inbox.folder / inbox.BUNDLE
        if whole.exists() and not inbox.is_bundle(whole, bundle):
            log.info("what was fetched is not the bundle of %s: it is let go", said.wanted)
            durable.remove(whole)
        if not whole.exists():
            offset = part.stat().st_size if part.exists() else 0
            if lacking := self._lacking_bytes(bundle, offset):
                return Said("waiting", said.number, said.wanted, reason="room",
                            detail=f"{lacking >> 20} MiB more are needed")  # fmt: skip
            if self._has_to_wait():
                return Said("waiting", said.number, said.wanted, done_bytes=offset, reason="line",
                            detail="records and clips go first")  # fmt: skip
            if offset < bundle.size_bytes:
                return self._fetch_range(said, bundle, part, offset)
            if not inbox.is_bundle(part, bundle):
                log.error("what was fetched is not the bundle of %s: fetching it anew", said.wanted)
                durable.remove(part)
                raise StorageError("the bundle came damaged", path=str(part))
            durable.rename(part, whole)
        times = self._handed[1] if self._handed[0] == said.number else 0
        self._handed = said.number, times + 1
        self._inbox.hand_over()
        log.info("the bundle of %s is there and handed over", said.wanted)
        return Said("installing", said.number, said.wanted)

    def _fetch_range(self, said: Said, bundle: Bundle, part: Path, offset: int) -> Said:
        self._tell(Said("downloading", said.number, said.wanted, done_bytes=offset))
        try:
            fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "ab") as file:
                for block in self._downloads.blocks(bundle.sha256, offset, bundle.size_bytes):
                    file.write(block)
                    offset += len(block)
                    if self._stop.is_set():
                        break
                file.flush()
                os.fsync(file.fileno())
        except DownloadError as err:
            self._tell(Said("waiting", said.number, said.wanted, done_bytes=offset, reason="hub",
                            detail=names.shorten(str(err), names.MAX_REPLY_CHARS)))  # fmt: skip
            raise
        except OSError as err:
            raise storage_error(err, "cannot write", part) from err
        self._backoff.reset()
        return Said("downloading", said.number, said.wanted, done_bytes=offset)

    def _lacking_bytes(self, bundle: Bundle, have_bytes: int) -> int:
        need = ROOM_TIMES * bundle.size_bytes + ROOM_SPARE_BYTES - have_bytes
        return max(0, need - inbox.free_bytes(self._inbox.folder))

    def _installed(self) -> Progress:
        """What the installer says; nothing where it cannot be read."""
        try:
            return progress.load(self._layout.state)
        except StorageError as err:
            log.warning("%s", error_chain(err))
            return Progress()

    def _clear_up(self, done: Progress) -> None:
        """What was fetched is not needed any more once the installer has ended."""
        if done.stage in update.ENDED and not self._inbox.is_ready():
            self._inbox.clear()

    def _tell(self, said: Said) -> None:
        if said == self._told:
            return
        self._told = said
        here: Machine = self._machine
        payload = update.encode_state(
            UpdateState(
                v=names.VERSION, node=self._node, version=here.version, arch=here.arch,
                python=here.python, can_update=self._layout.is_installed, number=said.number,
                stage=said.stage, wanted=said.wanted, done_bytes=said.done_bytes,
                reason=said.reason, detail=said.detail,
            )
        )  # fmt: skip
        self._publish(payload, self._key.sign(payload))


def _of_installer(done: Progress) -> Said:
    return Said(done.stage, done.number, done.wanted, reason=done.reason, detail=done.detail)


def _refused(number: int, wanted: str | None, err: RefusedError) -> Said:
    return Said("refused", number, wanted, reason=err.reason, detail=err.told)
