"""The API's OpenAPI document as a file, for those who write programs against a hub."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.base.clock import FakeClock
from edge.keys import PrivateKey
from hub.api.app import make_api
from hub.api.camera_picture import CameraPictureApi
from hub.api.enrolment import EnrolmentApi
from hub.api.live import LiveApi
from hub.api.resources import Api, CameraApis, Stores
from hub.api.trials import TrialsApi
from hub.archive import SqliteArchive
from hub.clipstore import FileClipStore
from hub.commands import Commander
from hub.config import HubSettings
from hub.live import Relay
from hub.registry.broker_access import BrokerAccess
from hub.registry.enrolment import NodeFiles
from hub.registry.sessions import Lives
from hub.traces import TraceStore
from hub.trials import Trials
from hub.web.door import Door
from hub.web.gatekeeper import Gatekeeper
from hub.web.live_feed import LiveFeed
from hub.web.login import LogIn
from hub.web.node_gate import NodeGate
from hub.web.trail import Trail

PATH = Path(__file__).resolve().parents[2] / "config" / "hub-openapi.json"


def text() -> str:
    """The document, made from the routes of a hub without anything in it."""
    with tempfile.TemporaryDirectory() as folder:
        archive, clock = SqliteArchive(Path(folder) / "archive.sqlite"), FakeClock()
        try:
            files = FileClipStore(Path(folder), suffix="")
            door = Door(archive, Trail(archive.audit, clock), clock, Lives())
            log_in = LogIn(archive.people, door.trail, clock, Lives())
            feed = LiveFeed(archive, clock)
            nobody = _nobody(clock)
            trials = Trials(archive, TraceStore(Path(folder), camera_bytes=0, keep_s=0), clock)
            cameras = CameraApis(
                LiveApi(door, archive, Relay(nobody)),
                CameraPictureApi(door, archive, files, nobody),
                TrialsApi(door, archive, trials),
            )
            stores, zone = Stores(files, files, files), ZoneInfo("UTC")
            enrolment = _enrolment(door, archive, clock, Path(folder))
            api = Api(archive, stores, door, log_in, feed, list, zone, cameras, enrolment)
            document = make_api(api.routes, lambda err: None).openapi()
        finally:
            archive.close()
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _enrolment(door: Door, archive: SqliteArchive, clock: FakeClock, folder: Path) -> EnrolmentApi:
    settings, key = HubSettings(str(folder)), PrivateKey(bytes(32))
    access, gate = BrokerAccess(settings, archive), NodeGate(archive)
    gatekeeper = Gatekeeper(archive, access, gate, lambda nodes: None)
    return EnrolmentApi(door, NodeFiles(settings, archive, key, clock), gatekeeper)


def _nobody(clock: FakeClock) -> Commander:
    """Commands nobody: the document is made without a broker."""
    return Commander(
        PrivateKey(bytes(32)), clock, publish=lambda _: False, key_of=lambda _: None,
        is_offline=lambda _: True,
    )  # fmt: skip
