"""What a model takes one event for: which of its frames are looked at, and what is said of that.

The confirming frame is looked at as soon as `event.started` is in the journal; later ones when they
show clearly more, not too often; the best one at the end. Each time that there is more to say than
before, an `event.labelled` record says all that is known; at the end one says so where nothing was
found. Nothing waits for any of it: an event whose model is slow, hangs or fails has no labels.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge.camera.moments import Anchor
from edge.classify.classifier import Classifier, Look, Verdict
from edge.classify.tile import cut
from edge.contract.parts import Label
from edge.contract.record import EventLabelled
from edge.media.frame import Picture
from edge.motion.activity import worth
from edge.motion.observation import Observation
from edge.outbox.values import ORDINARY

MAX_LABELS = 16  # of one record
CLEARLY_MORE = 1.5  # times the worth of the frame looked at before
BETWEEN_S = 2.0  # two looks while an event runs
FIRST = ORDINARY + 1

Append = Callable[[EventLabelled, int], None]


@dataclass(frozen=True, slots=True)
class _Seen:
    at_ns: int
    worth: float


class EventLabels:
    """One event's. Any thread may call; answers come on the classifier's."""

    def __init__(self, classifier: Classifier, anchor: Anchor, append: Append) -> None:
        """`append` writes a record of the event, of a priority; it may block, and never raises."""
        self._classifier = classifier
        self._anchor = anchor
        self._append = append
        self._lock = threading.Lock()
        self._offered = 0
        self._pending = 0
        self._looked = 0
        self._looked_ns = 0
        self._last: _Seen | None = None
        self._is_over = False
        self._labels: dict[str, Label] = {}
        self._said: frozenset[str] | None = None
        self._model = ""

    @property
    def priority(self) -> int:
        """Whether what belongs to the event goes to the hub before everything else."""
        with self._lock:
            return self._priority()

    def wants(self, observation: Observation) -> bool:
        """Whether a frame of the running event is worth a look, beside the one at the end."""
        with self._lock:
            last, offered = self._last, self._offered
        if last is None or offered >= self._classifier.settings.frames_per_event - 1:
            return False
        is_due = observation.at.mono_ns - last.at_ns >= BETWEEN_S * 1e9
        return is_due and worth(observation) >= CLEARLY_MORE * last.worth

    def look(self, picture: Picture, observation: Observation) -> None:
        """Have the model look at what moves in `picture`, uint8, blue green red. Never blocks."""
        at_ns = observation.at.mono_ns
        with self._lock:
            is_seen = self._last is not None and self._last.at_ns == at_ns
            if is_seen or self._offered >= self._classifier.settings.frames_per_event:
                return
            self._offered += 1
            self._pending += 1
            self._last = _Seen(at_ns, worth(observation))
        boxes = [region.box for region in observation.regions if region.is_moving]
        if not boxes and observation.box is not None:
            boxes = [observation.box]
        tile = cut(picture, boxes, self._classifier.settings.input_px)
        if not self._classifier.offer(Look(tile, lambda verdict: self._told(at_ns, verdict))):
            self._told(at_ns, None)

    def finish(self) -> None:
        """The event is over and all that is to be looked at was given."""
        with self._lock:
            self._is_over = True
            body = self._to_say()
        self._say(body)

    def _told(self, at_ns: int, verdict: Verdict | None) -> None:
        with self._lock:
            self._pending -= 1
            if verdict is not None:
                self._take(at_ns, verdict)
            body = self._to_say()
        self._say(body)

    def _take(self, at_ns: int, verdict: Verdict) -> None:
        self._looked += 1
        self._looked_ns = max(self._looked_ns, at_ns)
        self._model = verdict.model
        for each in verdict.found:
            known = self._labels.get(each.label)
            if known is None or each.confidence > known.confidence:
                seen = self._anchor.instant(at_ns)
                self._labels[each.label] = Label(each.label, each.confidence, each.box, seen)

    def _to_say(self) -> EventLabelled | None:
        """A record, where there is more to say than was said. With the lock held."""
        names = frozenset(self._labels)
        is_last = self._is_over and self._pending == 0
        if not self._looked or names == self._said or not (names or is_last):
            return None
        self._said = names
        surest = sorted(self._labels.values(), key=lambda each: -each.confidence)
        looked = self._anchor.instant(self._looked_ns)
        return EventLabelled(tuple(surest[:MAX_LABELS]), self._looked, looked, self._model)

    def _say(self, body: EventLabelled | None) -> None:
        if body is not None:
            self._append(body, self.priority)

    def _priority(self) -> int:
        first = self._classifier.settings.first
        return FIRST if any(label in first for label in self._labels) else ORDINARY
