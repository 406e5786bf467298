"""The harness as pytest fixtures; everything that they start is stopped at teardown, always.

Load it with `pytest_plugins = ["tests.harness.plugin"]`. See README.md beside it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from edge.keys import PublicKey
from tests.harness import rtsp_camera as camera_module
from tests.harness.broker import HUB, OBSERVER, Broker, find_mosquitto, free_port
from tests.harness.child import HarnessError, child_pids
from tests.harness.credentials import Authority
from tests.harness.footage import VARIABLE, Footage, find_footage
from tests.harness.link import Account
from tests.harness.processes import Enrolment, HubProcess, NodeProcess, Settings
from tests.harness.proxy import Proxy
from tests.harness.publisher import Publisher
from tests.harness.rtsp_camera import CameraStream, Login, RtspCamera
from tests.harness.traffic import Traffic


class CameraFactory(Protocol):
    """Makes and starts an RTSP camera."""

    def __call__(
        self, streams: Mapping[str, CameraStream] | CameraStream | Path, login: Login | None = None
    ) -> RtspCamera:
        """A recording alone becomes the stream `/main`."""


class NodeFactory(Protocol):
    """Makes a node's process, not yet started."""

    def __call__(
        self,
        name: str,
        cameras: Sequence[Settings],
        enrolment: Enrolment,
        more: Settings | None = None,
    ) -> NodeProcess:
        """`more` is merged over the settings file's top level."""


class HubFactory(Protocol):
    """Makes a hub's process, not yet started."""

    def __call__(self, more: Settings | None = None, *, has_tls: bool = False) -> HubProcess:
        """`more` is merged over the settings file's top level."""


class PublisherFactory(Protocol):
    """Makes and connects a scripted node with a broker account of its own."""

    def __call__(
        self,
        name: str = "scripted-1",
        hub_key: PublicKey | None = None,
        *,
        enrolment: Enrolment | None = None,
    ) -> Publisher:
        """With `hub_key`, only acks that the hub signed are counted.

        `enrolment` is what `enrol` gave for that name at a real hub; without it the account is made
        at the broker alone.
        """


@pytest.fixture
def harness_stack() -> Iterator[contextlib.ExitStack]:
    """Stops what the other fixtures started, last first, and sees that no process is left."""
    before = child_pids()
    with contextlib.ExitStack() as stack:
        yield stack
    left = child_pids() - before
    if left:
        raise HarnessError(f"processes left behind: {sorted(left)}")


@pytest.fixture
def broker(harness_stack: contextlib.ExitStack, tmp_path: Path) -> Broker:
    """A private Mosquitto that runs."""
    return _start_broker(harness_stack, tmp_path / "broker", has_tls=False)


@pytest.fixture
def tls_broker(harness_stack: contextlib.ExitStack, tmp_path: Path) -> Broker:
    """A private Mosquitto that speaks TLS only, under a throw-away authority."""
    return _start_broker(harness_stack, tmp_path / "tls-broker", has_tls=True)


def _start_broker(stack: contextlib.ExitStack, folder: Path, *, has_tls: bool) -> Broker:
    try:
        find_mosquitto()
    except HarnessError as err:
        pytest.skip(f"{err} ({err.hint})")
    broker = Broker(folder, has_tls=has_tls)
    stack.callback(broker.stop)
    broker.start()
    return broker


@pytest.fixture
def traffic(harness_stack: contextlib.ExitStack, broker: Broker) -> Traffic:
    """A recorder of everything that goes over `broker`."""
    return harness_stack.enter_context(Traffic(broker.address, broker.account(OBSERVER)))


@pytest.fixture
def rtsp_camera(harness_stack: contextlib.ExitStack, tmp_path: Path) -> CameraFactory:
    """A factory of RTSP cameras."""
    missing = camera_module.missing_packages()
    if missing:
        pytest.skip(f"no GStreamer RTSP server here: apt-get install {missing}")
    count = 0

    def make(
        streams: Mapping[str, CameraStream] | CameraStream | Path, login: Login | None = None
    ) -> RtspCamera:
        nonlocal count
        count += 1
        if isinstance(streams, Path):
            streams = CameraStream(streams)
        if isinstance(streams, CameraStream):
            streams = {"/main": streams}
        folder = tmp_path / f"camera-{count}"
        folder.mkdir()
        camera = RtspCamera(streams, folder, login=login)
        harness_stack.callback(camera.stop)
        camera.start()
        return camera

    return make


@pytest.fixture
def hub(harness_stack: contextlib.ExitStack, broker: Broker, tmp_path: Path) -> HubFactory:
    """A factory of hubs on `broker`."""

    def make(more: Settings | None = None, *, has_tls: bool = False) -> HubProcess:
        authority = Authority(tmp_path / "hub-tls") if has_tls else None
        process = HubProcess(
            tmp_path / "hub",
            broker.address,
            free_port(),
            secret_file=broker.secret_file(HUB),
            authority=authority,
            more=more,
        )
        harness_stack.callback(process.stop)
        return process

    return make


@pytest.fixture
def node(harness_stack: contextlib.ExitStack, tmp_path: Path) -> NodeFactory:
    """A factory of nodes."""

    def make(
        name: str,
        cameras: Sequence[Settings],
        enrolment: Enrolment,
        more: Settings | None = None,
    ) -> NodeProcess:
        process = NodeProcess(name, tmp_path / f"node-{name}", enrolment, cameras, more=more)
        harness_stack.callback(process.stop)
        return process

    return make


@pytest.fixture
def publisher(harness_stack: contextlib.ExitStack, broker: Broker) -> PublisherFactory:
    """A factory of scripted nodes on `broker`."""

    def make(
        name: str = "scripted-1",
        hub_key: PublicKey | None = None,
        *,
        enrolment: Enrolment | None = None,
    ) -> Publisher:
        if enrolment is None:
            broker.add_user(name)
            account = broker.account(name)
        else:
            account = Account(name, enrolment.secret)
            hub_key = hub_key or enrolment.hub_key
        scripted = Publisher(name, broker.address, account, hub_key=hub_key)
        harness_stack.callback(scripted.close)
        scripted.connect()
        return scripted

    return make


@pytest.fixture
def proxy(harness_stack: contextlib.ExitStack) -> Callable[[int], Proxy]:
    """A factory of fault proxies; its argument is the port to forward to."""

    def make(target_port: int) -> Proxy:
        return harness_stack.enter_context(Proxy(target_port))

    return make


@pytest.fixture(scope="session")
def footage() -> Footage:
    """The labelled recordings; the test is skipped where there are none."""
    found = find_footage()
    if found is None:
        pytest.skip(f"no recordings: set {VARIABLE} to their folder")
    return found
