"""The way to the hub as one scope: session, publisher, uploader, commander with their threads.

Made, watched and, where one of them hangs, left and made anew as a whole.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from edge.base.clock import Clock
from edge.base.mark import Mark
from edge.uplink.commander import Commander
from edge.uplink.publisher import Publisher
from edge.uplink.session import Session
from edge.uplink.uploader import Uploader

# A connection may wait a minute between attempts, and for names, TCP and TLS before it stands.
SESSION_LIMIT_S = 180.0
PUBLISHER_LIMIT_S = 60.0
UPLOADER_LIMIT_S = 180.0  # a minute of back-off, and one chunk over a slow link
COMMANDER_LIMIT_S = 60.0  # for one command; decoding a picture takes seconds at most


class Uplink:
    """Four threads to the hub. `start`, `stop` and `join` are for the agent's thread."""

    def __init__(
        self,
        session: Session,
        publisher: Publisher,
        uploader: Uploader,
        commander: Commander,
        clock: Clock,
    ) -> None:
        self.session = session
        self.publisher = publisher
        self.uploader = uploader
        self.commander = commander
        self.marks: Sequence[Mark] = [
            Mark(clock, limit_s)
            for limit_s in (
                SESSION_LIMIT_S, PUBLISHER_LIMIT_S, UPLOADER_LIMIT_S, COMMANDER_LIMIT_S,
            )
        ]  # fmt: skip
        session.on_turn, publisher.on_turn, uploader.on_turn, commander.on_turn = (
            each.touch for each in self.marks
        )
        uploader.has_to_wait = lambda: publisher.is_behind
        bodies: dict[str, Callable[[], None]] = {
            "mqtt": session.run,
            "publisher": publisher.run,
            "uploader": uploader.run,
            "commander": commander.run,
        }
        self._threads = [
            threading.Thread(target=body, name=name, daemon=True) for name, body in bodies.items()
        ]

    def start(self) -> None:
        """Connect and send."""
        for thread in self._threads:
            thread.start()

    def is_alive(self) -> bool:
        """Whether every thread that should run does."""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Ask all threads to end; the broker is told that we are offline."""
        self.publisher.stop()
        self.uploader.stop()
        self.commander.stop()
        self.session.stop()

    def join(self, timeout_s: float, clock: Clock) -> list[str]:
        """Wait for the threads; the names of those that still run after `timeout_s` in all."""
        limit_ns = clock.mono_ns() + round(timeout_s * 1e9)
        for thread in self._threads:
            thread.join(max(0.05, (limit_ns - clock.mono_ns()) / 1e9))
        return [thread.name for thread in self._threads if thread.is_alive()]

    @property
    def is_heard(self) -> bool:
        """Whether the hub acknowledged something since the start, and the connection stands."""
        return self.publisher.is_heard and self.session.is_online

    @property
    def problems(self) -> list[str]:
        """What is wrong with the way to the hub, for people."""
        return [each for each in (self.publisher.problem, self.uploader.problem) if each]
