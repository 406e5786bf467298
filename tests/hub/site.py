"""The hub's whole HTTP side in this process, over real TLS, with an archive that a test fills.

Only the broker is not there: what the hub asks of nodes is in `asked`.
"""

from __future__ import annotations

import asyncio
import os
import threading
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from starlette.applications import Starlette

from edge.base.clock import FakeClock
from edge.keys import PrivateKey, PublicKey
from hub.api.app import make_app
from hub.api.camera_picture import CameraPictureApi
from hub.api.enrol import Enrol
from hub.api.enrolment import EnrolmentApi
from hub.api.live import LiveApi
from hub.api.resources import Api, CameraApis, Stores
from hub.api.streams import Streams
from hub.api.traces import Traces
from hub.api.trials import TrialsApi
from hub.api.upload_store import UploadStore
from hub.api.uploads import Uploads
from hub.archive import SqliteArchive
from hub.archive.audit import Deed
from hub.archive.people import NewUser, UserRole
from hub.archive.problems import Problems
from hub.archive.scope import EVERYTHING, Scope
from hub.clipstore import FileClipStore
from hub.commands import Commander
from hub.commands.message import Asked
from hub.config import HttpSettings, HubSettings, MqttSettings, NodeFileSettings
from hub.console.site import Console
from hub.live import Relay
from hub.registry import sessions, users
from hub.registry.broker_access import BrokerAccess
from hub.registry.enrolment import NodeFiles
from hub.registry.sessions import Lives
from hub.registry.users import Actor
from hub.traces import TraceStore
from hub.trials import Trials
from hub.web.door import Door
from hub.web.gatekeeper import Gatekeeper
from hub.web.live_feed import LiveFeed
from hub.web.login import LogIn
from hub.web.node_gate import NodeGate
from hub.web.server import listen, serve
from hub.web.trail import Trail
from tests.harness.broker import free_port
from tests.harness.credentials import Authority
from tests.hub.people import Client

PASSWORD = "bốn từ không liên quan"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


class Site:
    """Everything but the broker. Time stands still until the test moves it."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.archive = SqliteArchive(folder / "archive.sqlite")
        self.clips = FileClipStore(folder / "clips", suffix=".mp4")
        self.pictures = FileClipStore(folder / "snapshots", suffix=".jpg")
        self.plans = FileClipStore(folder / "plans", suffix=".picture")
        self.problems = Problems(None, self.clock)
        self.ca_file = authority.ca_file
        self._settings = HttpSettings(
            port=free_port(), cert_file=str(authority.cert_file), key_file=str(authority.key_file)
        )
        self.url = f"https://127.0.0.1:{self._settings.port}"
        self.asked: list[Asked] = []
        self.node_keys: dict[str, PublicKey] = {}
        self.commander = Commander(
            PrivateKey(os.urandom(32)), self.clock, publish=self._ask, key_of=self.node_keys.get,
            is_offline=lambda node: node not in self.node_keys,
        )  # fmt: skip
        self.relay = Relay(self.commander)
        self._feed = LiveFeed(self.archive, self.clock)
        self.app = self._make_app()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._listener = listen(self._settings)
        self._thread = threading.Thread(target=self._run, name="site")
        self._thread.start()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _make_app(self) -> Starlette:
        gate = NodeGate(self.archive)
        uploads = Uploads(
            self.archive, self.clips, UploadStore(self.folder / "uploads"), self.clock,
            on_stored=lambda *_: None, gate=gate,
        )  # fmt: skip
        people, lives = self.archive.people, Lives()
        door = Door(self.archive, Trail(self.archive.audit, self.clock), self.clock, lives)
        log_in = LogIn(people, door.trail, self.clock, lives)
        settings = HubSettings(
            str(self.folder), time_zone=str(ZONE), mqtt=MqttSettings(port=free_port()),
            nodes=NodeFileSettings(url=self.url, ca_file=str(self.ca_file)),
        )  # fmt: skip
        self.key = key = PrivateKey(os.urandom(32))
        self.files = files = NodeFiles(settings, self.archive, key, self.clock)
        access = BrokerAccess(settings, self.archive)
        gatekeeper = Gatekeeper(self.archive, access, gate, self.relay.end_of, proof_s=0.0)
        stores = Stores(self.clips, self.pictures, self.plans)
        traces = TraceStore(self.folder / "traces", camera_bytes=2**20, keep_s=86400)
        trials = Trials(self.archive, traces, self.clock)
        console = Console(
            self.archive, self.plans, door, log_in, ZONE, self.clock, self.url, trials, files,
            gatekeeper,
        )  # fmt: skip
        cameras = CameraApis(
            LiveApi(door, self.archive, self.relay),
            CameraPictureApi(door, self.archive, self.pictures, self.commander),
            TrialsApi(door, self.archive, trials),
        )
        api = Api(
            self.archive,
            stores,
            door,
            log_in,
            self._feed,
            lambda: self.problems.all,
            ZONE,
            cameras,
            EnrolmentApi(door, files, gatekeeper),
        )
        return make_app(
            uploads, streams=Streams(self.archive, self.relay, gate),
            traces=Traces(self.archive, traces), api=api.routes,
            enrol=Enrol(self.archive, key, self.clock, door.trail, gatekeeper),
            pages=console.routes, error_page=console.error_page,
        )  # fmt: skip

    async def _serve(self) -> None:
        feeding = asyncio.create_task(self._feed.run())

        async def until() -> None:
            await self._stopping.wait()
            self._feed.close()
            await self.relay.close()

        await serve(self.app, self._settings, self._listener, until)
        feeding.cancel()

    def _ask(self, asked: Asked) -> bool:
        """In place of the broker: a test answers by `commander.take`."""
        self.asked.append(asked)
        return True

    def close(self) -> None:
        """Stop answering."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self.archive.close()

    def actor(self) -> Actor:
        """The test itself, for the audit trail."""
        return Actor(Deed(self.clock.utc(), "test", "command", "", ""))

    def add_user(
        self, name: str, role: UserRole, scope: Scope = EVERYTHING, password: str = PASSWORD
    ) -> None:
        """A user with a password; the scope's areas need not be registered."""
        deed = self.actor().does("user.add", f"user:{name}")
        user = self.archive.people.add_user(NewUser(name, "", role, scope), deed)
        users.set_password(self.archive.people, user, password, self.actor())

    def stranger(self) -> Client:
        """A browser that is not logged in."""
        return Client(self.url, self.ca_file)

    def client(self, name: str, role: UserRole = "viewer", scope: Scope = EVERYTHING) -> Client:
        """A new user's browser, logged in."""
        self.add_user(name, role, scope)
        client = self.stranger()
        reply = client.log_in(name, PASSWORD)
        assert reply.status == 200, reply.text
        return client

    def program(self, name: str, role: UserRole = "viewer") -> Client:
        """A program with a token in the name of a user that is there."""
        user = self.archive.people.user_named(name)
        assert user is not None
        _, secret = sessions.add_token(
            self.archive, user, "test", role, timedelta(days=1), self.actor()
        )
        return Client(self.url, self.ca_file, token=secret)
