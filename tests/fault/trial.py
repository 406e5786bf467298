"""A town with one node that sees an event every two seconds, its trouble, and the verdict."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av

from edge.base.clock import RATE_ENV
from edge.outbox.history import HISTORY_ENV
from tests.fault import films
from tests.fault.checker import check
from tests.fault.drained import end_drained
from tests.fault.verdict import Verdict
from tests.harness.processes import Enrolment, Settings
from tests.system import stage
from tests.system.stage import Stage

NODE, CAMERA = "gate-1", "door"
STILL = "synthetic:?still=1&width=320&height=180&fps=2"
MOTION = {"quiet_s": 0.3}
CLIPS = {"pre_roll_s": 0.3, "post_roll_s": 0.2, "max_length_s": 5}
DRAIN_S = 150.0
SAMPLE = 8  # clips that FFmpeg decodes

Rewire = Callable[[Enrolment], Enrolment]


class Trial:
    """Broker and hub run, the node does not yet. Used from one thread."""

    def __init__(
        self, town: Stage, *, rewire: Rewire | None = None, camera: Settings | None = None
    ) -> None:
        """`rewire` changes what the node is told of broker and hub."""
        self.town = town
        self.history = town.folder / "history"
        film = films.make_film(town.folder / "film.mp4", 5, 6)
        town.hub.start_ready()
        enrolment = town.enrol(NODE)
        if rewire is not None:
            enrolment = rewire(enrolment)
        watched = camera or stage.camera(CAMERA, film, motion=MOTION, clips=CLIPS)
        self.node = town.node(NODE, [watched], enrolment)
        self.node.set_variable(HISTORY_ENV, str(self.history))

    @property
    def archived(self) -> int:
        """Events that ended, as the archive's file has them."""
        path = self.town.hub.state_dir / "archive.sqlite"
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            (count,) = db.execute(
                "SELECT count(*) FROM events WHERE ended_ms IS NOT NULL"
            ).fetchone()
        return int(count)

    @property
    def journalled(self) -> int:
        """Events that the node has journalled to their end."""
        text = self.history.read_text(encoding="utf-8") if self.history.exists() else ""
        return text.count("event.ended")

    def wait_for_archived(self, more: int, timeout_s: float = DRAIN_S) -> None:
        """Until so many more events than now are in the archive."""
        goal = self.archived + more
        stage.wait(lambda: self.archived >= goal, timeout_s, f"{more} more archived events")

    def wait_for_journalled(self, more: int, timeout_s: float = DRAIN_S) -> None:
        """Until the node has journalled so many more, whether the hub has them or not."""
        goal = self.journalled + more
        stage.wait(lambda: self.journalled >= goal, timeout_s, f"{more} more journalled events")

    def drain(self) -> None:
        """Let the camera see nothing any more, until the node has nothing left to say; end all."""
        self.node.stop()
        self.node.settings["cameras"] = [stage.camera(CAMERA, STILL)]
        self.node.set_variable(RATE_ENV, None)
        self.node.start_ready()
        end_drained(self.node, DRAIN_S)
        self.town.hub.stop()

    def judge(self) -> Verdict:
        """What the independent checker says."""
        return check(
            self.town.hub.state_dir, [self.history], node_states=[self.node.state_dir],
            decoded_clips=SAMPLE,
        )  # fmt: skip

    def check_nothing_lost(self, least_events: int) -> None:
        """All that was journalled is archived, once, with whole clips; no loss is explained."""
        verdict = self.judge()
        told = f"{verdict}\n{self.complaints()}"
        assert verdict.is_good, told
        assert verdict.counts["records whose loss is explained"] == 0, told
        assert verdict.counts["clips whose loss is explained"] == 0, told
        assert self.archived >= least_events, told

    def complaints(self) -> str:
        """What went wrong by the processes' own account."""
        lines = (self.node.log_text + self.town.hub.log_text).splitlines()
        return "\n".join(line for line in lines if "ERROR" in line or "Traceback" in line)[-4000:]


@contextlib.contextmanager
def trial(
    folder: Path, *, rewire: Rewire | None = None, camera: Settings | None = None
) -> Iterator[Trial]:
    """A trial; all its processes are ended when it is left."""
    with stage.stage(folder) as town:
        yield Trial(town, rewire=rewire, camera=camera)


def through(mqtt_port: int | None = None, http_port: int | None = None) -> Rewire:
    """Tell the node other ports of the loopback, those of proxies."""

    def rewire(enrolment: Enrolment) -> Enrolment:
        if mqtt_port is not None:
            enrolment = replace(enrolment, mqtt=replace(enrolment.mqtt, port=mqtt_port))
        if http_port is not None:
            enrolment = replace(enrolment, upload_url=f"http://127.0.0.1:{http_port}")
        return enrolment

    return rewire


def stretched_film(path: Path, factor: int, crossings: int) -> Path:
    """The same pictures, each shown `factor` times as long: hours in few pictures.

    Each is a keyframe, so that a node whose clock is fast sees all of them also where a loaded
    machine makes it look at the beginnings of GOPs only.
    """
    quick = films.make_film(path.with_suffix(".quick.mp4"), 9, crossings, gop=1)
    with av.open(str(quick)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.pts is None or packet.dts is None:
                continue
            packet.pts, packet.dts = packet.pts * factor, packet.dts * factor
            packet.duration = (packet.duration or 0) * factor
            packet.stream = copied
            target.mux(packet)
    return path
