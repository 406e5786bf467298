"""A model in its child process: what it finds, and that nothing it does wrong is more than that."""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.base.clock import FakeClock
from edge.classify import trial
from edge.classify.classifier import MAX_WAITING, Classifier, Look, Verdict
from edge.classify.errors import ModelError
from edge.classify.tile import Tile, cut
from edge.config.classify import ClassifySettings
from edge.media.frame import Picture
from tests.edge.classify import models
from tests.harness.patience import wait_until

REAL_MODEL = Path(__file__).parents[4] / "shared" / "models" / "yolox_nano.onnx"
PATIENCE_S = 120.0
RED, BLUE, GRASS = (0, 0, 255), (255, 0, 0), (60, 90, 60)

Make = Callable[..., Classifier]


def scene(colour: tuple[int, int, int] | None) -> Picture:
    """A meadow, 160 x 120, with something of that colour a little right of its middle."""
    picture = np.full((120, 160, 3), GRASS, np.uint8)
    if colour is not None:
        picture[40:80, 80:120] = colour
    return picture


def tile(colour: tuple[int, int, int] | None = RED) -> Tile:
    """What the model is shown of it."""
    return cut(scene(colour), [(0.5, 1 / 3, 0.25, 1 / 3)], models.SIDE_PX)


def settings(model: Path, **changes: object) -> ClassifySettings:
    """Settings for a model of colours."""
    values: dict[str, object] = {
        "model": str(model), "input_px": models.SIDE_PX, "classes": models.CLASSES,
        "look_timeout_s": 60.0, "idle_s": 60.0,
    }  # fmt: skip
    return ClassifySettings(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes and starts classifiers, and ends them."""
    made: list[Classifier] = []

    def start(model: Path | None = None, clock: FakeClock | None = None, **changes: object):  # type: ignore[no-untyped-def]
        model = model or models.write_yolox(tmp_path / "model.onnx")
        classifier = Classifier(settings(model, **changes), clock or FakeClock(mono_ns=10**12))
        classifier.start()
        made.append(classifier)
        return classifier

    yield start
    for each in made:
        each.stop()


def ask(classifier: Classifier, shown: Tile) -> Verdict | None:
    """Offer one look and wait for what is told."""
    told: queue.Queue[Verdict | None] = queue.Queue()
    assert classifier.offer(Look(shown, told.put))
    return told.get(timeout=PATIENCE_S)


def wait_for(condition: Callable[[], object]) -> None:
    """Until it holds."""
    wait_until(condition, PATIENCE_S)


def child_of(classifier: Classifier) -> int:
    """The process with the model."""
    wait_for(lambda: classifier._process is not None)
    assert classifier._process is not None
    return classifier._process._child.pid


@pytest.mark.parametrize(
    "write",
    [
        models.write_yolox,
        models.write_nanodet,
        lambda path: models.write_nanodet(path, is_split=True),
    ],
)
def test_a_model_of_each_kind_says_what_moved_and_where(
    make: Make, tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    """Red is a person, blue a car, which is a vehicle; the meadow is nothing."""
    classifier = make(write(tmp_path / "kind.onnx"))
    person, vehicle, nothing = (ask(classifier, tile(each)) for each in (RED, BLUE, None))
    assert person is not None and vehicle is not None and nothing is not None
    assert [each.label for each in person.found] == ["person"]
    assert [each.label for each in vehicle.found] == ["vehicle"]
    assert nothing.found == ()
    left, top, wide, high = person.found[0].box
    assert left < 0.625 < left + wide and top < 0.5 < top + high
    assert person.found[0].confidence > 0.9
    assert classifier.counts.looks == 3 and classifier.problem == ""


def test_labels_that_were_not_asked_for_are_left_out(make: Make) -> None:
    """An operator who wants people gets people."""
    verdict = ask(make(labels=("person",)), tile(BLUE))
    assert verdict is not None and verdict.found == ()


def test_the_process_goes_when_there_is_nothing_to_look_at_and_comes_back(make: Make) -> None:
    """A quiet node holds no model in memory."""
    classifier = make(idle_s=0.0)
    assert ask(classifier, tile()) is not None
    wait_for(lambda: classifier._process is None)
    verdict = ask(classifier, tile())
    assert verdict is not None and verdict.found


def test_a_model_that_hangs_is_ended_and_the_next_look_starts_a_new_one(make: Make) -> None:
    """The look goes without an answer; after a rest the model is tried again."""
    clock = FakeClock(mono_ns=10**12)
    classifier = make(clock=clock, look_timeout_s=1.0)
    assert ask(classifier, tile()) is not None
    hung = child_of(classifier)
    os.kill(hung, signal.SIGSTOP)
    assert ask(classifier, tile()) is None
    assert "did not answer within 1 s" in classifier.problem
    with pytest.raises(ProcessLookupError):
        os.kill(hung, 0)
    assert not classifier.offer(Look(tile(), lambda verdict: None)), "it rests"
    clock.advance(3600)
    verdict = ask(classifier, tile())
    assert verdict is not None and verdict.found and classifier.problem == ""


def test_a_model_that_crashes_costs_the_look_alone(make: Make) -> None:
    """Its process is another one than the node's."""
    clock = FakeClock(mono_ns=10**12)
    classifier = make(clock=clock)
    assert ask(classifier, tile()) is not None
    os.kill(child_of(classifier), signal.SIGSEGV)
    if ask(classifier, tile()) is None:  # else it was seen to be gone, and started anew
        assert "it ended by signal 11" in classifier.problem
        clock.advance(3600)
    assert ask(classifier, tile()) is not None


def test_a_model_gets_no_more_memory_than_it_was_given(make: Make, tmp_path: Path) -> None:
    """It cannot starve the node; the setting to raise is named."""
    classifier = make(models.write_greedy(tmp_path / "greedy.onnx"), memory_bytes=64 * 2**20)
    wait_for(lambda: classifier.problem)
    assert "classify.memory_bytes: is too little for the model" in classifier.problem


def test_a_look_that_breaks_our_own_code_is_not_the_last(make: Make) -> None:
    """Whoever is told may fail in ways that nobody foresaw."""
    classifier = make()

    def fail(verdict: Verdict | None) -> None:
        raise ZeroDivisionError("told")

    assert classifier.offer(Look(tile(), fail))
    wait_for(lambda: classifier.counts.failed)
    verdict = ask(classifier, tile())
    assert verdict is not None and verdict.found


def test_what_waits_is_bounded_and_offering_never_blocks(make: Make) -> None:
    """While the model hangs, looks are refused once the queue is full; nobody waits."""
    classifier = make(look_timeout_s=120.0)
    assert ask(classifier, tile()) is not None
    os.kill(child_of(classifier), signal.SIGSTOP)
    shown = tile()
    taken = sum(classifier.offer(Look(shown, lambda verdict: None)) for _ in range(50))
    assert MAX_WAITING <= taken <= MAX_WAITING + 1  # one may be in work
    assert classifier.counts.refused == 50 - taken
    classifier.stop()
    assert not classifier._thread.is_alive()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model": "/nowhere/model.onnx"}, "classify.model: cannot read"),
        ({"classes": ("person", "b", "c")}, "classify.model: its outputs are"),
        ({"classes": (), "classes_file": "/nowhere"}, "classify.classes_file: cannot read"),
        ({"kind": "nanodet"}, "classify.model: its outputs are"),
        ({"labels": ("bin",)}, "classify.labels: none of them"),
    ],
)
def test_a_model_that_does_not_fit_its_settings_is_told_at_the_start(
    make: Make, changes: dict[str, object], field: str
) -> None:
    """By the name of the setting; the node itself goes on."""
    classifier = make(**changes)
    wait_for(lambda: classifier.problem)
    assert field in classifier.problem
    assert not classifier.offer(Look(tile(), lambda verdict: None))


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x08\x12\x00" * 100])
def test_a_file_that_is_no_model_is_told_as_such(
    make: Make, tmp_path: Path, content: bytes
) -> None:
    """Whatever OpenCV makes of it."""
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    classifier = make(path)
    wait_for(lambda: classifier.problem)
    assert "classify.model" in classifier.problem


def test_the_child_gives_way_to_everything(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Least priority, first to go when memory is short, and nothing to speak for the node with."""
    monkeypatch.setenv("NOTIFY_SOCKET", "@nobody")
    classifier = make()
    assert ask(classifier, tile()) is not None
    child = Path("/proc") / str(child_of(classifier))
    assert os.getpriority(os.PRIO_PROCESS, int(child.name)) == 19
    assert (child / "oom_score_adj").read_text().strip() == "1000"
    limits = (child / "limits").read_text()
    assert "Max address space         unlimited" not in limits
    environment = (child / "environ").read_bytes()
    assert b"PATH=" in environment and b"NOTIFY_SOCKET" not in environment


def test_a_trial_shows_what_is_seen_and_what_it_takes(tmp_path: Path) -> None:
    """For an installer; what the settings leave out stands in brackets."""
    import cv2

    picture = tmp_path / "car.png"
    cv2.imwrite(str(picture), scene(BLUE)[:, 40:])
    model = models.write_yolox(tmp_path / "model.onnx")
    found = trial.run(settings(model, labels=("person",)), [picture])
    text = "\n".join(found.lines())
    assert "yolox, 2 classes" in text and "(vehicle 0." in text and "MiB" in text
    with pytest.raises(ModelError, match="is no picture"):
        trial.run(settings(model), [model])


def test_a_published_model_is_loaded_and_answers(make: Make) -> None:
    """YOLOX-nano as its makers export it, which knows three classes of its own."""
    if not REAL_MODEL.exists():
        pytest.skip(f"no model at {REAL_MODEL}: put a YOLOX-nano of three classes there")
    names = ("one", "two", "three")
    classifier = make(REAL_MODEL, input_px=416, classes=names, labels=names, min_confidence=0.05)
    shown = cut(np.random.default_rng(1).integers(0, 255, (400, 400, 3), np.uint8), [], 416)
    verdict = ask(classifier, shown)
    assert verdict is not None and classifier.problem == ""
