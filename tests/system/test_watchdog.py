"""What systemd hears: a node is well while it is, and nothing while its way to the hub hangs."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge import agent as agent_module
from edge.agent import Agent
from edge.base.clock import SystemClock
from edge.config import node as node_config
from edge.settings.store import Store
from edge.uplink import uplink
from edge.uplink.session import Session
from tests.harness.patience import PATIENCE_S
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("watchdog")]

NODE = "gate-3"
STILL = "synthetic:?still=1&width=320&height=180&fps=2"
TIMEOUT_S = PATIENCE_S
LIMIT_S = 3.0  # instead of minutes, for a session that does not get on
SILENCE_S = 4 * agent_module.TICK_S


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A town whose hub runs."""
    with stage.stage(tmp_path_factory.mktemp("watchdog")) as made:
        made.hub.start_ready()
        yield made


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where this process, with an agent in it, sends what systemd should hear."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", sock.getsockname())
        yield sock


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Let the first so many sessions of this process hang for good in their first connection."""
    monkeypatch.setattr(uplink, "SESSION_LIMIT_S", LIMIT_S)
    real, awake, hung = Session.run_once, threading.Event(), set[int]()
    left = [0]

    def run_once(session: Session) -> None:
        if left[0] > 0:
            left[0] -= 1
            hung.add(id(session))
            awake.wait()
        else:
            real(session)

    def first(count: int) -> None:
        left[0] = count
        monkeypatch.setattr(Session, "run_once", run_once)

    yield first
    awake.set()


@contextlib.contextmanager
def running(town: Stage, name: str) -> Iterator[Agent]:
    """An agent in this process, with its own thread for what the main thread does."""
    node = town.add_node(name, [stage.camera("wall", STILL)])
    node.write_settings()
    settings = node_config.load(node.config_file)
    Path(settings.state_dir).mkdir(mode=0o700)
    stop = threading.Event()
    store = Store(Path(settings.state_dir), SystemClock())
    agent = Agent(settings, Path(settings.state_dir), store, end=stop.set)
    agent.start()
    main = threading.Thread(target=agent.serve, args=(stop,))
    main.start()
    try:
        yield agent
    finally:
        stop.set()
        main.join()
        agent.stop()


def heard(supervisor: socket.socket) -> int:
    """How many WATCHDOG=1 came since the last asking."""
    beats = 0
    while True:
        try:
            beats += supervisor.recv(4096) == b"WATCHDOG=1"
        except BlockingIOError:
            return beats


def test_a_node_that_gets_on_tells_its_supervisor_again_and_again(town: Stage) -> None:
    """A real process; stopped as a whole, it says nothing, and goes on when it is let."""
    node = town.add_node("well", [stage.camera("wall", STILL)])
    node.start_ready()
    stage.wait(lambda: node.beats >= 3, TIMEOUT_S, "three beats of a node's watchdog")
    assert node.pid is not None
    os.kill(node.pid, signal.SIGSTOP)
    try:
        time.sleep(agent_module.TICK_S)  # what was under way has arrived
        before = node.beats
        time.sleep(SILENCE_S)
        assert node.beats == before
    finally:
        os.kill(node.pid, signal.SIGCONT)
    stage.wait(lambda: node.beats > before, TIMEOUT_S, "a beat after the pause")
    assert node.stop() == 0


def test_an_uplink_that_hangs_is_replaced_and_the_records_flow(
    town: Stage, supervisor: socket.socket, hang: Callable[[int], None]
) -> None:
    """The cameras are not touched; what waited arrives by the new one."""
    hang(1)
    with running(town, "stuck") as agent:
        stage.wait(lambda: bool(stage.nodes(town.hub)["stuck"]["journals"]), TIMEOUT_S, "a record")
        assert [camera.is_alive() for camera in agent._fleet.cameras] == [True]
        heard(supervisor)
        stage.wait(lambda: heard(supervisor) > 0, TIMEOUT_S, "a beat with the new uplink")


def test_systemd_is_not_fed_while_every_new_uplink_hangs(
    town: Stage, supervisor: socket.socket, hang: Callable[[int], None]
) -> None:
    """After three attempts it is systemd's turn to restart the process."""
    hang(1000)
    with running(town, "lost") as agent:
        stage.wait(lambda: heard(supervisor) > 0, TIMEOUT_S, "a beat before it shows")
        stage.wait(lambda: bool(agent._watchdog.problems), TIMEOUT_S, "the end of its attempts")
        time.sleep(LIMIT_S + agent_module.TICK_S)  # of the last attempt
        heard(supervisor)
        time.sleep(SILENCE_S)
        assert heard(supervisor) == 0
