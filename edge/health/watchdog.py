"""Notices threads that hang, by the marks that they leave, and says what to start anew.

Each watched thread touches its `Mark` whenever it gets on; one that is silent for longer than it
said it might be is late. The agent restarts a late one in its own scope, a few times; when that
does not help, `is_moving` turns false, systemd is no longer fed, and it restarts the process.
Pure but for the marks, which threads touch; nothing here starts or stops a thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from edge.base.clock import Clock
from edge.base.mark import Mark

MAX_RESTARTS = 3
WITHIN_S = 3600.0
PAUSE_S = 15.0  # unasked for so long, the whole process was stopped or the machine asleep


@dataclass
class Guard:
    """One watched scope: how to see that it hangs or died, and how to start it anew."""

    name: str
    marks: Callable[[], Sequence[Mark]]
    is_alive: Callable[[], bool]
    restart: Callable[[], None]
    restarted_ns: deque[int] = field(default_factory=lambda: deque(maxlen=MAX_RESTARTS))

    def is_stuck(self) -> bool:
        """Whether it hangs or is gone."""
        return any(mark.is_late() for mark in self.marks()) or not self.is_alive()


class Watchdog:
    """All guards of a node."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guards: list[Guard] = []
        self._given_up: set[str] = set()
        self._asked_ns = clock.mono_ns()

    def add(self, guard: Guard) -> None:
        """Watch one more scope."""
        self._guards = [*self._guards, guard]  # others may go through the list meanwhile

    def remove(self, guards: Iterable[Guard]) -> None:
        """Watch these no more."""
        gone = {id(guard) for guard in guards}
        self._guards = [guard for guard in self._guards if id(guard) not in gone]

    def due(self) -> list[Guard]:
        """What hangs and may be started anew; counted as done by the asking. Once a second.

        After a pause of the whole process nobody is blamed for the time that passed.
        """
        before_ns, self._asked_ns = self._asked_ns, self._clock.mono_ns()
        now_ns = self._asked_ns
        if now_ns - before_ns > PAUSE_S * 1e9:
            self._forgive()
        due = []
        for guard in self._guards:
            if not guard.is_stuck():
                continue
            times = guard.restarted_ns
            if len(times) == MAX_RESTARTS and now_ns - times[0] < WITHIN_S * 1e9:
                self._given_up.add(guard.name)
                continue
            times.append(now_ns)
            due.append(guard)
        return due

    def _forgive(self) -> None:
        for guard in self._guards:
            for mark in guard.marks():
                if mark.is_late():
                    mark.touch()

    def is_moving(self) -> bool:
        """Whether everything gets on; to be asked before systemd is told so."""
        return not any(guard.is_stuck() for guard in self._guards)

    @property
    def problems(self) -> list[str]:
        """What hangs in spite of restarts, for people."""
        return [
            f"{guard.name} hangs in spite of {MAX_RESTARTS} restarts"
            for guard in self._guards
            if guard.name in self._given_up and guard.is_stuck()
        ]
