"""The keeper's turns, with a fake clock and cameras that do as they are told."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from edge.base import schema
from edge.base.clock import FakeClock
from edge.base.errors import StorageError
from edge.camera.camera import Camera
from edge.config import overlay
from edge.config.camera import CameraSettings
from edge.config.node import NodeSettings
from edge.contract import applied, names, wanted
from edge.contract.applied import Applied
from edge.contract.parts import ClockState
from edge.contract.record import ConfigApplied
from edge.keys import PrivateKey
from edge.settings.keeper import TICK_S, Keeper, in_effect
from edge.settings.store import Store
from edge.settings.trial import STREAM_S, WATCH_S
from edge.uplink.session import Inbound

HUB = PrivateKey(b"h" * 32)
SCHOOL = {"starts": "07:00", "ends": "17:00", "armed": False, "note": "school"}
GATE_NEW = {"source": "synthetic:?seed=2"}


@dataclass
class FakeCamera:
    """What the keeper looks at of a camera."""

    has_large_stream: bool = True
    is_lost: bool = False


class Bench:
    """A node with two synthetic cameras, and its way to the hub."""

    def __init__(self, folder: Path, broker_port: int) -> None:
        self.folder = folder
        self.clock = FakeClock(datetime(2026, 3, 2, 5, 0, tzinfo=UTC))  # Monday noon in Vietnam
        self.clock_state: ClockState = "synced"
        self.base = schema.load(
            NodeSettings,
            {
                "node": "gate-3",
                "time_zone": "Asia/Ho_Chi_Minh",
                "hub": {
                    "mqtt": {"host": "127.0.0.1", "port": broker_port},
                    "upload_url": "http://127.0.0.1:1", "secret_file": "s", "public_key_file": "k",
                },
                "cameras": [
                    {"name": "gate", "source": "synthetic:"},
                    {"name": "yard", "source": "synthetic:"},
                ],
            },
            unknown="refuse",
        )  # fmt: skip
        self.cameras = {"gate": FakeCamera(), "yard": FakeCamera()}
        self.running = {each.name: each for each in self.base.cameras}
        self.changes: list[str] = []
        self.inbox: list[Inbound] = []
        self.sent: list[Inbound] = []
        self.is_online = True
        self.is_starving = False
        """Whether the hub is out of reach from the moment on at which a camera is changed."""
        self.said: list[Applied] = []
        self.journal: list[ConfigApplied] = []
        self.levels: list[str] = []
        self.start()

    def start(self) -> None:
        """As the agent does: what is in effect runs from the first moment on."""
        self.store = Store(self.folder, self.clock)
        self.store.begin_run()
        now, _ = in_effect(self.base, self.store, self.clock)
        self.running = {each.name: each for each in now.cameras}
        self.keeper = Keeper(
            self.base, self.store, clock=self.clock, clock_state=lambda: self.clock_state,
            hub_key=HUB.public, cameras=self, link=self, append=self.journal.append,
            set_log_level=self.levels.append,
        )  # fmt: skip

    @property
    def by_name(self) -> Mapping[str, Camera]:
        return cast(Mapping[str, Camera], self.cameras)

    @property
    def settings(self) -> Mapping[str, CameraSettings]:
        return self.running

    def change(self, settings: Sequence[CameraSettings], *, why: str, within_s: float) -> None:
        for each in settings:
            self.running[each.name] = each
            self.is_online = self.is_online and not self.is_starving
            self.changes.append(f"{each.name}: {why}")

    def next_wish(self) -> Inbound | None:
        return self.inbox.pop(0) if self.inbox else None

    def say(self, payload: bytes) -> None:
        self.said.append(applied.decode(payload))

    def want(self, version: int, **settings: Any) -> None:
        """The hub sends a version."""
        document = wanted.Wanted(
            names.VERSION, "gate-3", version, self.clock.utc(), "lan", settings
        )
        payload = wanted.encode(document)
        self.sent.append(Inbound("t", payload, HUB.sign(payload)))
        self.inbox.append(self.sent[-1])

    def turn(self, seconds: float = TICK_S) -> None:
        """Let time pass."""
        for _ in range(round(seconds / TICK_S)):
            self.clock.advance(TICK_S)
            self.keeper.run_once()

    def disarmed(self, name: str) -> str | None:
        """Why that camera is not watched."""
        return self.running[name].disarmed

    @property
    def now(self) -> tuple[int, str, str | None]:
        """Version, state and the reason of a failure, as the node said last."""
        last = self.said[-1]
        return last.version, last.state, None if last.failure is None else last.failure.reason


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A broker's port that answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def bench(tmp_path: Path, listener: socket.socket) -> Bench:
    """Nothing is set yet."""
    return Bench(tmp_path, listener.getsockname()[1])


def test_a_version_is_tried_and_then_good(bench: Bench) -> None:
    """Only what differs is changed; the journal has it when it takes effect."""
    bench.turn()
    assert bench.now == (0, "local", None)
    bench.want(3, cameras={"gate": {"motion": {"sensitivity": 8}}}, log_level="debug")
    bench.turn()
    assert bench.now == (3, "trial", None)
    assert bench.changes == ["gate: settings 3"]
    assert bench.levels[-1] == "debug"
    bench.turn(WATCH_S + 1)
    assert bench.now == (3, "applied", None)
    assert [(each.version, each.outcome) for each in bench.journal] == [(3, "applied")]
    count = len(bench.said)
    bench.inbox.append(bench.sent[-1])  # it is retained
    bench.turn(5)
    assert (len(bench.said), bench.running["gate"].motion.sensitivity) == (count, 8)


def test_a_stream_that_does_not_come_brings_the_old_settings_back(bench: Bench) -> None:
    """For the camera that the version made anew, and for all else that it set."""
    bench.want(1, cameras={"gate": GATE_NEW, "yard": {"motion": {"sensitivity": 9}}})
    bench.turn()
    bench.cameras["gate"].has_large_stream = False
    bench.turn(STREAM_S + 2)
    assert bench.now == (0, "local", "stream")
    assert bench.running == {each.name: each for each in bench.base.cameras}
    assert bench.changes[2:] == ["gate: settings 1 taken back", "yard: settings 1 taken back"]


def test_a_camera_that_was_dead_before_can_be_repaired(bench: Bench) -> None:
    """Nobody waits for its stream for long, and it is not what a version is judged by."""
    bench.cameras["gate"] = FakeCamera(has_large_stream=False, is_lost=True)
    bench.want(1, cameras={"gate": GATE_NEW})
    bench.turn()
    assert bench.now == (1, "trial", None)
    bench.turn(WATCH_S + 1)
    assert bench.now == (1, "applied", None)


def test_a_camera_that_connects_is_waited_for_before_it_is_judged(bench: Bench) -> None:
    """After a start of the node the settings come sooner than the pictures."""
    bench.cameras["gate"] = FakeCamera(has_large_stream=False)
    bench.want(1, cameras={"gate": GATE_NEW})
    bench.turn(5)
    assert bench.now == (0, "pending", None)
    bench.cameras["gate"].has_large_stream = True
    bench.turn()
    assert bench.now == (1, "trial", None)


def test_a_way_to_the_hub_that_dies_is_blamed_only_where_the_broker_answers(
    bench: Bench, listener: socket.socket
) -> None:
    """A broker that is down is nobody's setting."""
    bench.want(1, log_level="debug")
    bench.turn(2)
    bench.is_online = False
    bench.turn(WATCH_S)
    assert bench.now == (0, "local", "link")
    bench.is_online = True
    bench.want(2, log_level="debug")
    bench.turn(2)
    bench.is_online = False
    listener.close()
    bench.turn(WATCH_S)
    assert bench.now == (2, "applied", "link")


def test_a_way_to_the_hub_that_dies_while_cameras_are_changed_lived_before(bench: Bench) -> None:
    """They change one after the other, each once its event is over."""
    bench.is_starving = True
    bench.want(1, cameras={"gate": {"motion": {"sensitivity": 2}}})
    bench.turn(2)
    assert not bench.is_online
    bench.turn(WATCH_S)
    assert bench.now == (0, "local", "link")


def test_a_newer_version_takes_the_place_of_one_on_trial(bench: Bench) -> None:
    """What was good before both stays what to go back to."""
    bench.want(1, cameras={"gate": {"motion": {"sensitivity": 2}}})
    bench.turn(WATCH_S + 2)
    bench.want(2, cameras={"gate": {"motion": {"sensitivity": 8}}})
    bench.turn(3)
    bench.want(3, cameras={"gate": GATE_NEW})
    bench.turn(3)
    bench.cameras["gate"].has_large_stream = False
    bench.turn(STREAM_S + 2)
    assert bench.now == (1, "applied", "stream")
    assert bench.running["gate"].motion.sensitivity == 2


def test_a_disk_that_fails_holds_a_version_back_and_loses_none(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried once the disk takes it; nothing of it is in effect before."""

    def fail(*_: object, **__: object) -> None:
        raise StorageError("no space")

    with monkeypatch.context() as patch:
        patch.setattr("edge.base.durable.write_file", fail)
        bench.want(1, log_level="debug")
        bench.turn(3)
        assert "the disk does not take them" in bench.keeper.problem
        assert bench.levels == ["info"]
    bench.turn(3)
    assert bench.now == (1, "trial", None)


def test_a_schedule_holds_by_the_node_s_zone(bench: Bench) -> None:
    """It is noon in Vietnam, on a Monday; after five the camera is armed."""
    bench.want(1, cameras={"gate": {"schedules": [SCHOOL]}})
    bench.turn()
    assert bench.disarmed("gate") == "school"
    assert bench.running["yard"].armed
    bench.clock.advance(5 * 3600)
    bench.turn()
    assert bench.running["gate"].armed
    assert bench.changes[-1] == "gate: schedule"


def test_a_node_without_a_clock_keeps_its_cameras_armed_and_says_so(bench: Bench) -> None:
    """Until somebody sets it."""
    bench.clock_state = "unsynced"
    bench.want(1, cameras={"gate": {"schedules": [SCHOOL]}})
    bench.turn()
    assert bench.disarmed("gate") is None
    assert "the clock is not set" in bench.keeper.problem
    bench.clock_state = "synced"
    bench.turn()
    assert bench.disarmed("gate") == "school"
    assert bench.keeper.problem == ""


def test_a_trial_goes_on_after_an_orderly_restart(bench: Bench) -> None:
    """With the streams that it must not lose."""
    bench.want(1, cameras={"gate": GATE_NEW})
    bench.turn(3)
    bench.store.end_run()
    bench.cameras["gate"].has_large_stream = False
    bench.start()
    assert bench.running["gate"].source == GATE_NEW["source"]
    bench.turn(STREAM_S + 2)
    assert bench.now == (0, "local", "stream")


def test_settings_that_no_longer_fit_the_local_file_are_given_up(bench: Bench) -> None:
    """Somebody took the camera out of edge.yaml; the node runs all the same, and says why."""
    bench.want(1, cameras={"gate": {"motion": {"sensitivity": 2}}})
    bench.turn(WATCH_S + 2)
    cameras = tuple(each for each in bench.base.cameras if each.name != "gate")
    bench.base = schema.load(
        NodeSettings, schema.dump(bench.base) | {"cameras": schema.dump(cameras)},
        unknown="refuse",
    )  # fmt: skip
    bench.start()
    bench.turn()
    assert bench.now == (0, "local", "invalid")
    assert overlay.effective(bench.base)["cameras"].keys() == {"yard"}
    assert bench.journal[-1].outcome == "refused"


def test_a_version_that_waits_and_no_longer_fits_is_given_up(bench: Bench) -> None:
    """Somebody took its camera out of edge.yaml before it was even tried."""
    bench.cameras["gate"] = FakeCamera(has_large_stream=False)
    bench.want(1, cameras={"gate": GATE_NEW})
    bench.turn(3)
    bench.store.end_run()
    bench.base = schema.load(
        NodeSettings,
        schema.dump(bench.base) | {"cameras": schema.dump(bench.base.cameras[1:])},
        unknown="refuse",
    )  # fmt: skip
    bench.start()
    bench.turn()
    assert bench.now == (0, "local", "invalid")


def test_what_is_refused_while_another_is_on_trial_leaves_that_alone(bench: Bench) -> None:
    """The journal says which one is in effect."""
    bench.want(1, log_level="debug")
    bench.turn(3)
    bench.want(2, cameras={"gaet": {}})
    bench.turn(3)
    assert bench.now == (1, "trial", "invalid")
    assert (bench.journal[-1].version, bench.journal[-1].in_effect) == (2, 1)
    bench.turn(WATCH_S)
    assert bench.now == (1, "applied", "invalid")
