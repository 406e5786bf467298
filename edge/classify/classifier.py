"""The one thread of a node that asks the model: looks in, labels out, for all its cameras.

Offering never blocks: what does not fit into the short queue, or comes while the model rests after
a failure, is refused, and the event goes without. The child process starts with a look, and ends
when nothing was looked at for a while, so that a quiet node holds no model in memory. A model that
fails is tried again after a pause that doubles; what is wrong with it stands in `problem`. The
watchdog does not watch this thread: for want of labels no node is restarted.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edge.base.backoff import Backoff
from edge.base.clock import Clock
from edge.base.units import format_size
from edge.classify import classes
from edge.classify.errors import ModelError
from edge.classify.messages import Loaded
from edge.classify.process import ModelProcess
from edge.classify.tile import Tile
from edge.config.classify import ClassifySettings
from edge.contract.health import LabelHealth
from edge.contract.parts import Box

log = logging.getLogger(__name__)

MAX_WAITING = 8  # looks; half a megabyte each at 416 px
FIRST_PAUSE_S, MAX_PAUSE_S = 10.0, 1800.0
STOP_S = 3.0


@dataclass(frozen=True, slots=True)
class Found:
    """Something that moved, as the model takes it. `box` is left, top, width, height, 0 to 1."""

    label: str
    confidence: float
    box: Box


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one look gave: the surest find of each label that was asked for, and by which model."""

    found: tuple[Found, ...]
    model: str


@dataclass(frozen=True, slots=True)
class Look:
    """A tile to look at, and who is to be told; `told` gets None where there is no answer."""

    tile: Tile
    told: Callable[[Verdict | None], None]


@dataclass
class Counts:
    """Since the start."""

    looks: int = 0
    refused: int = 0
    failed: int = 0
    cpu_ms: float = 0.0
    memory_bytes: int = 0
    """The most that the process held."""


class Classifier:
    """Asks one model. `offer` is for any thread; `start` and `stop` for the agent's."""

    def __init__(self, settings: ClassifySettings, clock: Clock) -> None:
        self.settings = settings
        self.counts = Counts()
        self.problem = ""
        self._clock = clock
        self._waiting: deque[Look] = deque()
        self._changed = threading.Condition()
        self._is_stopping = False
        self._backoff = Backoff(FIRST_PAUSE_S, MAX_PAUSE_S)
        self._resting_until_ns = 0
        self._labels: tuple[str, ...] = ()
        self._process: ModelProcess | None = None
        self._thread = threading.Thread(target=self._run, name="classifier", daemon=True)

    def start(self) -> None:
        """Try the model once, in the background; an error is logged and stands in `problem`."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and the process; nobody is told anything any more."""
        with self._changed:
            self._is_stopping = True
            self._waiting.clear()
            self._changed.notify_all()
        if (process := self._process) is not None:
            process.kill()
        if self._thread.ident is not None:
            self._thread.join(STOP_S)

    def offer(self, look: Look) -> bool:
        """Have it looked at when there is time; false where there will be none. Never blocks."""
        with self._changed:
            if (
                self._is_stopping
                or len(self._waiting) >= MAX_WAITING
                or self._clock.mono_ns() < self._resting_until_ns
            ):
                self.counts.refused += 1
                return False
            self._waiting.append(look)
            self._changed.notify_all()
            return True

    def health(self) -> LabelHealth:
        """How it does, since the start. Any thread may ask."""
        counts = self.counts
        return LabelHealth(
            looks=counts.looks,
            refused=counts.refused,
            failed=counts.failed,
            cpu_s=round(counts.cpu_ms / 1000, 2),
            memory_bytes=counts.memory_bytes,
        )

    def _run(self) -> None:
        try:
            self._try_model()
            while (look := self._next()) is not None:
                try:
                    self._answer(look)
                except Exception:
                    self.counts.failed += 1
                    self._end_process()
                    log.exception("a look failed; the next one gets a new process")
        finally:
            self._end_process()

    def _try_model(self) -> None:
        try:
            loaded = self._start_process()
        except ModelError as err:
            self._fail(err)
        else:
            log.info(
                "classifier: %s of %d classes, loaded in %.1f s of processor time, %s",
                loaded.kind, len(self._labels), loaded.load_cpu_ms / 1000,
                format_size(loaded.memory_bytes),
            )  # fmt: skip

    def _next(self) -> Look | None:
        """The next look; None at the end. Lets the process go when there is none for a while."""
        if not self._wait(self.settings.idle_s):
            self._end_process()
            self._wait(None)
        with self._changed:
            return None if self._is_stopping else self._waiting.popleft()

    def _wait(self, timeout_s: float | None) -> bool:
        with self._changed:
            return self._changed.wait_for(self._has_work, timeout_s)

    def _has_work(self) -> bool:
        return bool(self._waiting) or self._is_stopping

    def _answer(self, look: Look) -> None:
        verdict = None
        try:
            verdict = self._look(look.tile)
        except ModelError as err:
            if not self._is_stopping:
                self._fail(err)
        if not self._is_stopping:
            look.told(verdict)

    def _look(self, tile: Tile) -> Verdict:
        if self._process is None or not self._process.is_alive():
            self._start_process()
        process = self._process
        assert process is not None  # noqa: S101 - as just made
        answer = process.look(tile.pixels.tobytes())
        best: dict[str, Found] = {}
        for each in answer.sightings(len(self._labels)):  # the surest first
            label, box = self._labels[each.number], tile.box(each.box)
            if label in self.settings.labels and box is not None and tile.has_moved(box):
                best.setdefault(label, Found(label, round(each.confidence, 3), box))
        self.counts.looks += 1
        self.counts.cpu_ms += answer.cpu_ms
        self.counts.memory_bytes = max(self.counts.memory_bytes, answer.memory_bytes)
        if self.problem:
            log.info("classifier: it works again")
        self.problem = ""
        self._backoff.reset()
        return Verdict(tuple(best.values()), process.loaded.sha256)

    def _start_process(self) -> Loaded:
        self._end_process()
        self._labels = classes.labels(self.settings.classes, self.settings.classes_file)
        if not set(self._labels) & set(self.settings.labels):
            raise ModelError(
                "classify.labels", "none of them is one that the model knows",
                hint=f"it knows {', '.join(sorted(set(self._labels))[:20])}",
            )  # fmt: skip
        self._process = ModelProcess(self.settings, len(self._labels))
        loaded = self._process.load()
        self.counts.cpu_ms += loaded.load_cpu_ms
        self.counts.memory_bytes = max(self.counts.memory_bytes, loaded.memory_bytes)
        return loaded

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None

    def _fail(self, err: ModelError) -> None:
        """Give the model a rest; what waits goes without labels."""
        pause_s = self._backoff.next_s() if err.is_retryable else MAX_PAUSE_S
        with self._changed:
            self._resting_until_ns = self._clock.mono_ns() + round(pause_s * 1e9)
            left, self._waiting = list(self._waiting), deque()
        self.counts.failed += 1
        self.problem = f"events are not labelled: {err}"
        hint = f" ({err.hint})" if err.hint else ""
        log.error("%s%s; next try in %.0f s at the earliest", self.problem, hint, pause_s)
        self._end_process()
        for look in left:
            look.told(None)
