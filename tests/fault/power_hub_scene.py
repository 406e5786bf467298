"""What a hub is sent in these tests, and what it promises meanwhile: values only."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from unittest import mock

from edge.contract import ids, status, topics
from edge.contract.ack import clip_id
from edge.contract.status import Status
from hub.ingest.message import Message
from tests.hub.journals import BOOT, START_UTC, Journal, Line

NODE = "gate-1"
EVENT = "01890a5d-ac96-774b-bcce-{:012x}"


@dataclass(frozen=True)
class KeyShown:
    """The operator can give this public key to nodes."""

    public: bytes


@dataclass(frozen=True)
class Acknowledged:
    """The hub sent a PUBACK for a record with that hash."""

    sha256: str


@dataclass(frozen=True)
class AckSent:
    """The hub's signed acknowledgement went out."""

    upto: int
    also: tuple[int, ...]
    clips: tuple[str, ...]
    snapshots: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """A client was told that so many bytes of its clip are safe."""

    upload: str
    clip: str
    offset: int


@dataclass(frozen=True)
class TakenBack:
    """The client was told that something went wrong, so it asks again from the beginning."""

    upload: str


@dataclass(frozen=True)
class Scene:
    """What one node has to send: its records, pictures and clips."""

    journal: Journal
    lines: tuple[Line, ...]
    pictures: tuple[tuple[str, bytes], ...]
    clips: dict[str, bytes]

    def messages(self, lines: Sequence[Line] | None = None) -> list[Message]:
        """Records as the broker delivers them."""
        chosen = self.lines if lines is None else lines
        topic = topics.record(NODE)
        return [Message(topic, each.payload, each.signature, START_UTC) for each in chosen]

    def picture_messages(self) -> list[Message]:
        """Snapshots as the broker delivers them."""
        return [
            Message(topics.snapshot(NODE, event), jpeg, None, START_UTC)
            for event, jpeg in self.pictures
        ]

    def greeting(self) -> Message:
        """The node's status."""
        shown = Status(
            1, "online", BOOT, "0.1.0", self.journal.epoch, self.journal.key.public.text,
            ("door",),
        )  # fmt: skip
        return Message(topics.status(NODE), status.encode(shown), None, START_UTC)


@functools.cache
def scene() -> Scene:
    """The same in every process: two events, a picture, a clip in two parts, another clip."""
    journal = Journal(NODE)
    first, second, third = (bytes([n]) * 700 + bytes(range(256)) * 9 for n in (1, 2, 3))
    jpeg = b"\xff\xd8" + b"snapshot" * 300
    journal.booted()
    numbers = itertools.count(1)
    with mock.patch.object(ids, "new_event", lambda _utc: EVENT.format(next(numbers))):
        one = journal.event(clip=second, snapshot=jpeg, more_parts=(first,))
        two = journal.event(clip=third)
    events = [str(lines[0].header.event) for lines in (one, two)]
    clips = {
        clip_id(events[0], 0): first, clip_id(events[0], 1): second, clip_id(events[1], 0): third,
    }  # fmt: skip
    return Scene(journal, tuple(journal.lines), ((events[0], jpeg),), clips)
