"""A node with two cameras whose settings a test changes from the hub's command line."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.base.clock import SKEW_ENV
from edge.contract import record, topics
from edge.contract.record import ConfigApplied, CoverageSpans
from edge.outbox.history import HISTORY_ENV
from tests.fault.checker import check
from tests.fault.drained import end_drained
from tests.harness.link import BrokerAddress
from tests.harness.processes import HubProcess, NodeProcess
from tests.harness.proxy import HOST, Proxy
from tests.harness.rtsp_camera import CameraStream, RtspCamera
from tests.harness.traffic import Traffic
from tests.system import stage
from tests.system.stage import Stage

NODE = "gate-3"
WAIT_S = 150.0
STILL = "synthetic:?still=1&width=320&height=180&fps=2"
Json = dict[str, Any]


@dataclass(frozen=True)
class Site:
    """A node with two cameras, one of which is in the test's hands."""

    town: Stage
    node: NodeProcess
    gate: RtspCamera
    traffic: Traffic
    line: Proxy
    """Between the node and the broker."""

    @property
    def hub(self) -> HubProcess:
        return self.town.hub

    def set(self, *sets: str, ok: bool = True) -> int:
        """Make a version; its number."""
        flags = [part for each in sets for part in ("--set", each)]
        done = self.hub.command("settings", "set", NODE, *flags)
        assert (done.returncode == 0) is ok, done.stderr + done.stdout
        return self.newest["version"] if ok else 0

    @property
    def shown(self) -> Json:
        done = self.hub.command("settings", "show", NODE, "--json")
        return dict(json.loads(done.stdout))

    @property
    def newest(self) -> Json:
        return dict(self.shown["newest"])

    def is_applied(self, version: int) -> bool:
        """Whether that version is in effect for good."""
        shown = self.shown
        return bool(shown["is_settled"] and shown["newest"]["version"] == version)

    def wait_applied(self, version: int) -> None:
        stage.wait(lambda: self.is_applied(version), WAIT_S, f"version {version} applied")

    def wait_trial(self, version: int) -> None:
        """Until the node says so itself, which is sooner than a command tells."""

        def is_so() -> bool:
            last = self.said[-1]
            return bool(last["version"] == version and last["state"] == "trial")

        stage.wait(is_so, WAIT_S, f"version {version} on trial")

    def wait_state(self, version: int, state: str) -> Json:
        """Until the hub knows that of the newest version."""

        def is_so() -> bool:
            newest = self.newest
            return bool(newest["version"] == version and newest["state"] == state)

        stage.wait(is_so, WAIT_S, f"version {version} {state}")
        return self.newest

    def records(self, kind: str) -> list[record.Record]:
        """What the node said of that type so far, once each."""
        found = {}
        for message in self.traffic.messages:
            if stage.is_record(message, kind, NODE):
                decoded = record.decode(message.payload)
                found[decoded.header.seq] = decoded
        return [found[seq] for seq in sorted(found)]

    @property
    def said(self) -> list[Json]:
        """What the node said on config/applied, in order."""
        return [
            json.loads(each.payload)
            for each in self.traffic.messages
            if each.topic == topics.applied(NODE)
        ]

    def spans(self, camera: str) -> list[tuple[str | None, str | None, int]]:
        """Cause, detail and milliseconds of the camera's accounts, in order."""
        return [
            (span.cause, span.detail, span.to_ms - span.from_ms)
            for each in self.records("coverage.spans")
            if each.header.camera == camera and isinstance(each.body, CoverageSpans)
            for span in each.body.spans
        ]

    def check_nothing_lost(self) -> None:
        """Drain the node, and have the independent checker judge all that it ever said."""
        self.node.stop()
        self.node.settings["cameras"] = [stage.camera("still", STILL)]
        self.node.start_ready()
        end_drained(self.node, WAIT_S)
        self.hub.stop()
        verdict = check(
            self.hub.state_dir, [self.town.folder / "history"], node_states=[self.node.state_dir]
        )
        assert verdict.is_good, str(verdict)
        assert verdict.counts["records whose loss is explained"] == 0, str(verdict)

    @property
    def outcomes(self) -> list[tuple[int, str]]:
        bodies = [each.body for each in self.records("config.applied")]
        return [(b.version, b.outcome) for b in bodies if isinstance(b, ConfigApplied)]


@contextlib.contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Both cameras deliver, and the node is known at the hub."""
    with stage.stage(folder) as town, Proxy(town.broker.port) as line:
        film = stage.car(folder / "car.mp4")
        gate = town.rtsp({
            "/gate": CameraStream(film, at_end="loop"), "/new": CameraStream(film, at_end="loop"),
        })  # fmt: skip
        yard = town.rtsp({"/yard": CameraStream(film, at_end="loop")}, name="yard-rtsp")
        enrolment = replace(town.enrol(NODE), mqtt=BrokerAddress(HOST, line.port))
        node = town.node(
            NODE,
            [stage.camera("gate", gate.url("/gate")), stage.camera("yard", yard.url("/yard"))],
            enrolment,
        )
        node.set_variable(HISTORY_ENV, str(folder / "history"))
        clock = folder / "clock"
        clock.write_text("0 synced", encoding="ascii")
        node.set_variable(SKEW_ENV, str(clock))
        traffic = town.traffic()
        town.hub.start_ready()
        node.start_ready()
        made = Site(town, node, gate, traffic, line)
        stage.wait(lambda: len(made.records("camera.found")) >= 2, WAIT_S, "both cameras")
        yield made
