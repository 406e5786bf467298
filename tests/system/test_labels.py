"""A whole node with a model: events are found by their labels, and lose nothing to a bad model."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.classify import models
from tests.harness.processes import NodeProcess
from tests.system import stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("labels")]

NODE = "gate-3"
TIMEOUT_S = 120.0


def classify(model: Path, **more: object) -> dict[str, object]:
    """Settings for a model that takes everything that moves for a person."""
    known = {"model": str(model), "input_px": models.SIDE_PX, "classes": list(models.CLASSES)}
    return {"classify": known | more}


def children(node: NodeProcess) -> list[int]:
    """The node's processes with a model."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == node.pid and b"edge.classify.worker" in (path / "cmdline").read_bytes():
                found.append(int(path.name))
    return found


@contextlib.contextmanager
def hanging(node: NodeProcess) -> Iterator[set[int]]:
    """Every model that the node starts hangs from its first moment on."""
    is_over, stopped = threading.Event(), set[int]()

    def watch() -> None:
        while not is_over.wait(0.01):
            for child in children(node):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGSTOP)
                    stopped.add(child)

    thread = threading.Thread(target=watch, name="hanging")
    thread.start()
    try:
        yield stopped
    finally:
        is_over.set()
        thread.join()


def test_an_event_is_found_at_the_hub_by_what_moved(tmp_path: Path) -> None:
    """Looked at, recorded, archived, queried; the label's box is in the picture."""
    model = models.write_yolox(tmp_path / "model.onnx", always=0.75)
    film = stage.car(tmp_path / "car.mp4")
    with stage.stage(tmp_path) as town:
        node = town.add_node(NODE, [stage.camera("gate", film)], more=classify(model))
        town.hub.start_ready(TIMEOUT_S)
        node.start_ready(TIMEOUT_S)
        town.wait_for_events(lambda rows: any(row["labels"] for row in rows), TIMEOUT_S)
        done = town.hub.command("query", "--label", "person", "--json")
        assert done.returncode == 0, done.stderr
        assert town.hub.command("query", "--label", "animal").returncode == 1
        event = stage.shown(town.hub, _first_id(done.stdout))
        (label,) = event["labels"]
        assert (label["label"], label["confidence"]) == ("person", 0.75)
        assert all(0 <= value <= 1 for value in label["box"])
        types = [each["type"] for each in event["records"]]
        assert types.index("event.started") < types.index("event.labelled")
        stage.wait(lambda: bool(_label_health(town)), TIMEOUT_S, "a report with looks in it")
        assert node.stop() == 0, node.tail()
        assert children(node) == []


def test_a_model_that_hangs_costs_the_labels_and_nothing_else(tmp_path: Path) -> None:
    """Events are recorded and ended with their clips, the watchdog is fed, health says why."""
    model = models.write_yolox(tmp_path / "model.onnx", always=0.75)
    film = stage.car(tmp_path / "car.mp4")
    with stage.stage(tmp_path) as town:
        node = town.add_node(
            NODE, [stage.camera("gate", film)], more=classify(model, look_timeout_s=1)
        )
        town.hub.start_ready(TIMEOUT_S)
        with contextlib.ExitStack() as stack:
            node.start()
            stopped = stack.enter_context(hanging(node))
            stage.wait(lambda: bool(stopped), TIMEOUT_S, "a model's process")
            rows = town.wait_for_events(stage.are_complete(3), TIMEOUT_S)
            beats = node.beats
            stage.wait(lambda: node.beats > beats, TIMEOUT_S, "a sign of life")
            began_s = time.monotonic()
            assert node.stop(TIMEOUT_S) == 0, node.tail()
            assert time.monotonic() - began_s < TIMEOUT_S
        assert {row["reason"] for row in rows if row["state"] == "ended"} <= {"quiet"}
        assert not any(row["labels"] for row in rows)
        assert "did not stop in time" not in node.log_text


def test_a_wrong_model_is_named_and_the_node_watches_all_the_same(tmp_path: Path) -> None:
    """A camera is worth more than its labels; the hub's operator sees what to mend."""
    film = stage.car(tmp_path / "car.mp4")
    with stage.stage(tmp_path) as town:
        node = town.add_node(
            NODE, [stage.camera("gate", film)], more=classify(tmp_path / "none.onnx")
        )
        town.hub.start_ready(TIMEOUT_S)
        node.start_ready(TIMEOUT_S)
        town.wait_for_events(stage.are_complete(1), TIMEOUT_S)
        assert "classify.model: cannot read" in node.log_text
        checked = node.command("check-model")
        assert checked.returncode == 78
        assert "classify.model: cannot read" in checked.stderr
        assert node.command("check-config").returncode == 0


def _label_health(town: stage.Stage) -> int:
    """How many frames the node says to have looked at."""
    return int((stage.nodes(town.hub)[NODE]["label_health"] or {}).get("looks", 0))


def _first_id(lines: str) -> str:
    return str(json.loads(lines.splitlines()[0])["id"])
