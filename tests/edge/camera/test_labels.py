"""Which frames of an event a model is shown, and what is said of its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from edge.base.clock import FakeClock, SystemClock
from edge.camera.labels import FIRST, EventLabels
from edge.camera.moments import Anchor
from edge.classify.classifier import Classifier, Found, Look, Verdict
from edge.config.classify import ClassifySettings
from edge.contract import record
from edge.contract.record import EventLabelled
from edge.motion.observation import Moment, Observation, Region
from edge.outbox.values import ORDINARY
from tests.edge.camera.rig import Rig
from tests.edge.classify import models

BOX = (0.4, 0.4, 0.2, 0.2)
PICTURE = np.zeros((90, 160, 3), np.uint8)
MODEL = "0e" * 32


@dataclass
class Obedient(Classifier):
    """A classifier whose answers the test gives by hand."""

    settings: ClassifySettings
    is_willing: bool = True
    looks: list[Look] = field(default_factory=list)

    def offer(self, look: Look) -> bool:
        """Keep it, or refuse it."""
        if self.is_willing:
            self.looks.append(look)
        return self.is_willing


@dataclass
class Event:
    """One event's labels, with what was written of them."""

    said: list[tuple[EventLabelled, int]] = field(default_factory=list)
    classifier: Obedient = field(
        default_factory=lambda: Obedient(ClassifySettings(model="x", frames_per_event=3))
    )

    def __post_init__(self) -> None:
        anchor = Anchor(FakeClock(mono_ns=10**12))
        self.labels = EventLabels(
            self.classifier, anchor, lambda body, priority: self.said.append((body, priority))
        )

    def look(self, second: float, area: float = 0.1) -> None:
        """Show a frame."""
        self.labels.look(PICTURE, seen(second, area))

    def answer(self, **confidences: float) -> None:
        """Let the model say this of the look that waits longest."""
        found = tuple(Found(label, sure, BOX) for label, sure in confidences.items())
        self.classifier.looks.pop(0).told(Verdict(found, MODEL))

    @property
    def names(self) -> list[list[str]]:
        """The labels of each record."""
        return [[each.label for each in body.labels] for body, _ in self.said]


def seen(second: float, area: float) -> Observation:
    """Something that moves."""
    at = Moment(0, 10**12 + round(second * 1e9))
    region = Region(1, at, True, BOX, area, False, ())
    return Observation(at, True, True, at, area, BOX, (), (region,), area, 90.0, 1.0, True)


def test_a_label_is_told_as_soon_as_it_is_known() -> None:
    """Not only when the event is over: an alarm wants it now."""
    event = Event()
    event.look(0)
    assert event.said == []
    event.answer(person=0.8)
    ((body, priority),) = event.said
    assert (body.labels[0].label, body.labels[0].confidence, body.frames) == ("person", 0.8, 1)
    assert body.labels[0].seen.mono_ns == body.looked.mono_ns == 10**12
    assert (body.model, priority) == (MODEL, ORDINARY)


def test_nothing_found_is_told_once_the_event_is_over() -> None:
    """So that it is known that somebody looked."""
    event = Event()
    event.look(0)
    event.answer()
    assert event.said == []
    event.labels.finish()
    assert event.names == [[]]


def test_each_label_is_told_where_it_was_surest() -> None:
    """Over all frames, the surest first; the newest record has all."""
    event = Event()
    event.look(0)
    event.answer(person=0.5)
    event.look(1)
    event.answer(vehicle=0.9, person=0.4)
    event.labels.finish()
    assert event.names == [["person"], ["vehicle", "person"]]
    assert [each.confidence for each in event.said[-1][0].labels] == [0.9, 0.5]
    assert event.said[-1][0].frames == 2


def test_an_answer_that_comes_after_the_end_is_told() -> None:
    """The event's end did not wait for it."""
    event = Event()
    event.look(0)
    event.labels.finish()
    assert event.said == []
    event.answer(animal=0.7)
    assert event.names == [["animal"]]


def test_an_event_that_nobody_looked_at_says_nothing() -> None:
    """A model that rests, or failed, leaves no record."""
    event = Event()
    event.classifier.is_willing = False
    event.look(0)
    event.labels.finish()
    assert event.said == []


def test_a_failed_look_does_not_take_back_what_was_seen() -> None:
    """What is known stays known."""
    event = Event()
    event.look(0)
    event.look(1)
    event.answer(person=0.6)
    event.labels.finish()
    event.classifier.looks.pop(0).told(None)
    assert event.names == [["person"]]


def test_no_more_frames_are_looked_at_than_set() -> None:
    """And one is kept for the end, when the best frame is known."""
    event = Event()
    event.look(0, 0.1)
    assert not event.labels.wants(seen(1, 0.9)), "too soon"
    assert not event.labels.wants(seen(3, 0.11)), "hardly better"
    assert event.labels.wants(seen(3, 0.2))
    event.look(3, 0.2)
    assert not event.labels.wants(seen(9, 0.9)), "the last one is for the end"
    event.look(9, 0.9)
    event.look(10, 0.95)
    assert len(event.classifier.looks) == 3


def test_a_frame_is_not_looked_at_twice() -> None:
    """The best frame may be one that was looked at while the event ran."""
    event = Event()
    event.look(0)
    event.look(0)
    assert len(event.classifier.looks) == 1


def test_labels_that_matter_go_first() -> None:
    """With all that belongs to their event from then on."""
    event = Event()
    event.classifier.settings = ClassifySettings(model="x", first=("person",))
    event.look(0)
    event.answer(animal=0.9)
    assert event.labels.priority == ORDINARY
    event.look(1)
    event.answer(person=0.5)
    assert event.labels.priority == FIRST
    assert [priority for _, priority in event.said] == [ORDINARY, FIRST]


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Callable[[], Classifier]]:
    """Makes a classifier whose model takes everything for a person."""
    made: list[Classifier] = []

    def make() -> Classifier:
        model = models.write_yolox(tmp_path / "model.onnx", always=0.75)
        classifier = Classifier(
            ClassifySettings(
                model=str(model), input_px=models.SIDE_PX, classes=models.CLASSES,
                look_timeout_s=60.0,
            ),
            SystemClock(),
        )  # fmt: skip
        classifier.start()
        made.append(classifier)
        return classifier

    yield make
    for each in made:
        each.stop()


def test_an_event_is_told_started_then_labelled_whenever_it_ends(
    tmp_path: Path, real: Callable[[], Classifier]
) -> None:
    """With a real model in its process, story, recorder and journal."""
    rig = Rig(tmp_path / "rig", classifier=real())
    rig.rest(0, 3)
    rig.move(3, 5)
    rig.rest(5, 8)
    assert rig.story.close(10)
    rig.wait_for(lambda: any(isinstance(body, EventLabelled) for body in rig.bodies()))
    types = [each.header.type for each in rig.records()]
    assert sorted(types) == ["event.ended", "event.labelled", "event.started"]
    assert types[0] == "event.started"
    assert len({each.header.event for each in rig.records()}) == 1
    (labelled,) = [body for body in rig.bodies() if isinstance(body, EventLabelled)]
    assert [each.label for each in labelled.labels] == ["person"]
    start = rig.bodies()[0]
    assert isinstance(start, record.EventStarted) and start.snapshot is not None
    assert labelled.looked.mono_ns == start.snapshot.taken.mono_ns
    rig.close()
