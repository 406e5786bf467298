"""Tuning by replay, with everything real: a nuisance, the marks, a mask with its proof."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
import yaml
from av.codec.context import Flags

from edge.trace import tape
from edge.trace.tape import Tape
from tests.harness.processes import NodeProcess
from tests.system import stage

pytestmark = [pytest.mark.system, pytest.mark.timeout(900), pytest.mark.xdist_group("tuning")]

NODE = "gate-3"
TIMEOUT_S = 300.0
WIDTH, HEIGHT, FPS, SECONDS = 640, 360, 10, 20
PERSON_S, FLAG_S = (2.0, 6.0), (11.0, 15.0)
PERSON_Y, FLAG_Y = 90, 290  # one walks above, the other waves below


def film(path: Path) -> Path:
    """Somebody walks by above; later a flag is blown along below. Noise everywhere."""
    rng = np.random.default_rng(5)
    still = rng.integers(60, 180, (HEIGHT // 20, WIDTH // 20)).repeat(20, 0).repeat(20, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size, stream.max_b_frames = 2 * FPS, 0
        stream.codec_context.flags |= Flags.global_header
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "24"}
        for number in range(SECONDS * FPS):
            picture = still + rng.normal(0, 2, still.shape)
            draw(picture, number / FPS, PERSON_S, PERSON_Y, 240.0)
            draw(picture, number / FPS, FLAG_S, FLAG_Y, 20.0)
            gray = np.clip(picture, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(gray, format="gray").reformat(format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def draw(
    picture: np.ndarray[tuple[int, ...], np.dtype[np.float64]], second: float,
    when: tuple[float, float], y: int, level: float,
) -> None:  # fmt: skip
    """A thing of 30 x 60 that goes from left to right while it is there."""
    if when[0] <= second < when[1]:
        x = 60 + round((second - when[0]) * 110)
        picture[y - 30 : y + 30, x : x + 30] = level
        picture[y - 30 : y - 15, x + 8 : x + 22] = 128.0


@pytest.fixture
def town(tmp_path: Path) -> Iterator[stage.Stage]:
    """A broker and a hub, not yet started."""
    with stage.stage(tmp_path) as made:
        yield made


def events_of(folder: Path) -> tuple[set[str], set[str]]:
    """The ids of the events above and below, by where the node saw things move."""
    above: set[str] = set()
    below: set[str] = set()
    for each in tapes(folder):
        for event in each.events():
            box = each.extent(event)
            assert box is not None
            (above if box[1] + box[3] / 2 < 0.5 else below).add(event.event)
    return above, below


def tapes(folder: Path) -> Sequence[Tape]:
    """What a folder of traces holds."""
    return tape.load(folder.glob("**/*.trace"))


def hub_says(town: stage.Stage, *arguments: str) -> dict[str, object]:
    """What a command prints as JSON."""
    done = town.hub.command(*arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    value: dict[str, object] = json.loads(done.stdout)
    return value


def watch(town: stage.Stage, node: NodeProcess, count: int) -> None:
    """Let the node see so many more events, then stop it."""
    before = len(town.query())
    node.start_ready(TIMEOUT_S)
    town.wait_for_events(stage.are_complete(before + count), TIMEOUT_S)
    assert node.stop(TIMEOUT_S) == 0, node.tail()


def is_settled(town: stage.Stage) -> bool:
    """Whether what the hub wants is in effect."""
    done = town.hub.command("settings", "show", NODE, "--json")
    return bool(json.loads(done.stdout)["is_settled"])


def test_a_mask_is_proposed_with_its_proof_and_does_what_was_proven(
    town: stage.Stage, tmp_path: Path
) -> None:
    """The nuisance is marked, a mask proposed, proven by replay, set; then it is silent, and what
    it silences is still counted, while who was confirmed is still seen."""
    camera = dict(stage.camera("gate", film(tmp_path / "film.mp4")))
    node = town.add_node(NODE, [camera])
    traces, at_hub = node.state_dir / "traces", town.hub.state_dir / "traces"
    town.hub.start_ready(TIMEOUT_S)
    watch(town, node, 4)
    people, flags = events_of(traces)
    assert people and flags
    for event in people:
        assert town.hub.command("mark", event, "confirmed").returncode == 0
    for event in flags:
        assert town.hub.command("mark", event, "false_alarm").returncode == 0

    node.start_ready(TIMEOUT_S)  # hands over what the run before kept
    stage.wait(lambda: any(at_hub.glob(f"{NODE}/gate/*.trace")), TIMEOUT_S, "traces at the hub")
    assert node.stop(TIMEOUT_S) == 0, node.tail()
    advice = hub_says(town, "suggest", "--camera", "gate")
    masks = [each for each in advice["proposals"] if "mask" in each["name"]]  # type: ignore[attr-defined]
    assert masks, advice
    assert masks[0]["dropped"] == masks[0]["false_alarms"] > 0
    assert masks[0]["confirmed_kept"] > 0
    proposed = yaml.safe_load(masks[0]["settings"])["masks"]

    proof = hub_says(
        town, "replay", "--camera", "gate", "--set", f"motion.masks={json.dumps(proposed)}"
    )
    assert proof["lost_confirmed"] == []
    assert proof["gone"]["false_alarms"] == masks[0]["false_alarms"]  # type: ignore[index]

    number = str(1 + advice["proposals"].index(masks[0]))  # type: ignore[attr-defined]
    which = ("--node", NODE, "--camera", "gate", "--apply", number)
    done = town.hub.command("suggest", *which)
    assert done.returncode == 0, done.stderr
    assert "version 1 is wanted" in done.stdout
    node.start_ready(TIMEOUT_S)
    stage.wait(lambda: is_settled(town), TIMEOUT_S, "the mask in effect")
    assert node.stop(TIMEOUT_S) == 0, node.tail()
    known = events_of(traces)
    watch(town, node, 2)
    people_now, flags_now = events_of(traces)
    assert flags_now == known[1]
    assert len(people_now - known[0]) >= 2
    done = node.command("replay", "--suppressed", "--json")
    assert done.returncode == 0, done.stderr
    (silenced,) = json.loads(done.stdout)["suppressed"]
    assert silenced["setting"] == "motion.masks[0]"
    assert silenced["events"] + silenced["glances"] > 0
