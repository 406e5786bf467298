"""What a batch of messages does to the archive, and what is to be published after it.

No MQTT and no thread in here: messages in, publications out. Everything returned was committed
before; when a call raises StorageError nothing may be acknowledged, and it is called again with
the same messages.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from edge.base import crashpoint
from edge.base.clock import Clock
from edge.contract import discovery, names, topics
from edge.contract.topics import Topic
from hub.archive import Archive
from hub.archive.settings_values import AppliedNote
from hub.archive.values import (
    Arrival,
    Batch,
    Event,
    HealthNote,
    Refusal,
    Snapshot,
    StatusNote,
    Written,
)
from hub.clipstore import ClipStore
from hub.ingest import verify
from hub.ingest.acknowledge import Acknowledger
from hub.ingest.message import Message, Publication
from hub.ingest.presence import Presence, picture
from hub.ingest.wishes import Wishes
from hub.registry.pins import KeyRing

logger = logging.getLogger(__name__)

_Found = Arrival | StatusNote | HealthNote | AppliedNote | Refusal | str
HEALTH_FLUSH = timedelta(seconds=10)  # health reports wait so long for a batch to travel with


class Intake:
    """Takes messages into the archive. Used by one thread at a time."""

    def __init__(
        self,
        archive: Archive,
        pictures: ClipStore,
        acknowledger: Acknowledger,
        clock: Clock,
        *,
        on_ended: Callable[[Event], None] | None = None,
        check_disk: Callable[[], None] = lambda: None,
        wishes: Wishes | None = None,
    ) -> None:
        """`on_ended` is told once of each event that was archived to its end; `check_disk` raises
        StorageError while the disk is away or has no room for snapshots; `wishes` has the settings
        that nodes shall have."""
        self._archive = archive
        self._pictures = pictures
        self._acknowledger = acknowledger
        self._clock = clock
        self._on_ended = on_ended
        self._check_disk = check_disk
        self._wishes = wishes
        self._unproven: dict[str, Message] = {}  # what nodes said before their key was known
        self.keys = KeyRing(archive, clock)
        self.presence = Presence(archive, pictures, self.keys)
        self._healths: dict[str, HealthNote] = {}
        self._healths_since: datetime | None = None

    def take(self, messages: Sequence[Message]) -> list[Publication]:
        """Archive all but snapshots, in one transaction. Raises StorageError.

        Called without messages too, so that waiting health reports are written.
        """
        batch = _Batch()
        for message in messages:
            topic = topics.parse(message.topic)
            if message.topic == discovery.BIRTH_TOPIC:
                batch.is_home_assistant_new |= message.payload == b"online"
            elif topic is None:
                batch.refusals.append(verify.refuse(message, "topic", "not a topic of ours"))
            else:
                self._sort(message, topic, batch)
        if batch.arrivals:
            crashpoint.at("ingest.verified")
        written = self._write(batch)
        if batch.arrivals:
            crashpoint.at("ingest.committed")
        for arrival, outcome in zip(batch.arrivals, written.outcomes, strict=True):
            if outcome in ("conflict", "chain"):
                header = arrival.record.header
                logger.error(
                    "%s: record %s of journal %s refused (%s): not the one that belongs there",
                    header.node, header.seq, header.epoch, outcome,
                )  # fmt: skip
        for event in written.ended:
            if self._on_ended is not None:
                self._on_ended(event)
        return self._publications(batch)

    def keep_snapshots(self, messages: Sequence[Message]) -> list[Publication]:
        """Store announced snapshots, after the records of the same batch. Raises StorageError."""
        stored: list[Snapshot] = []
        hashes: dict[str, list[str]] = {}
        contents: dict[str, bytes] = {}
        counts: Counter[tuple[str, str]] = Counter()
        refusals: list[Refusal] = []
        for message in messages:
            topic = topics.parse(message.topic)
            event = None if topic is None else verify.snapshot_event(topic)
            if topic is None or event is None:
                refusals.append(verify.refuse(message, "topic", "not a topic of ours"))
                continue
            if len(message.payload) > names.MAX_SNAPSHOT_BYTES:
                refusals.append(verify.refuse(message, "too_large", "larger than a snapshot"))
                continue
            sha256 = hashlib.sha256(message.payload).hexdigest()
            shot = self._archive.announced_snapshot(topic.node, event, sha256)
            if shot is None:
                counts["waiting.snapshot", topic.node] += 1
                continue
            hashes.setdefault(topic.node, []).append(sha256)
            if shot.stored_utc is None:
                self._check_disk()
                self._pictures.keep(message.payload, sha256)
                crashpoint.at("ingest.picture")
                stored.append(shot)
                contents[sha256] = message.payload
        if stored:
            self._archive.snapshots_stored(stored, self._clock.utc())
        if counts or refusals:
            self._archive.write(Batch(refusals=tuple(refusals), counts=counts))
        return self._snapshot_publications(stored, hashes, contents)

    def refuse(self, message: Message, reason: str, detail: str) -> None:
        """Quarantine one message. Raises StorageError."""
        self._archive.write(Batch(refusals=(verify.refuse(message, reason, detail),)))

    def _sort(self, message: Message, topic: Topic, batch: _Batch) -> None:
        match found := self._judge(message, topic):
            case Arrival():
                batch.arrivals.append(found)
            case StatusNote():
                batch.statuses.append(found)
                if (waiting := self._unproven.pop(topic.node, None)) is not None:
                    self._sort(waiting, topics.Topic(topic.node, topics.CONFIG), batch)
            case AppliedNote():
                batch.applied.append(found)
            case HealthNote():
                self._healths[found.node] = found
                self._healths_since = self._healths_since or self._clock.utc()
            case Refusal():
                logger.warning("%s: %s: %s", found.topic, found.reason, found.detail)
                batch.refusals.append(found)
            case counter:
                batch.counts[counter, topic.node] += 1

    def _judge(self, message: Message, topic: Topic) -> _Found:
        """What the message is; a text counts what is let go."""
        if topic.leaf == topics.RECORD and not topic.rest:
            return verify.verify_record(message, topic, self.keys.get(topic.node))
        if topic.leaf == topics.STATUS and not topic.rest:
            return self.presence.note_status(message, topic)
        if topic.leaf == topics.HEALTH and not topic.rest:
            return self.presence.note_health(message, topic)
        if topics.applied(topic.node) == message.topic:
            found = verify.verify_applied(message, topic, self.keys.get(topic.node))
            if found == verify.WAITING:  # it is retained, so it does not come again by itself
                self._unproven[topic.node] = message
            return found
        return verify.refuse(message, "topic", "not a topic for the hub")

    def _write(self, batch: _Batch) -> Written:
        is_due = (
            self._healths_since is not None
            and abs(self._clock.utc() - self._healths_since) >= HEALTH_FLUSH
        )
        if batch.is_empty and not is_due:
            return Written((), ())
        healths, self._healths, self._healths_since = tuple(self._healths.values()), {}, None
        return self._archive.write(
            Batch(
                tuple(batch.arrivals), tuple(batch.refusals), tuple(batch.statuses), healths,
                tuple(batch.applied), batch.counts,
            )
        )  # fmt: skip

    def _publications(self, batch: _Batch) -> list[Publication]:
        result: list[Publication] = []
        journals = {
            (arrival.record.header.node, arrival.record.header.epoch): None
            for arrival in batch.arrivals
        }
        for node, epoch in journals:
            result.append(self._acknowledger.make(node, epoch))
        for note in {note.node: note for note in batch.statuses}.values():
            logger.info("%s is %s", note.node, note.status.state)
            result += self.presence.greet(note, self._acknowledger)
            if self._wishes is not None and note.status.state == "online":
                result += self._wishes.of(note.node)
        if batch.is_home_assistant_new:
            result += self.presence.discoveries()
        if self._wishes is not None:
            result += self._wishes.fresh()
        return result

    def _snapshot_publications(
        self, stored: list[Snapshot], hashes: dict[str, list[str]], contents: dict[str, bytes]
    ) -> list[Publication]:
        result: list[Publication] = []
        for node, kept in hashes.items():
            epoch = self.presence.epoch_of(node)
            if epoch is not None:
                result.append(self._acknowledger.make(node, epoch, snapshots=kept))
        for node in {shot.node for shot in stored}:
            result.extend(
                picture(node, shot.camera, contents[shot.sha256])
                for shot in self._archive.newest_snapshots(node)
                if shot.sha256 in contents
            )
        return result


class _Batch:
    """A batch while it is sorted."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.refusals: list[Refusal] = []
        self.statuses: list[StatusNote] = []
        self.applied: list[AppliedNote] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.is_home_assistant_new = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        some = (self.arrivals, self.refusals, self.statuses, self.applied, self.counts)
        return not any(some)
