"""From messages to the archive and to acknowledgements, without a broker."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edge.base.backoff import Backoff
from edge.base.clock import FakeClock
from edge.base.errors import DiskFullError
from edge.contract import ack, applied, discovery, names, status, topics, wanted
from edge.contract.ack import Ack
from edge.contract.applied import Applied
from edge.contract.status import Status
from edge.keys import PrivateKey
from hub.archive import SqliteArchive
from hub.archive.problems import Problems
from hub.archive.values import Batch, Event, EventFilter, Written
from hub.clipstore import FileClipStore
from hub.ingest.acknowledge import Acknowledger
from hub.ingest.inbox import Inbox
from hub.ingest.intake import Intake
from hub.ingest.message import Message, Publication, signature_in, signature_text
from hub.ingest.wishes import Wishes
from hub.ingest.writer import Writer
from hub.registry import accounts, settings
from tests.hub.journals import BOOT, START_UTC, Journal, Line

KEY = PrivateKey(b"h" * 32)
CLOCK = FakeClock(START_UTC)


class Flaky(SqliteArchive):
    """An archive whose writes can be made to fail, and that remembers when it was written."""

    failures = 0
    writes = 0

    def write(self, batch: Batch) -> Written:
        if self.failures:
            self.failures -= 1
            raise DiskFullError("no space")
        self.writes += 1
        return super().write(batch)


@dataclass
class Desk:
    """An intake over a real archive, and what became of things."""

    folder: Path
    archive: Flaky
    pictures: FileClipStore
    intake: Intake
    ended: list[Event]

    def enrol(self, journal: Journal) -> list[Publication]:
        """Account and key of the journal's node."""
        accounts.add(self.archive, journal.node, "node", CLOCK)
        return self.intake.take([status_of(journal)])

    def events(self) -> list[Event]:
        """All archived events."""
        return self.archive.events(EventFilter(), limit=100, before=None)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Nothing archived yet."""
    archive = Flaky(tmp_path / "archive.sqlite")
    pictures = FileClipStore(tmp_path / "snapshots", suffix=".jpg")
    ended: list[Event] = []
    intake = Intake(archive, pictures, Acknowledger(archive, KEY), CLOCK, on_ended=ended.append)
    yield Desk(tmp_path, archive, pictures, intake, ended)
    archive.close()


def status_of(journal: Journal, state: str = "online") -> Message:
    """The node's status."""
    shown = Status(
        1, "online" if state == "online" else "offline", BOOT, "0.1.0", journal.epoch,
        journal.key.public.text, ("door",),
    )  # fmt: skip
    return message(topics.status(journal.node), status.encode(shown))


def message(topic: str, payload: bytes, signature: bytes | None = None) -> Message:
    """As the session hands it over."""
    return Message(topic, payload, signature, START_UTC)


def sent(*lines: Line) -> list[Message]:
    """The records as messages."""
    return [
        message(topics.record(line.header.node), line.payload, line.signature) for line in lines
    ]


def acks(publications: list[Publication]) -> list[Ack]:
    """The acknowledgements among them, each signed by the hub."""
    found = [each for each in publications if topics.parse(each.topic) and "/ack" in each.topic]
    for each in found:
        assert each.signature is not None
        assert KEY.public.verify(each.payload, each.signature)
        assert (each.qos, each.is_retained) == (0, False)
    return [ack.decode(each.payload) for each in found]


def test_a_batch_is_one_transaction_and_one_acknowledgement_a_journal(desk: Desk) -> None:
    """However many records it has."""
    one, two = Journal("gate-1"), Journal("gate-2")
    desk.enrol(one)
    desk.enrol(two)
    before = desk.archive.writes
    found = acks(desk.intake.take(sent(*one.event(), *two.event(), *one.event())))
    assert desk.archive.writes == before + 1
    assert [(each.node, each.upto) for each in found] == [("gate-1", 4), ("gate-2", 2)]
    assert len(desk.ended) == 3


def test_records_sent_again_are_acknowledged_again(desk: Desk) -> None:
    """A lost acknowledgement is harmless; nobody is told twice of an event."""
    journal = Journal()
    desk.enrol(journal)
    lines = journal.event()
    first = acks(desk.intake.take(sent(*lines)))
    assert acks(desk.intake.take(sent(*lines))) == first
    assert len(desk.ended) == len(desk.events()) == 1


def test_records_beyond_a_gap_are_named_one_by_one(desk: Desk) -> None:
    """The node learns what is missing."""
    journal = Journal()
    desk.enrol(journal)
    lines = [journal.booted() for _ in range(5)]
    (found,) = acks(desk.intake.take(sent(lines[0], lines[2], lines[4])))
    assert (found.upto, found.head, found.also) == (1, lines[0].digest, (3, 5))


def test_an_acknowledgement_stays_within_its_limits(desk: Desk) -> None:
    """Also when far more is beyond the gap than one message may carry."""
    journal = Journal()
    desk.enrol(journal)
    lines = [journal.booted() for _ in range(700)]
    (found,) = acks(desk.intake.take(sent(*lines[1:])))
    assert (found.upto, len(found.also)) == (0, ack.MAX_ITEMS)


def test_a_node_that_comes_online_hears_how_far_it_is_archived(desk: Desk) -> None:
    """With its stored pictures, its discovery message, and its newest picture, retained."""
    journal = Journal()
    (greeting,) = acks(desk.enrol(journal))
    assert (greeting.upto, greeting.head) == (0, names.FIRST_HASH)
    lines = journal.event(snapshot=b"jpeg")
    desk.intake.take(sent(*lines))
    where = topics.snapshot("gate-1", str(lines[0].header.event))
    desk.intake.keep_snapshots([message(where, b"jpeg")])
    publications = desk.intake.take([status_of(journal)])
    (greeting,) = acks(publications)
    assert (greeting.upto, greeting.snapshots) == (2, (hashlib.sha256(b"jpeg").hexdigest(),))
    retained = {each.topic: each.payload for each in publications if each.is_retained}
    assert retained[topics.camera_snapshot("gate-1", "door")] == b"jpeg"
    assert discovery.topic("gate-1") in retained


def test_an_offline_node_is_noted_and_not_spoken_to(desk: Desk) -> None:
    """The Will of a node that vanished."""
    journal = Journal()
    desk.enrol(journal)
    assert desk.intake.take([status_of(journal, "offline")]) == []
    assert desk.archive.nodes()[0].state == "offline"


def test_records_wait_for_the_nodes_key(desk: Desk) -> None:
    """Before the first status nothing is archived, acknowledged or held against the node."""
    journal = Journal()
    lines = journal.event()
    accounts.add(desk.archive, "gate-1", "node", CLOCK)
    assert desk.intake.take(sent(*lines)) == []
    assert desk.archive.counts() == {("waiting.key", "gate-1"): 2}
    assert (desk.events(), desk.archive.quarantined(limit=5)) == ([], [])
    desk.intake.take([status_of(journal), *sent(*lines)])
    assert len(desk.events()) == 1


def test_a_node_without_an_account_is_refused(desk: Desk) -> None:
    """Even if a careless broker lets it speak."""
    journal = Journal()
    assert desk.intake.take([status_of(journal), *sent(*journal.event())]) == []
    assert desk.archive.counts() == {
        ("refused.no_account", "gate-1"): 1, ("waiting.key", "gate-1"): 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda each: replace(each, payload=each.payload[:-1]), "not_json"),
        (lambda each: replace(each, payload=each.payload + b" "), "signature"),
        (lambda each: replace(each, payload=b'{"v":2}'), "version"),
        (lambda each: replace(each, payload=b'{"v":1}'), "schema"),
        (lambda each: replace(each, payload=b"x" * 8193), "too_large"),
        (lambda each: replace(each, signature=b"\0" * 64), "signature"),
        (lambda each: replace(each, signature=None), "no_signature"),
        (lambda each: replace(each, topic=topics.record("gate-2")), "other_node"),
        (lambda each: replace(each, topic="camwatch/2/gate-1/record"), "topic"),
        (lambda each: replace(each, topic="camwatch/1/gate-1/ack"), "topic"),
        (lambda each: replace(each, topic="camwatch/1/gate-1/record/more"), "topic"),
    ],
)
def test_a_bad_record_is_quarantined_and_the_others_go_on(
    desk: Desk, change: Callable[[Message], Message], reason: str
) -> None:
    """Each with its reason; good records of the same batch are archived."""
    journal = Journal()
    desk.enrol(journal)
    good, bad = sent(journal.booted(), journal.booted())
    (found,) = acks(desk.intake.take([good, change(bad)]))
    assert found.upto == 1
    (kept,) = desk.archive.quarantined(limit=5)
    assert kept.reason == f"refused.{reason}"


def test_a_snapshot_counts_only_for_the_event_that_announced_it(desk: Desk) -> None:
    """Other pictures, other events, other nodes and misshapen topics store nothing."""
    journal = Journal()
    desk.enrol(journal)
    lines = journal.event(snapshot=b"jpeg")
    desk.intake.take(sent(*lines))
    event = str(lines[0].header.event)
    for topic, payload in (
        (topics.snapshot("gate-1", event), b"other"),
        (topics.snapshot("gate-2", event), b"jpeg"),
        (topics.snapshot("gate-1", event[:-1] + ("0" if event[-1] != "0" else "1")), b"jpeg"),
        (topics.snapshot("gate-1", "x"), b"jpeg"),
        (topics.snapshot("gate-1", event), b"x" * (names.MAX_SNAPSHOT_BYTES + 1)),
    ):
        assert desk.intake.keep_snapshots([message(topic, payload)]) == []
    assert desk.archive.counts() == {
        ("waiting.snapshot", "gate-1"): 2, ("waiting.snapshot", "gate-2"): 1,
        ("refused.topic", "gate-1"): 1, ("refused.too_large", "gate-1"): 1,
    }  # fmt: skip
    right = message(topics.snapshot("gate-1", event), b"jpeg")
    first, again = (acks(desk.intake.keep_snapshots([right])) for _ in range(2))
    assert first == again
    assert first[0].snapshots == (hashlib.sha256(b"jpeg").hexdigest(),)


def test_health_reports_wait_for_company(desk: Desk) -> None:
    """A thousand nodes' reports do not cost a disk flush each; the newest is kept."""
    journal = Journal()
    desk.enrol(journal)
    topic = topics.health("gate-1")
    before = desk.archive.writes
    for uptime_s in (30, 60):
        desk.intake.take([message(topic, health_payload(uptime_s))])
    assert desk.archive.writes == before
    CLOCK.advance(11)
    desk.intake.take([])
    assert desk.archive.writes == before + 1
    assert desk.archive.nodes()[0].health == health_payload(60)
    desk.intake.take([message(topic, b"{}"), *sent(journal.booted())])
    assert desk.archive.counts() == {("refused.version", "gate-1"): 1}


def health_payload(uptime_s: int) -> bytes:
    """A report."""
    return (
        b'{"v":1,"at_utc":"2026-03-01T12:00:00.000Z","clock":{"state":"synced","boot":"'
        + BOOT.encode()
        + b'","mono_ns":5},"uptime_s":%d,"cpu_percent":1,"memory_bytes":1,"disk_free_bytes":1,'
        b'"disk_total_bytes":2,"cameras":[],"outbox":{"records":3,"snapshots":0,"clips":0,'
        b'"clip_bytes":0,"oldest_s":0}}' % uptime_s
    )


class Bench:
    """A writer with its inbox, whose acknowledgements and publications are kept."""

    def __init__(self, desk: Desk) -> None:
        self.acknowledged: list[Message] = []
        self.published: list[Publication] = []
        self.inbox = Inbox()
        self.writer = Writer(
            self.inbox,
            desk.intake,
            publish=self.published.append,
            acknowledge=self.acknowledged.append,
            problems=Problems(desk.folder, CLOCK),
            backoff=Backoff(first_s=0.001, max_s=0.002),
        )

    def run_until(self, is_done: Callable[[], bool]) -> None:
        """Let the thread work."""
        self.writer.start()
        while not is_done():
            assert self.writer._thread.is_alive()
        self.writer.stop(30)


def test_a_full_disk_acknowledges_nothing_and_loses_nothing(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """The same messages are tried again until they are archived; only then acknowledged."""
    journal = Journal()
    desk.enrol(journal)
    desk.archive.failures = 3
    messages = sent(*journal.event())
    with pytest.raises(DiskFullError):
        Bench(desk).writer.run_once(messages)
    bench = Bench(desk)
    for each in messages:
        bench.inbox.put(each)
    with caplog.at_level(logging.ERROR):
        bench.run_until(lambda: len(bench.acknowledged) == 2)
    assert bench.acknowledged == messages
    assert "nothing is acknowledged" in caplog.text
    assert len(desk.events()) == 1
    assert acks(bench.published)[0].upto == 2


def test_a_message_that_breaks_the_hub_is_set_aside_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours cannot hold up other messages, and the message is kept for study."""
    journal = Journal()
    desk.enrol(journal)
    good, bad = sent(journal.booted(), journal.booted())
    real_take = desk.intake.take

    def take(messages: list[Message]) -> list[Publication]:
        if bad in messages:
            raise ZeroDivisionError("a defect")
        return real_take(messages)

    monkeypatch.setattr(desk.intake, "take", take)
    bench = Bench(desk)
    for each in (bad, good):
        bench.inbox.put(each)
    bench.run_until(lambda: len(bench.acknowledged) == 2)
    assert desk.archive.quarantined(limit=5)[0].reason == "refused.internal"
    assert acks(bench.published)[0].upto == 1


def test_a_signature_is_read_from_its_user_property_only_when_well_formed() -> None:
    """64 bytes in base64; anything else is no signature."""
    right = signature_text(b"s" * 64)
    assert signature_in([("other", "x"), ("sig", right)]) == b"s" * 64
    for pairs in ([], [("sig", "")], [("sig", "!!")], [("sig", "AAAA")], [("sig", "đ")]):
        assert signature_in(pairs) is None


def said_of_settings(journal: Journal, version: int) -> Message:
    """What a node says of its settings, signed by it."""
    payload = applied.encode(
        Applied(
            v=names.VERSION, node=journal.node, version=version, state="applied", seen=version,
            at_utc=START_UTC, settings={},
        )
    )  # fmt: skip
    return message(topics.applied(journal.node), payload, journal.key.sign(payload))


def test_settings_are_sent_once_they_are_made_and_to_who_comes_online(desk: Desk) -> None:
    """Signed and retained; the newest version alone, and again where the broker may forget it."""
    intake = Intake(
        desk.archive, desk.pictures, Acknowledger(desk.archive, KEY), CLOCK,
        wishes=Wishes(desk.archive, KEY),
    )  # fmt: skip

    def wanted_in(publications: list[Publication]) -> list[int]:
        found = [each for each in publications if each.topic == topics.wanted("gate-1")]
        for each in found:
            assert each.signature is not None
            assert KEY.public.verify(each.payload, each.signature)
            assert (each.qos, each.is_retained) == (1, True)
        return [wanted.decode(each.payload).version for each in found]

    author = settings.Author("lan", START_UTC)
    settings.make(desk.archive, "gate-1", {}, author)
    settings.make(desk.archive, "gate-1", {"log_level": "debug"}, author)
    assert wanted_in(intake.take([])) == [2]
    assert wanted_in(intake.take([])) == []
    settings.undo(desk.archive, "gate-1", author)
    assert wanted_in(intake.take([])) == [3]
    journal = Journal("gate-1")
    accounts.add(desk.archive, "gate-1", "node", CLOCK)
    assert wanted_in(intake.take([status_of(journal)])) == [3]
    assert wanted_in(intake.take([status_of(journal, "offline")])) == []


def test_what_a_node_says_of_its_settings_is_its_own(desk: Desk) -> None:
    """Kept where its key signed it, also where that came before the key was known."""
    journal, other = Journal("gate-1"), Journal("gate-2")
    accounts.add(desk.archive, "gate-1", "node", CLOCK)
    desk.intake.take([said_of_settings(journal, 7)])
    assert desk.archive.applied_settings() == {}
    desk.intake.take([status_of(journal)])
    assert desk.archive.applied_settings()["gate-1"].applied.version == 7
    forged = said_of_settings(journal, 8)
    desk.intake.take([replace(forged, signature=other.key.sign(forged.payload))])
    desk.intake.take([replace(said_of_settings(other, 9), topic=topics.applied("gate-1"))])
    assert desk.archive.applied_settings()["gate-1"].applied.version == 7
    assert desk.archive.counts()["refused.signature", "gate-1"] == 2
