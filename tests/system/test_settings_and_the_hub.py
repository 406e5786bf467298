"""What becomes of a version under which the way to the hub dies: real node, Mosquitto and hub."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.proxy import HOST, Proxy
from tests.system import settings_site, stage
from tests.system.settings_site import WAIT_S, Site

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

TWO_MINUTES_S = 120.0
FULL_S = 5.0  # until the buffers of a line are full: longer than the rehearsal of an address


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Both cameras deliver, and the node is known at the hub."""
    with settings_site.site(tmp_path) as made:
        yield made


class ThinLine:
    """A line that carries the way to the hub, or a stream by `heavy`, but not both for long."""

    def __init__(self, to_hub: Proxy, heavy: Proxy) -> None:
        self._to_hub = to_hub
        self._heavy = heavy
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="thin line")
        self.is_starved = False
        self._thread.start()

    def _run(self) -> None:
        since_s: float | None = None
        while not self._stop.wait(0.1):
            if not self._heavy.is_in_use:
                since_s = None
            elif since_s is None:
                since_s = time.monotonic()
            is_full = since_s is not None and time.monotonic() - since_s > FULL_S
            if is_full != self.is_starved:
                self.is_starved = is_full
                self._to_hub.hold() if is_full else self._to_hub.heal()

    def close(self) -> None:
        """End the thread; the line is as it was then."""
        self._stop.set()
        self._thread.join()


@pytest.fixture
def heavy(site: Site) -> Iterator[Proxy]:
    """The way to a stream that takes all of the node's line."""
    with Proxy(int(site.gate.url("/").split(":")[2].rstrip("/"))) as way:
        line = ThinLine(site.line, way)
        yield way
        line.close()


def test_a_version_under_which_the_way_to_the_hub_dies_is_taken_back(
    site: Site, heavy: Proxy
) -> None:
    """By the node itself, which nobody could tell; afterwards it says why, and no event is lost."""
    site.wait_applied(site.set("cameras.gate.motion.sensitivity=6"))
    events = len(site.records("event.ended"))
    begun_s = time.monotonic()
    version = site.set(f"cameras.gate.source=rtsp://{HOST}:{heavy.port}/new")
    stage.wait(lambda: f"settings {version} rolled_back" in site.node.log_text, WAIT_S, "the end")
    passed_s = time.monotonic() - begun_s
    newest = site.wait_state(version, "rolled_back")
    assert newest["reason"] == "link"
    assert "the broker's port answers" in newest["detail"]
    assert passed_s < TWO_MINUTES_S
    assert not heavy.is_in_use
    assert site.outcomes[-2:] == [(version, "applied"), (version, "rolled_back")]
    applied = site.shown["applied"]
    assert applied["version"] == version - 1
    assert applied["settings"]["cameras"]["gate"]["source"] == site.gate.url("/gate")
    stage.wait(lambda: len(site.records("event.ended")) > events + 1, WAIT_S, "events go on")
    site.check_nothing_lost()


def test_a_broker_that_goes_right_after_a_version_takes_nothing_back(site: Site) -> None:
    """Its port is shut, so the version is not to blame; the hub hears of it when it is back."""
    version = site.set("cameras.gate.motion.sensitivity=6")
    site.wait_trial(version)
    site.town.broker.stop()
    site.line.refuse()
    stage.wait(lambda: f"settings {version}: good" in site.node.log_text, WAIT_S, "the end")
    site.town.broker.start()
    site.line.heal()
    site.wait_applied(version)
    assert "rolled_back" not in site.node.log_text
    site.check_nothing_lost()
