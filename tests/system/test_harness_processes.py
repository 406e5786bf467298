"""Real nodes and hubs as the harness starts, asks, freezes and ends them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from edge.contract import status, topics
from tests.harness.broker import Broker
from tests.harness.child import Child, HarnessError, child_pids
from tests.harness.patience import PATIENCE_S
from tests.harness.plugin import HubFactory, NodeFactory, PublisherFactory
from tests.harness.processes import ROOT, enrol
from tests.harness.traffic import Predicate, Traffic

pytestmark = pytest.mark.system

TIMEOUT_S = PATIENCE_S
NODE = "gate-3"
SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True);"
    " time.sleep(600)",
]


def test_a_child_that_ignores_sigterm_is_killed_in_bounded_time(tmp_path: Path) -> None:
    """Teardown never hangs on a process under test."""
    with Child("deaf", DEAF, tmp_path) as child:
        child.start()
        child.wait_until(lambda: "up" in child.tail(), TIMEOUT_S)
        assert child.stop(timeout_s=0.2) == -9
    assert child.pid not in child_pids()


def test_a_frozen_child_can_be_stopped(tmp_path: Path) -> None:
    """SIGTERM waits while a process is stopped, so it is woken first."""
    with Child("sleeper", SLEEPER, tmp_path) as child:
        child.start()
        child.wait_until(lambda: "up" in child.tail(), TIMEOUT_S)
        child.pause()
        assert child.stop() == -15


def test_a_child_that_ends_early_is_reported_with_its_last_words(tmp_path: Path) -> None:
    """Waiting for readiness fails at once, and says why."""
    with Child("brief", [sys.executable, "-c", "raise SystemExit('no camera')"], tmp_path) as child:
        child.start()
        with pytest.raises(HarnessError, match="brief ended \\(1\\): no camera"):
            child.wait_until(lambda: False, TIMEOUT_S)


def test_a_hub_acknowledges_a_scripted_node_that_it_enrolled(
    broker: Broker, hub: HubFactory, publisher: PublisherFactory
) -> None:
    """A signed ack comes from the real hub to the scripted node, over the hub's own ACL."""
    process = hub()
    process.start_ready()
    node = publisher(NODE, enrolment=enrol(process, broker, NODE))
    made = [node.make_booted(), *node.make_event()]
    for each in made:
        assert node.send(each) == "Success"
    node.wait_for_ack(made[-1], TIMEOUT_S)
    assert node.refused_acks == 0
    assert process.stop() == 0


def test_a_node_comes_online_and_a_killed_one_goes_offline(
    broker: Broker, hub: HubFactory, node: NodeFactory, traffic: Traffic
) -> None:
    """A real node with a synthetic camera: ready, seen on the broker, and missed when it dies."""
    cameras = [{"name": "street", "source": "synthetic:"}]
    process = node(NODE, cameras, enrol(hub(), broker, NODE))
    process.start_ready()
    traffic.wait_for(is_status("online"), TIMEOUT_S)
    process.kill()
    traffic.wait_for(is_status("offline"), TIMEOUT_S)
    process.start_ready()
    assert process.stop() == 0


def is_status(state: str) -> Predicate:
    """Fits the node's status messages that say `state`."""
    return lambda each: (
        each.is_leaf(topics.STATUS, NODE) and status.decode(each.payload).state == state
    )


def test_settings_may_be_changed_between_a_stop_and_a_start(
    broker: Broker, hub: HubFactory
) -> None:
    """The settings file is written anew at each start; wrong settings end the process with 78."""
    process = hub()
    process.start_ready()
    process.stop()
    process.settings["colour"] = "red"
    process.start()
    assert process.wait(TIMEOUT_S) == 78
    assert "colour" in process.log_text
    assert yaml.safe_load(process.config_file.read_text())["colour"] == "red"


def test_teardown_stops_what_a_failed_test_left(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broker and camera end with the test, whatever happened in it."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest('pytest_plugins = ["tests.harness.plugin"]')
    pytester.makepyfile(
        """
        from tests.harness.child import child_pids
        from tests.harness.rtsp_camera import CameraStream

        def test_with_a_running_camera(rtsp_camera):
            rtsp_camera(CameraStream("mjpeg:"))
            assert child_pids() == set()

        def test_with_a_frozen_broker(broker):
            broker.child.pause()
            assert child_pids() == set()

        def test_after_both():
            assert child_pids() == set()
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(failed=2, passed=1)
