"""Traces of a real node: what it keeps of what it saw, through restarts and kills."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.base.clock import RATE_ENV
from edge.trace import segment
from edge.trace.lines import Line, Mark
from edge.trace.segment import Chunk
from tests.harness.processes import NodeProcess
from tests.system import stage

pytestmark = [pytest.mark.system, pytest.mark.timeout(600), pytest.mark.xdist_group("traces")]

NODE = "gate-3"
TIMEOUT_S = 240.0


@pytest.fixture
def town(tmp_path: Path) -> Iterator[stage.Stage]:
    """A broker and a hub, not yet started."""
    with stage.stage(tmp_path) as made:
        yield made


def traced(node: NodeProcess) -> list[Chunk]:
    """The chunks that a stopped node kept of its camera."""
    paths = sorted((node.state_dir / "traces" / "gate").glob("*.trace"))
    found = [each for path in paths for each in segment.read(path.read_bytes())]
    chunks = [each for each in found if isinstance(each, Chunk)]
    assert len(chunks) == len(found), found
    return chunks


def marks(lines: list[Line], kind: str) -> list[str]:
    """The events of the marks of that kind."""
    return [each.event for each in lines if isinstance(each, Mark) and each.kind == kind]


def test_a_node_keeps_what_it_saw_and_which_events_it_made_of_it(
    town: stage.Stage, tmp_path: Path
) -> None:
    """The trace names each event as the archive does, and is complete after a stop."""
    film = stage.car(tmp_path / "car.mp4")
    node = town.add_node(NODE, [stage.camera("gate", film)])
    town.hub.start_ready(TIMEOUT_S)
    node.start_ready(TIMEOUT_S)
    rows = town.wait_for_events(stage.are_complete(1), TIMEOUT_S)
    assert node.stop(TIMEOUT_S) == 0, node.tail()
    chunks = traced(node)
    lines = [line for chunk in chunks for line in chunk.lines]
    assert {row["id"] for row in rows} <= set(marks(lines, "event.started"))
    assert set(marks(lines, "event.started")) == set(marks(lines, "event.ended"))
    assert any(not isinstance(line, Mark) and line.layers for line in lines)
    head = chunks[0].head
    assert (head.node, head.camera, head.motion.quiet_s) == (NODE, "gate", 1.0)


def test_a_node_that_keeps_no_traces_writes_none(town: stage.Stage, tmp_path: Path) -> None:
    """`traces.keep: false` is taken at its word."""
    film = stage.car(tmp_path / "car.mp4")
    more = {"traces": {"keep": False}}
    node = town.add_node(NODE, [stage.camera("gate", film)], more)
    town.hub.start_ready(TIMEOUT_S)
    node.start_ready(TIMEOUT_S)
    town.wait_for_events(stage.are_complete(1), TIMEOUT_S)
    assert node.stop(TIMEOUT_S) == 0, node.tail()
    assert not (node.state_dir / "traces").exists()


def test_a_node_that_is_killed_loses_only_what_was_not_written(
    town: stage.Stage, tmp_path: Path
) -> None:
    """What a chunk holds outlives SIGKILL; the next start closes the segment that lay open."""
    film = stage.car(tmp_path / "car.mp4")
    node = town.add_node(NODE, [stage.camera("gate", film)])
    folder = node.state_dir / "traces" / "gate"
    town.hub.start_ready(TIMEOUT_S)
    node.set_variable(RATE_ENV, "4")  # a minute, after which an event is written, takes 15 s
    node.start_ready(TIMEOUT_S)

    def has_chunk() -> bool:
        return any(path.stat().st_size for path in folder.glob("*.trace.part"))

    stage.wait(has_chunk, TIMEOUT_S, "a chunk of a trace")
    node.kill()
    (part,) = folder.glob("*.trace.part")
    written = segment.sound_bytes(part.read_bytes())
    node.set_variable(RATE_ENV, None)
    node.start_ready(TIMEOUT_S)
    assert node.stop(TIMEOUT_S) == 0, node.tail()
    assert not list(folder.glob("*.part"))
    kept = part.with_name(part.name.removesuffix(".part"))
    found = [*folder.glob(kept.name), *folder.glob(kept.name.replace(".trace", ".sent.trace"))]
    assert [path.stat().st_size for path in found] == [written]
    lines = [line for chunk in traced(node) for line in chunk.lines]
    assert marks(lines, "event.ended")
