"""The node's uplink against a real broker and a real hub, without a camera."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge import keys
from edge.base.clock import SystemClock
from edge.contract import ids, names, record, status, topics
from edge.contract.ack import clip_id
from edge.contract.parts import ClipRef, ClockStamp, Instant
from edge.outbox.outbox import Outbox, clip_name
from edge.uplink import uploader as uploader_module
from edge.uplink.publisher import Publisher
from edge.uplink.session import Address, Session
from edge.uplink.tus import TusClient
from edge.uplink.uploader import Uploader
from tests.harness.broker import Broker
from tests.harness.patience import PATIENCE_S
from tests.harness.plugin import HubFactory, NodeFactory
from tests.harness.processes import Enrolment
from tests.system.town import Town

pytestmark = [pytest.mark.system]
NODE = "gate-3"
WAIT_S = PATIENCE_S


@dataclass
class Uplink:
    """Outbox, session, publisher and uploader as the agent wires them."""

    outbox: Outbox
    session: Session
    publisher: Publisher
    uploader: Uploader
    spool: Path
    threads: list[threading.Thread]

    def announce(self, content: bytes, *, stored: bytes | None = None) -> str:
        """Journal an event with one clip; `stored` is what lies in the spool, if not that."""
        clock = SystemClock()
        now = Instant(clock.utc(), clock.mono_ns())
        event = ids.new_event(datetime.now(UTC))
        (self.spool / clip_name(clip_id(event, 0))).write_bytes(stored or content)
        sha256 = hashlib.sha256(content).hexdigest()
        clip = ClipRef(0, sha256, len(content), 900, "h264", 64, 48, now, 0, 0, (1, 90000), 9)
        self.outbox.append(record.EventStarted("motion", now, (), 0.5), camera="a", event=event)
        self.outbox.append(
            record.EventEnded("motion", now, now, 0, "quiet", (), 0.5, 1, clip),
            camera="a",
            event=event,
        )
        return event

    def start(self) -> None:
        for body in (self.session.run, self.publisher.run, self.uploader.run):
            thread = threading.Thread(target=body)
            thread.start()
            self.threads.append(thread)

    def stop(self) -> None:
        for part in (self.uploader, self.publisher, self.session):
            part.stop()
        for thread in self.threads:
            thread.join(WAIT_S)
        self.outbox.close()


@pytest.fixture
def town(broker: Broker, hub: HubFactory, node: NodeFactory) -> Town:
    return Town(broker, hub, node)


@pytest.fixture
def uplink(town: Town, tmp_path: Path) -> Iterator[Uplink]:
    made = make_uplink(town.enrol(NODE), tmp_path)
    town.hub.start_ready()
    yield made
    made.stop()


def make_uplink(enrolment: Enrolment, folder: Path) -> Uplink:
    spool = folder / "spool"
    spool.mkdir()
    clock = SystemClock()
    key = keys.load_or_make(folder / "node.key")
    secret = enrolment.secret_file.read_text(encoding="ascii").strip()
    outbox = Outbox(
        folder / "journal.db",
        node=NODE,
        key=key,
        clock=clock,
        stamp=lambda: ClockStamp("synced", clock.boot, clock.mono_ns(), 5),
        free=lambda name: (spool / name).unlink(),
    )
    address = Address("127.0.0.1", enrolment.mqtt.port, NODE, secret, None)
    online = status.Status(
        names.VERSION, "online", clock.boot, "0.1.0", outbox.epoch, key.public.text, ("a",)
    )
    session = Session(address, will=(topics.status(NODE), b""), topics=(topics.ack(NODE),))
    session.set_retained(topics.status(NODE), status.encode(online))
    hub_key = keys.PublicKey.from_text(enrolment.public_key_file.read_text(encoding="ascii"))
    sender = Publisher(session, outbox, node=NODE, hub_key=hub_key, clock=clock, spool_dir=spool)
    client = TusClient(enrolment.upload_url, user=NODE, secret=secret, ca_file=None)
    return Uplink(
        outbox, session, sender, Uploader(client, outbox, clock=clock, spool_dir=spool), spool, []
    )


def until(condition: Callable[[], bool]) -> None:
    limit = threading.Event()
    for _ in range(int(WAIT_S / 0.05)):
        if condition():
            return
        limit.wait(0.05)
    raise AssertionError("waited in vain")


def is_empty(uplink: Uplink) -> bool:
    depth = uplink.outbox.depth()
    return depth.records == depth.clips == 0


def test_clips_go_up_and_leave_the_spool_when_the_hub_has_them(town: Town, uplink: Uplink) -> None:
    """Three clips, one larger than a chunk, are archived under their hashes and then freed."""
    events = [
        uplink.announce(bytes([number]) * size) for number, size in enumerate((10, 999, 2_000_000))
    ]
    uplink.start()
    until(lambda: is_empty(uplink))
    until(lambda: not list(uplink.spool.iterdir()))  # a file goes after its row
    assert {row["id"]: row["clips_stored"] for row in town.query()} == dict.fromkeys(events, 1)


def test_an_upload_goes_on_where_a_killed_hub_left_it(
    town: Town, uplink: Uplink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the hub acknowledged of a clip before it was killed is not sent again."""
    monkeypatch.setattr(uploader_module, "CHUNK_BYTES", 256 * 1024)
    content = hashlib.shake_256(b"clip").digest(8_000_000)
    sent: list[int] = []
    killed = threading.Event()
    append = uplink.uploader._client.append

    def slow_append(url: str, offset: int, chunk: bytes) -> int:
        sent.append(offset)
        if len(sent) == 8:
            town.hub.kill()
            killed.set()
        return append(url, offset, chunk)

    monkeypatch.setattr(uplink.uploader._client, "append", slow_append)
    event = uplink.announce(content)
    uplink.start()
    assert killed.wait(WAIT_S)
    town.hub.start_ready()
    until(lambda: is_empty(uplink))
    assert min(sent[8:]) >= sent[6]
    assert town.clip(event, 0, tmp_path / "clip.mp4").read_bytes() == content


def test_a_clip_that_the_hub_refuses_does_not_hold_up_the_next(town: Town, uplink: Uplink) -> None:
    """A file that rotted in the spool is refused by its hash; the good one still arrives."""
    bad = uplink.announce(b"as announced", stored=b"as it rotted")
    good = uplink.announce(b"good")
    uplink.start()
    until(lambda: any(row["id"] == good and row["clips_stored"] for row in town.query()))
    assert {row["id"]: row["clips_stored"] for row in town.query()}[bad] == 0
    assert uplink.outbox.depth().clips == 1
