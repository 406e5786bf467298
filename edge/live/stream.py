"""One live stream to the hub: its thread, its lease, and how it ends.

It ends when the hub hangs up or takes nothing for LivePost's timeout, when it is told to, and when
its lease is over: whichever comes first, so a forgotten viewer costs no more than one lease.
"""

from __future__ import annotations

import logging
import threading

from edge.base.clock import Clock
from edge.base.errors import CamwatchError
from edge.base.logs import error_chain
from edge.contract import live
from edge.contract.live import Kind
from edge.live.pieces import Pieces
from edge.uplink.livepost import LivePost

log = logging.getLogger(__name__)

WAIT_S = 0.25


class LiveStream:
    """`start`, `renew`, `stop` and `join` are for other threads."""

    def __init__(
        self, title: str, post: LivePost, pieces: Pieces, clock: Clock, *, stream: str, token: str
    ) -> None:
        """`title` names it to people."""
        self._title = title
        self._post = post
        self._pieces = pieces
        self._clock = clock
        self._id = stream
        self._token = token
        self._stop = threading.Event()
        self._until_ns = 0
        self._sent_bytes = 0
        self._thread = threading.Thread(target=self.run, name=f"live-{title}", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether it sends."""
        return self._thread.is_alive()

    def start(self, lease_s: float) -> None:
        """Begin to send."""
        self.renew(lease_s)
        self._thread.start()

    def renew(self, lease_s: float) -> None:
        """Go on for so long from now on."""
        self._until_ns = self._clock.mono_ns() + round(lease_s * 1e9)

    def stop(self) -> None:
        """End soon."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; false if it still runs."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def run(self) -> None:
        """Send until it ends. The body of its thread; one that breaks ends alone."""
        started_ns = self._clock.mono_ns()
        try:
            why = self.run_once()
        except CamwatchError as err:
            why = error_chain(err)
        except Exception:  # nothing else of the node may end with it
            log.exception("live view of %s failed", self._title)
            why = "a fault in it"
        finally:
            self._post.close()
        log.info(
            "live view of %s ended after %.0f s, %d KiB: %s", self._title,
            (self._clock.mono_ns() - started_ns) / 1e9, self._sent_bytes // 1024, why,
        )  # fmt: skip

    def run_once(self) -> str:
        """Connect and send; why it ended in good order. Raises LiveEndedError, CamwatchError."""
        self._post.open(self._id, self._token)
        log.info("live view of %s began", self._title)
        sent_ns = self._clock.mono_ns()
        while not self._stop.is_set():
            now_ns = self._clock.mono_ns()
            if now_ns > self._until_ns:
                self._post.finish()
                return "nobody renewed it"
            made = self._pieces.take(WAIT_S)
            if not made and now_ns - sent_ns > live.IDLE_EVERY_S * 1e9:
                made = [live.pack(Kind.IDLE)]
            for piece in made:
                self._post.send(piece)
                self._sent_bytes += len(piece)
                sent_ns = self._clock.mono_ns()
        self._post.finish()
        return "the hub said so"
