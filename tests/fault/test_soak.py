"""An hour of a camera's time at high speed: memory, descriptors and threads stay as they are."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge.base.clock import RATE_ENV
from tests.fault import films
from tests.fault.trial import CAMERA, Trial, stretched_film
from tests.system import stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("soak"), pytest.mark.slow]

RATE, STRETCH = 20, 5  # of the node's clock; of the film, so that something crosses every 10 s
STREAM_S = float(os.environ.get("CAMWATCH_SOAK_S", "3600"))  # of the camera's time
WARM_UP = 0.25  # of it
TIMEOUT_S = 7200.0
MAX_GROWTH = 1.05
SAMPLE_S = 0.5


@dataclass
class Gauge:
    """One process's resident bytes, descriptors and threads over time, proc(5)."""

    name: str
    pid: int
    resident_bytes: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def read(self) -> None:
        """Take one sample."""
        folder = Path(f"/proc/{self.pid}")
        pages = int((folder / "statm").read_text().split()[1])
        self.resident_bytes.append(pages * os.sysconf("SC_PAGE_SIZE"))
        self.descriptors.append(len(list((folder / "fd").iterdir())))
        self.threads.append(len(list((folder / "task").iterdir())))

    def check(self) -> str:
        """What grew: the last quarter against the first; empty where nothing did."""
        complaints = []
        first, last = _quarters(self.resident_bytes)
        if last > first * MAX_GROWTH:
            complaints.append(f"{self.name}: {first / 1e6:.1f} MB became {last / 1e6:.1f} MB")
        for what, values in (("descriptors", self.descriptors), ("threads", self.threads)):
            first, last = _quarters(values)
            if last > first + 2:  # an event more or less under way
                complaints.append(f"{self.name}: {first:g} {what} became {last:g}")
        return "; ".join(complaints)


def _quarters(values: list[int]) -> tuple[float, float]:
    """The medians of the first and the last quarter."""
    size = max(1, len(values) // 4)
    return statistics.median(values[:size]), statistics.median(values[-size:])


@pytest.mark.timeout(TIMEOUT_S + 300)
def test_an_hour_of_events_leaves_node_and_hub_as_large_as_they_were(tmp_path: Path) -> None:
    """360 events with clips and pictures, recorded, uploaded and archived. After the first
    quarter resident memory stays within 5 %, descriptors and threads stay the same."""
    film = stretched_film(tmp_path / "film.mp4", STRETCH, 8)
    camera = stage.camera(
        CAMERA, film, motion={"quiet_s": 2}, clips={"pre_roll_s": 2, "post_roll_s": 1}
    )
    with stage.stage(tmp_path / "town") as town:
        trial = Trial(town, camera=camera)
        trial.node.set_variable(RATE_ENV, str(RATE))
        trial.node.start_ready()
        events = round(STREAM_S / films.CROSSING_S / STRETCH)
        watch(trial, round(events * WARM_UP), [])
        gauges = [Gauge("node", trial.node.pid), Gauge("hub", town.hub.pid)]
        watch(trial, events, gauges)
        for gauge in gauges:
            first, last = _quarters(gauge.resident_bytes)
            print(f"{gauge.name}: {first / 1e6:.1f} MB, then {last / 1e6:.1f} MB; "
                  f"{gauge.descriptors[-1]} descriptors, {gauge.threads[-1]} threads; "
                  f"{len(gauge.threads)} samples")  # fmt: skip
        assert [gauge.check() for gauge in gauges] == ["", ""]
        trial.drain()
        trial.check_nothing_lost(least_events=events)


def watch(trial: Trial, events: int, gauges: list[Gauge]) -> None:
    """Until the node has journalled so many events in all."""
    limit_s = time.monotonic() + TIMEOUT_S
    while trial.journalled < events:
        assert time.monotonic() < limit_s, f"{trial.journalled} of {events} events"
        assert trial.node.is_running and trial.town.hub.is_running
        for gauge in gauges:
            gauge.read()
        time.sleep(SAMPLE_S)
