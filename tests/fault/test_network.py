"""Bad networks between a node and its hub: whatever TCP goes through, every event arrives, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edge.base.clock import RATE_ENV
from edge.uplink.session import KEEP_ALIVE_S
from tests.fault.far_side import FarSide, far_side
from tests.fault.torn_proxy import TornProxy
from tests.fault.trial import CAMERA, NODE, Trial, stretched_film, through, trial
from tests.harness.patience import PATIENCE_S
from tests.harness.processes import Enrolment
from tests.system import stage

pytestmark = [pytest.mark.system]
by_wire = pytest.mark.xdist_group("network-wire")
by_proxy = pytest.mark.xdist_group("network-proxy")

MARGIN_S = PATIENCE_S
FLAPS = 5
RATE, STRETCH = 30, 10  # of the node's clock; of the film
EVENTS_AN_HOUR = 3600 // 36  # one every twenty seconds, less what a loaded machine does not see


@dataclass
class Far:
    """A node behind a wire of its own."""

    side: FarSide
    trial: Trial


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    """The node runs and has brought its first event; one town for all faults of the wire."""

    def to_localhost(enrolment: Enrolment) -> Enrolment:
        url = enrolment.upload_url.replace("127.0.0.1", "localhost")
        return replace(enrolment, mqtt=replace(enrolment.mqtt, host="localhost"), upload_url=url)

    folder = tmp_path_factory.mktemp("wire")
    with far_side() as side, trial(folder, rewire=to_localhost) as made:
        side.move(made.node)
        made.node.start()
        made.wait_for_archived(1)
        yield Far(side, made)


def is_online(town: stage.Stage) -> bool:
    """What the hub knows of the node, by the Will or by its own word."""
    return bool(stage.nodes(town.hub)[NODE]["state"] == "online")


@by_wire
def test_a_connection_that_died_without_a_word_is_noticed_and_replaced(far: Far) -> None:
    """Half-open TCP: nothing passes and nothing is closed. Both ends notice by keep alive, and
    what happened meanwhile arrives over the next connection."""
    before = far.trial.node.log_text.count("connection to the broker ended")
    far.side.lose(100)
    limit_s = 2 * KEEP_ALIVE_S + MARGIN_S
    stage.wait(lambda: not is_online(far.trial.town), limit_s, "offline, said by the Will")
    stage.wait(
        lambda: far.trial.node.log_text.count("connection to the broker ended") > before,
        limit_s, "the node's own notice",
    )  # fmt: skip
    goal = far.trial.journalled
    far.side.heal()
    stage.wait(lambda: far.trial.archived >= goal, 150, "all of the silence")


@by_wire
def test_events_arrive_where_every_third_packet_is_lost(far: Far) -> None:
    """30 % loss in both directions, for records and clips alike."""
    far.side.lose(30)
    far.trial.wait_for_archived(5)
    far.side.heal()


@by_wire
def test_a_wire_that_is_pulled_and_put_back_is_used_again(far: Far) -> None:
    """Twice, some seconds each, while events happen."""
    for _ in range(2):
        far.side.unplug()
        far.trial.wait_for_journalled(2)
        far.side.plug()
        far.trial.wait_for_archived(2)


@by_wire
def test_after_all_that_befell_the_wire_nothing_is_missing(far: Far) -> None:
    """The independent checker, on what the tests above have left."""
    far.trial.drain()
    far.trial.check_nothing_lost(least_events=8)


def delay(proxy: TornProxy) -> None:
    """Half a second each way."""
    proxy.delay(0.5)


def tear(proxy: TornProxy) -> None:
    """A reset after some thousand bytes, wherever that falls."""
    proxy.tear(300, 9000)


FAULTS: list[Callable[[TornProxy], None]] = [delay, TornProxy.slice, tear, TornProxy.swallow]


@dataclass
class Torn:
    """A node whose every byte goes through proxies."""

    trial: Trial
    proxies: tuple[TornProxy, TornProxy]


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Torn]:
    """MQTT and HTTP, each through a proxy; one town for all faults of the line."""
    with stage.stage(tmp_path_factory.mktemp("line")) as town:
        http_port = int(town.hub.url.rpartition(":")[2])
        with TornProxy(town.broker.port, seed=3) as mqtt, TornProxy(http_port, seed=4) as http:
            made = Trial(town, rewire=through(mqtt.port, http.port))
            made.node.start_ready()
            made.wait_for_archived(1)
            yield Torn(made, (mqtt, http))


@by_proxy
@pytest.mark.parametrize("fault", FAULTS, ids=["delay", "slices", "resets", "black hole"])
def test_a_line_that_tears_and_slows_what_it_carries_is_lived_with(
    fault: Callable[[TornProxy], None], torn: Torn
) -> None:
    """Records over MQTT and clips over HTTP, both with the same fault: all arrives after it."""
    for proxy in torn.proxies:
        fault(proxy)
    torn.trial.wait_for_journalled(4)
    if fault is tear:
        stage.wait(lambda: sum(each.resets for each in torn.proxies) >= 5, MARGIN_S, "resets")
    goal = torn.trial.journalled
    for proxy in torn.proxies:
        if fault is TornProxy.swallow:
            proxy.cut()
        proxy.heal()
    stage.wait(lambda: torn.trial.archived >= goal, 150, "what happened meanwhile")


@by_proxy
def test_after_all_that_befell_the_line_nothing_is_missing(torn: Torn) -> None:
    """The independent checker, on what the tests above have left."""
    torn.trial.drain()
    torn.trial.check_nothing_lost(least_events=10)


@pytest.mark.xdist_group("network-flaps")
def test_a_broker_that_comes_and_goes_loses_nothing(tmp_path: Path) -> None:
    """Killed and started again every few seconds, sometimes before the node is back."""
    with trial(tmp_path) as made:
        made.node.start_ready()
        for number in range(FLAPS):
            made.wait_for_journalled(1 + number % 2)
            made.town.broker.kill()
            made.wait_for_journalled(1)
            made.town.broker.start()
        made.drain()
        made.check_nothing_lost(least_events=2 * FLAPS)


@pytest.mark.xdist_group("network-hours")
@pytest.mark.parametrize(
    "hours", [1, pytest.param(6, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])]
)
def test_hours_without_a_broker_and_without_a_hub_lose_nothing(hours: int, tmp_path: Path) -> None:
    """The node's time runs 30 times as fast. All that happened while both were away arrives, and
    what happened while the one was back and the other not."""
    film = stretched_film(tmp_path / "film.mp4", STRETCH, 6)
    camera = stage.camera(
        CAMERA,
        film,
        motion={"quiet_s": 3, "decode": "all"},
        clips={"pre_roll_s": 3, "post_roll_s": 2, "max_length_s": 60},
    )
    with trial(tmp_path / "town", camera=camera) as made:
        made.node.set_variable(RATE_ENV, str(RATE))
        made.node.start_ready()
        made.wait_for_archived(1)
        made.town.broker.kill()
        made.town.hub.kill()
        made.wait_for_journalled(hours * EVENTS_AN_HOUR, 3600 * hours / RATE * 5)
        made.town.broker.start()
        made.wait_for_journalled(10)
        made.town.hub.start()
        made.drain()
        made.check_nothing_lost(least_events=hours * EVENTS_AN_HOUR)
