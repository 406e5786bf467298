"""From a blank card to the first event: a machine started from a prepared card becomes a node.

See `vm` and `container` for what is real in it. Hub, broker and camera run on this machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.contract import nodefile
from scripts.lib import bundle
from tests.harness import rtsp_camera
from tests.harness.rtsp_camera import CameraStream, RtspCamera
from tests.scripts.flash import container, layouts, vm
from tests.scripts.flash.layouts import MIB
from tests.system.joining import Place, place
from tests.system.stage import is_complete, street
from tests.system.town import run_query

NODE = "gate-3"
EMULATED_S = 3000.0  # without KVM a start and an installation take a quarter of an hour
CONTAINED_S = 900.0
WELL = "joined, and it watches"
SETTLE_S = 20.0  # for what the machine still has to flush
AnyMachine = vm.Machine | container.Container

pytestmark = [
    pytest.mark.system,
    pytest.mark.xdist_group("vm"),
    pytest.mark.timeout(3 * EMULATED_S),
]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real bundle for the machine's processor, for both Pythons."""
    vm.need_root()
    try:
        return bundle.make("x86_64", bundle.PYTHONS, tmp_path_factory.mktemp("bundle"))
    except bundle.BundleError as err:
        if err.is_retryable:
            pytest.skip(f"no package index here: {err}")
        raise


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[RtspCamera]:
    """An RTSP camera before which a car passes now and then."""
    if missing := rtsp_camera.missing_packages():
        pytest.skip(f"no GStreamer RTSP server here: apt-get install {missing}")
    made = RtspCamera(
        {"/main": CameraStream(street(tmp_path / "street.mp4", 139, 3.5, 43.5), at_end="loop")},
        tmp_path,
    )
    made.start()
    yield made
    made.stop()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Place]:
    """A hub that boxes reach under the address that the machine knows this one by."""
    with place(tmp_path / "site", address=vm.HOST) as made:
        yield made


@dataclass(frozen=True)
class Card:
    """A card that was made as an installer makes it, in a machine that is off."""

    image: vm.SystemImage
    path: Path
    folder: Path
    token: str
    ports: dict[int, int]


def prepare(folder: Path, kind: str, site: Place, camera: RtspCamera, packed: Path) -> Card:
    """Node file from the hub, image, bundle: one card."""
    image = vm.build(kind, folder)
    source = camera.url().replace("127.0.0.1", vm.HOST)
    node_file = site.add(NODE, "--camera", f"street={source}")
    card = folder / "card.img"
    done = layouts.flash(
        "--image", image.path, "--node", node_file, "--bundle", packed, "--to", card, "--yes",
        "--size", f"{vm.DISK_SIZE // MIB}M", "--time-zone", "Asia/Ho_Chi_Minh", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    image.path.unlink()
    ports = [int(site.hub.url.rpartition(":")[2]), site.broker.node_port, camera.port]
    token = nodefile.decode(node_file.read_bytes()).token
    return Card(image, card, folder, token, {port: port for port in ports})


def has_archived(site: Place) -> bool:
    """Whether something that moved is in the archive with its clip."""
    rows = run_query(site.hub)
    return any(is_complete(row) and row["kind"] == "motion" for row in rows)


def check_card(machine: AnyMachine, card: Card) -> None:
    """It says that all is done, and nothing is left on it that was for the first start alone."""
    names, status = machine.on_card()
    assert status.splitlines()[-1][22:] == WELL
    assert not [name for name in names if name.endswith((".node", ".tar"))]
    assert not machine.holds(card.token), "the token is still on the card"


def run_to_first_event(machine: AnyMachine, card: Card, site: Place, limit_s: float) -> float:
    """From power-on until the event is archived, and the card is clean; the minutes."""
    assert machine.holds(card.token)
    began_s = time.monotonic()
    machine.power_on()
    try:
        machine.wait_for(lambda: has_archived(site), limit_s, "an event in the archive")
        passed_min = (time.monotonic() - began_s) / 60
        machine.wait_for_words(f"camwatch: {WELL}", limit_s)
        time.sleep(SETTLE_S)
    finally:
        machine.power_off()
    check_card(machine, card)
    return passed_min


def tell(capsys: pytest.CaptureFixture[str], minutes: float, how: str) -> None:
    """Print it whatever pytest captures."""
    with capsys.disabled():
        print(f"\nfrom power-on to the first event in the archive: {minutes:.1f} min ({how})")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cidata", "boot-seed", "firstrun"])
def test_a_blank_card_becomes_a_node_whose_first_event_is_archived(
    tmp_path: Path, kind: str, site: Place, camera: RtspCamera, packed: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Nobody touches it from power-on to the event; it has no network but hub and camera."""
    vm.need()
    card = prepare(tmp_path, kind, site, camera, packed)
    machine = vm.Machine(card.image, card.path, tmp_path, card.ports)
    minutes = run_to_first_event(machine, card, site, EMULATED_S)
    tell(capsys, minutes, f"{kind}, virtual machine, {vm.accelerator()}")


def test_the_same_in_a_container(
    tmp_path: Path, site: Place, camera: RtspCamera, packed: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """At this machine's own speed."""
    container.need()
    card = prepare(tmp_path, "boot-seed", site, camera, packed)
    machine = container.Container(card.image, card.path, tmp_path, card.ports)
    minutes = run_to_first_event(machine, card, site, CONTAINED_S)
    tell(capsys, minutes, "boot-seed, container")


@pytest.mark.slow
def test_power_cuts_in_the_first_start_only_delay_it(
    tmp_path: Path, site: Place, camera: RtspCamera, packed: Path
) -> None:
    """Cut while unpacking, installing and enrolling, it goes on each time, and joins once."""
    container.need()
    card = prepare(tmp_path, "boot-seed", site, camera, packed)
    machine = container.Container(card.image, card.path, tmp_path, card.ports)
    try:
        for words in (
            "camwatch: unpacking", "== installing the locked packages", "== enrolling at the hub",
        ):  # fmt: skip
            machine.power_on()
            machine.wait_for_words(words, CONTAINED_S)
            machine.power_off()
        machine.power_on()
        machine.wait_for_words(f"camwatch: {WELL}", CONTAINED_S)
        machine.wait_for(lambda: has_archived(site), CONTAINED_S, "an event in the archive")
        time.sleep(SETTLE_S)
    finally:
        machine.power_off()
    check_card(machine, card)
    assert len(site.audit("node.enrol")) == 1
