"""A town whose processes are killed while its cameras see an event every two seconds."""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.outbox.history import HISTORY_ENV
from tests.fault import films
from tests.fault.archive_files import read_hub
from tests.fault.checker import check
from tests.fault.drained import end_drained
from tests.fault.media_rules import check_films
from tests.fault.verdict import Verdict
from tests.harness.child import Child, HarnessError
from tests.harness.processes import NodeProcess
from tests.system import stage
from tests.system.stage import Stage

NODE, CAMERA = "gate-1", "door"
FILMS, CROSSINGS = 10, 8
STILL = "synthetic:?still=1&width=320&height=180&fps=2"
MOTION = {"quiet_s": 0.3}
CLIPS = {"pre_roll_s": 0.3, "post_roll_s": 0.2, "max_length_s": 5}
DRAIN_S = 120.0
SAMPLE = 12  # clips that FFmpeg decodes
TICK_S = 0.02
STARTING_SHARE, STARTING_S = 0.2, 2.0  # of the kills, so soon after the process was launched


@dataclass
class Victim:
    """A process that is killed again and again."""

    name: str
    kill: Callable[[], None]
    start: Callable[[], None]
    is_ready: Callable[[], bool]
    child: Child
    kills: int = 0
    due_s: float = 0.0
    """When it is killed next; infinite while that waits for it to be ready."""
    after_ready_s: float = 0.0


class Siege:
    """Broker, hub and one node. Used from one thread."""

    def __init__(self, town: Stage, seed: int) -> None:
        """Everything runs, and the first event may begin."""
        self.town = town
        self.rng = random.Random(seed)
        self.history = town.folder / "history"
        self.films = [
            films.make_film(town.folder / f"film-{number}.mp4", number, CROSSINGS)
            for number in range(FILMS)
        ]
        self._starts = 0
        self.node = town.add_node(NODE, [self._camera()])  # before the hub, which needs its account
        town.hub.start_ready()
        self.node.set_variable(HISTORY_ENV, str(self.history))
        self.victims = {
            each.name: each
            for each in (
                Victim(
                    "node", self.node.kill, self.start_node, lambda: self.node.is_ready, self.node
                ),
                Victim("hub", town.hub.kill, town.hub.start, lambda: town.hub.is_ready, town.hub),
                Victim(
                    "broker", town.broker.kill, town.broker.start, lambda: True, town.broker.child
                ),
            )
        }
        self.start_node()

    def start_node(self) -> None:
        """Start it with the next film, so that its clips are not those of the run before."""
        self._starts += 1
        self.node.settings["cameras"] = [self._camera()]
        self.node.start()

    def _camera(self) -> dict[str, object]:
        film = self.films[self._starts % len(self.films)]
        return dict(stage.camera(CAMERA, film, motion=MOTION, clips=CLIPS))

    def kill_in_turn(self, names: list[str], kills: int, within_s: float) -> None:
        """Kill those processes, `kills` times each: mostly within so long after they are ready,
        now and then while they start."""
        victims = [self.victims[name] for name in names]
        goals = {victim.name: victim.kills + kills for victim in victims}
        for victim in victims:
            victim.due_s = time.monotonic() + self.rng.uniform(0, within_s)
        while victims:
            for victim in list(victims):
                self._wait_ready(victim)
                if time.monotonic() >= victim.due_s:
                    self._kill(victim, within_s)
                    if victim.kills == goals[victim.name]:
                        victims.remove(victim)
            time.sleep(TICK_S)

    def _wait_ready(self, victim: Victim) -> None:
        if victim.due_s < math.inf:
            return
        if victim.is_ready():
            victim.due_s = time.monotonic() + victim.after_ready_s
        elif not victim.child.is_running:
            raise HarnessError(
                f"{victim.name} ended by itself ({victim.child.exit_status}) before it was ready:"
                f" {victim.child.tail()}"
            )

    def _kill(self, victim: Victim, within_s: float) -> None:
        victim.kill()
        victim.kills += 1
        victim.start()
        victim.after_ready_s = self.rng.uniform(0, within_s)
        victim.due_s = math.inf
        if self.rng.random() < STARTING_SHARE:
            victim.due_s = time.monotonic() + self.rng.uniform(0, STARTING_S)

    def drain(self) -> None:
        """Let the camera see nothing any more, until the node has nothing left to say."""
        self.node.stop()
        self.node.settings["cameras"] = [stage.camera(CAMERA, STILL)]
        self.node.start_ready()
        end_drained(self.node, DRAIN_S)
        self.town.hub.stop()

    def judge(self) -> Verdict:
        """What the checker says, the clips' pictures included."""
        hub_dir = self.town.hub.state_dir
        verdict = check(
            hub_dir, [self.history], node_states=[self.node.state_dir], decoded_clips=SAMPLE
        )
        clips = read_hub(hub_dir).media("clips", ".mp4").values()
        check_films(verdict, clips, map(films.digests, self.films), films.digests)
        return verdict


@contextlib.contextmanager
def siege(folder: Path, seed: int) -> Iterator[Siege]:
    """A town under siege; all its processes are ended when it is left."""
    with stage.stage(folder) as town:
        yield Siege(town, seed)


def logs(node: NodeProcess, town: Stage) -> str:
    """What went wrong by the processes' own account."""
    lines = (node.log_text + town.hub.log_text).splitlines()
    return "\n".join(line for line in lines if "ERROR" in line or "Traceback" in line)[-4000:]
