"""The questions of the archive's benchmark, timed; whom they are asked is `archive_asked`'s matter.

Times are of the whole call, from filter to answer. On a machine that does other work too, CPU time
tells more of the archive than the clock does; both are printed.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hub.archive.registry_values import Registry
from hub.archive.scope import EVERYTHING
from hub.archive.values import EventFilter, PageKey
from scripts.bench.archive_asked import Asked
from scripts.bench.archive_town import END_UTC, LABELS, ZONES

AIM_MS, TEXT_AIM_MS, WIDE_AIM_MS = 50.0, 150.0, 300.0
RSS_AIM_MB = 200.0
NIGHT = timedelta(hours=8)


@dataclass
class Question:
    """A question with its times in milliseconds; `ask` returns how many answers it got."""

    name: str
    ask: Callable[[], int]
    cpu_s: Callable[[], float]
    aim_ms: float = AIM_MS
    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    answers: int = 0

    def run(self) -> None:
        """Ask once."""
        cpu_s, wall_s = self.cpu_s(), time.perf_counter()
        self.answers += self.ask()
        self.wall_ms.append((time.perf_counter() - wall_s) * 1000)
        self.cpu_ms.append((self.cpu_s() - cpu_s) * 1000)

    def line(self) -> str:
        """Its percentiles, by the clock and by CPU time."""
        wall = [_percentile(self.wall_ms, share) for share in (0.5, 0.95, 0.99)]
        cpu = [_percentile(self.cpu_ms, share) for share in (0.5, 0.95, 0.99)]
        numbers = " ".join(f"{each:8.1f}" for each in (*wall, *cpu))
        mean = self.answers / len(self.wall_ms)
        missed = "" if wall[2] <= self.aim_ms else f"  over {self.aim_ms:.0f} ms"
        return f"{self.name:44} {numbers} {mean:9.0f}{missed}"

    @property
    def is_met(self) -> bool:
        """Whether 99 of 100 answers came in time."""
        return _percentile(self.wall_ms, 0.99) <= self.aim_ms


def ask(asked: Asked, registry: Registry, rounds: int, rng: random.Random) -> int:
    """Ask everything `rounds` times, in no order; prints; 1 when an aim is missed."""
    questions = Questions(asked, registry, rng).all()
    turns = [question for question in questions for _ in range(rounds)]
    rng.shuffle(turns)
    for question in turns:
        question.run()
    heading = ("p50", "p95", "p99", "cpu p50", "cpu p95", "cpu p99")
    print(f"{'milliseconds':44} {' '.join(f'{each:>8}' for each in heading)} {'answers':>9}")
    print("\n".join(question.line() for question in questions))
    resident_mb = asked.resident_mb()
    print(f"resident memory {resident_mb:.0f} MB at most; load average {os.getloadavg()[0]:.1f}")
    return 0 if all(each.is_met for each in questions) and resident_mb < RSS_AIM_MB else 1


class Questions:
    """Makes the questions, each time about another camera, area, time."""

    def __init__(self, asked: Asked, registry: Registry, rng: random.Random) -> None:
        self._asked = asked
        self._rng = rng
        self._clusters = _codes(registry, "cluster")
        self._groups = _codes(registry, "group")
        self._organisations = [each.code for each in registry.organisations]
        self._cameras = [each.key for each in registry.cameras]

    def all(self) -> list[Question]:
        """Those that operators ask most, first."""
        return [
            *self._of_pages(), *self._of_text(), *self._of_counts(), *self._of_overviews(),
        ]  # fmt: skip

    def _question(self, name: str, ask: Callable[[], int], aim_ms: float = AIM_MS) -> Question:
        return Question(name, ask, self._asked.cpu_s, aim_ms)

    def _of_pages(self) -> list[Question]:
        rng = self._rng

        def page(where: Callable[[], EventFilter]) -> Callable[[], int]:
            return lambda: self._asked.page(where())

        return [
            self._question("newest events", page(EventFilter)),
            self._question("the next page, somewhere in five years", self._next_page),
            self._question("a group's newest", page(self._group)),
            self._question("a cluster last night", page(lambda: self._night(self._cluster()))),
            self._question("a camera's newest", page(self._camera)),
            self._question("a camera in some night", page(lambda: self._night(self._camera()))),
            self._question("tampered or lost", page(
                lambda: EventFilter(kinds=("tampered", "lost")))),
            self._question("tampered in a group", page(
                lambda: replace(self._group(), kinds=("tampered",)))),
            self._question("people in a group, new", page(
                lambda: replace(self._group(), label="person", marks=("new",)))),
            self._question("an organisation's confirmed", page(
                lambda: EventFilter(organisation=rng.choice(self._organisations),
                                    marks=("confirmed",)))),
            self._question("zone in a group, 30 s or more", page(
                lambda: replace(self._group(), zone=rng.choice(ZONES), min_duration_ms=30_000))),
            self._question("five minutes or more, false alarm", page(
                lambda: EventFilter(min_duration_ms=300_000, marks=("false_alarm",)))),
            self._question("label in a zone, confirmed", page(
                lambda: EventFilter(label=rng.choice(LABELS), zone=rng.choice(ZONES),
                                    marks=("confirmed",)))),
            self._question("newest of a user held to three groups", page(
                lambda: EventFilter(scope=rng.choice(self._asked.scopes)))),
            self._question("nothing: an area and a zone it has not", page(
                lambda: replace(self._cluster(), zone="nowhere", kinds=("motion",)))),
        ]  # fmt: skip

    def _of_text(self) -> list[Question]:
        def page(text: str, **more: object) -> Callable[[], int]:
            where = EventFilter(text=text, **more)  # type: ignore[arg-type]
            return lambda: self._asked.page(where)

        return [
            self._question("text: duong dao", page("duong dao"), TEXT_AIM_MS),
            self._question("text: a common word, xe", page("xe"), TEXT_AIM_MS),
            self._question("text: two of a note", page("treo tuong"), TEXT_AIM_MS),
            self._question("text: of a note and a name", page("hoc sinh cong au co"), TEXT_AIM_MS),
            self._question("text: in a group, confirmed", lambda: self._asked.page(
                replace(self._group(), text="xe may", marks=("confirmed",))),
                TEXT_AIM_MS),
            self._question("text: nothing", page("khong co gi nhu the"), TEXT_AIM_MS),
        ]  # fmt: skip

    def _of_counts(self) -> list[Question]:
        def count(where: Callable[[], EventFilter]) -> Callable[[], int]:
            return lambda: self._asked.count(where())

        return [
            self._question("count: everything", count(EventFilter)),
            self._question("count: a group's new", count(
                lambda: replace(self._group(), marks=("new",)))),
            self._question("count: a cluster's night", count(lambda: self._night(self._cluster()))),
        ]  # fmt: skip

    def _of_overviews(self) -> list[Question]:
        rng, day, hour_ms = self._rng, timedelta(days=1), 3_600_000

        def timeline(days: int, bucket_ms: int, where: EventFilter) -> int:
            since = END_UTC - timedelta(days=days)
            return self._asked.timeline(where, since, END_UTC, bucket_ms)

        return [
            self._question("timeline: a day of all cameras",
                     lambda: timeline(1, hour_ms // 4, EventFilter()), WIDE_AIM_MS),
            self._question("timeline: a month of a group",
                     lambda: timeline(30, 24 * hour_ms, self._group()), WIDE_AIM_MS),
            self._question("timeline: a year of a camera",
                     lambda: timeline(365, 24 * hour_ms, self._camera()), WIDE_AIM_MS),
            self._question("coverage: a day of all cameras", lambda: self._asked.hours(
                EVERYTHING, END_UTC - day, END_UTC), WIDE_AIM_MS),
            self._question("coverage: a day of three groups", lambda: self._asked.hours(
                rng.choice(self._asked.scopes), END_UTC - day, END_UTC), WIDE_AIM_MS),
        ]  # fmt: skip

    def _group(self) -> EventFilter:
        return EventFilter(area=self._rng.choice(self._groups))

    def _cluster(self) -> EventFilter:
        return EventFilter(area=self._rng.choice(self._clusters))

    def _camera(self) -> EventFilter:
        key = self._rng.choice(self._cameras)
        return EventFilter(node=key.node, camera=key.camera)

    def _night(self, where: EventFilter) -> EventFilter:
        """22:00 to 06:00 in Vietnam, of one of the last thirty days."""
        start = END_UTC - timedelta(days=self._rng.randrange(1, 30), hours=2)
        return replace(where, since_utc=start, until_utc=start + NIGHT)

    def _next_page(self) -> int:
        at_ms = int(END_UTC.timestamp() * 1000) - self._rng.randrange(5 * 365 * 86_400_000)
        return self._asked.page(EventFilter(), PageKey(at_ms, 0))


def _codes(registry: Registry, kind: str) -> list[str]:
    return [each.code for each in registry.areas if each.kind == kind]


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
