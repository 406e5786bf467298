"""The ingest room as one part: session, inbox, writer."""

from __future__ import annotations

from collections.abc import Callable

from edge.base.clock import Clock
from edge.keys import PrivateKey, PublicKey
from hub.archive import Archive
from hub.archive.problems import Problems
from hub.archive.values import Clip, Event
from hub.clipstore import ClipStore
from hub.config import MqttSettings
from hub.ingest.acknowledge import Acknowledger
from hub.ingest.inbox import Inbox
from hub.ingest.intake import Intake
from hub.ingest.message import Message, Publication
from hub.ingest.session import Session
from hub.ingest.wishes import Wishes
from hub.ingest.writer import Writer

STOP_TIMEOUT_S = 1.5


class Ingest:
    """Takes what nodes send, from `start` to `stop`."""

    def __init__(
        self,
        settings: MqttSettings,
        secret: str,
        *,
        archive: Archive,
        pictures: ClipStore,
        key: PrivateKey,
        clock: Clock,
        problems: Problems,
        check_disk: Callable[[], None],
        on_ended: Callable[[Event], None] | None = None,
        on_reply: Callable[[Message], None] = lambda _: None,
    ) -> None:
        """`check_disk` raises StorageError while there is no room for snapshots; `on_ended` is
        called in the writer's thread, once for each event archived to its end; `on_reply` in the
        session's, with each reply to a command."""
        self._acknowledger = Acknowledger(archive, key)
        inbox = Inbox()
        self._intake = Intake(
            archive, pictures, self._acknowledger, clock, on_ended=on_ended, check_disk=check_disk,
            wishes=Wishes(archive, key),
        )  # fmt: skip
        self._session = Session(settings, secret, inbox, clock, on_reply=on_reply)
        self._writer = Writer(
            inbox,
            self._intake,
            publish=self._session.publish,
            acknowledge=self._session.acknowledge,
            problems=problems,
        )

    def start(self) -> None:
        """Begin; returns at once."""
        self._writer.start()
        self._session.start()

    def stop(self) -> None:
        """End within a few seconds; what is not committed is not acknowledged."""
        self._writer.stop(STOP_TIMEOUT_S)
        self._session.stop(STOP_TIMEOUT_S)

    @property
    def is_moving(self) -> bool:
        """Whether what comes is worked on; for the watchdog. Any thread may ask."""
        return self._writer.is_moving

    @property
    def is_subscribed(self) -> bool:
        """Whether messages reach us."""
        return self._session.is_subscribed

    def publish(self, publication: Publication) -> bool:
        """Send a message at once; false while there is no broker. Any thread may call."""
        if not self._session.is_subscribed:
            return False
        self._session.publish(publication)
        return True

    def key_of(self, node: str) -> PublicKey | None:
        """The key pinned for that node. Any thread may call."""
        return self._intake.keys.get(node)

    def is_offline(self, node: str) -> bool:
        """Whether the node, or its Will, said last that it is offline. Any thread may call."""
        return self._intake.presence.state_of(node) == "offline"

    def acknowledge_clip(self, clip: Clip) -> None:
        """Tell the node that its clip is stored. Any thread may call; raises StorageError."""
        epoch = self._intake.presence.epoch_of(clip.node)
        if epoch is not None:
            self._session.publish(self._acknowledger.make(clip.node, epoch, clips=[clip]))
