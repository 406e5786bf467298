"""Who is there: statuses, keys, the newest health reports, and what is published about nodes."""

from __future__ import annotations

import logging

from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.contract import discovery, health, status, topics
from edge.contract.errors import ContractError
from edge.contract.status import Status
from edge.contract.topics import Topic
from hub.archive import Archive
from hub.archive.values import HealthNote, Refusal, StatusNote
from hub.clipstore import ClipStore
from hub.ingest.acknowledge import Acknowledger
from hub.ingest.message import Message, Publication
from hub.ingest.verify import refuse
from hub.registry.pins import KeyRing

logger = logging.getLogger(__name__)


class Presence:
    """The nodes as they describe themselves. Used by the writer thread."""

    def __init__(self, archive: Archive, pictures: ClipStore, keys: KeyRing) -> None:
        self._archive = archive
        self._pictures = pictures
        self._keys = keys
        self._statuses: dict[str, Status] = {}

    def epoch_of(self, node: str) -> str | None:
        """The journal that the node writes now, once it said so."""
        known = self._statuses.get(node)
        return None if known is None else known.epoch

    def state_of(self, node: str) -> str | None:
        """Online or offline, as it said last; None where nothing was heard since the start."""
        known = self._statuses.get(node)
        return None if known is None else known.state

    def note_status(self, message: Message, topic: Topic) -> StatusNote | Refusal:
        """Check a status and the key it shows; the first key is pinned."""
        try:
            shown = status.decode(message.payload)
        except ContractError as err:
            return refuse(message, err.reason, str(err))
        pinning = self._keys.show(topic.node, shown.key)
        if pinning == "other_key":
            alarm = refuse(message, "other_key", f"shows key {shown.key}, another one is pinned")
            return Refusal(
                alarm.topic, alarm.node, "alarm.other_key", alarm.detail, alarm.payload,
                alarm.received_utc,
            )  # fmt: skip
        if pinning != "pinned":
            return refuse(message, pinning, f"{topic.node}: {pinning.replace('_', ' ')}")
        self._statuses[topic.node] = shown
        return StatusNote(topic.node, shown, message.received_utc)

    def note_health(self, message: Message, topic: Topic) -> HealthNote | Refusal:
        """Check a health report."""
        try:
            health.decode(message.payload)
        except ContractError as err:
            return refuse(message, err.reason, str(err))
        return HealthNote(topic.node, message.payload, message.received_utc)

    def greet(self, note: StatusNote, acknowledger: Acknowledger) -> list[Publication]:
        """What a node that just said it is online needs: its acknowledgement, and what the broker
        may have forgotten about it."""
        if note.status.state != "online":
            return []
        return [
            acknowledger.make_all(note.node, note.status.epoch),
            self._discovery(note.node, note.status),
            *self._newest_pictures(note.node),
        ]

    def discoveries(self) -> list[Publication]:
        """Every known node's discovery message, for a Home Assistant that just started."""
        return [self._discovery(node, known) for node, known in self._statuses.items()]

    def _discovery(self, node: str, known: Status) -> Publication:
        topic, payload = discovery.device(node, known)
        return Publication(topic, payload, qos=1, is_retained=True)

    def _newest_pictures(self, node: str) -> list[Publication]:
        pictures = []
        for shot in self._archive.newest_snapshots(node):
            try:
                content = b"".join(self._pictures.read(shot.sha256))
            except StorageError as err:  # a picture for show; records must not wait for it
                logger.warning("cannot show a snapshot of %s: %s", node, error_chain(err))
            else:
                pictures.append(picture(node, shot.camera, content))
        return pictures


def picture(node: str, camera: str, content: bytes) -> Publication:
    """A camera's newest archived snapshot, for home automation."""
    return Publication(topics.camera_snapshot(node, camera), content, qos=1, is_retained=True)
