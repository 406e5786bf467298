"""The ingest room as one part: session, inbox, writer."""

from __future__ import annotations

from collections.abc import Callable

from edge.base.clock import Clock
from edge.keys import PrivateKey
from hub.archive import Archive
from hub.archive.problems import Problems
from hub.archive.values import Clip, Event
from hub.clipstore import ClipStore
from hub.config import MqttSettings
from hub.ingest.acknowledge import Acknowledger
from hub.ingest.inbox import Inbox
from hub.ingest.intake import Intake
from hub.ingest.session import Session
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
    ) -> None:
        """`check_disk` raises StorageError while there is no room for snapshots; `on_ended` is
        called in the writer's thread, once for each event archived to its end."""
        self._acknowledger = Acknowledger(archive, key)
        inbox = Inbox()
        self._intake = Intake(
            archive, pictures, self._acknowledger, clock, on_ended=on_ended, check_disk=check_disk
        )
        self._session = Session(settings, secret, inbox, clock)
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
    def is_subscribed(self) -> bool:
        """Whether messages reach us."""
        return self._session.is_subscribed

    def acknowledge_clip(self, clip: Clip) -> None:
        """Tell the node that its clip is stored. Any thread may call; raises StorageError."""
        epoch = self._intake.presence.epoch_of(clip.node)
        if epoch is not None:
            self._session.publish(self._acknowledger.make(clip.node, epoch, clips=[clip]))
