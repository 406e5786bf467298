"""The thread that turns messages into archived records: commit first, acknowledge after.

`run` supervises: a failing disk acknowledges nothing, waits and tries the same messages again; a
message that breaks our own code is quarantined alone, so that it cannot hold up the others.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from edge.base import crashpoint
from edge.base.backoff import Backoff
from edge.base.clock import SystemClock
from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.base.mark import Mark
from edge.contract import topics
from hub.archive.problems import Problems
from hub.ingest.inbox import Inbox
from hub.ingest.intake import Intake
from hub.ingest.message import Message, Publication

logger = logging.getLogger(__name__)

IDLE_WAIT_S = 0.25
BATCH_LIMIT_S = 90.0  # for one batch; a worn disk may take many seconds for one fsync
RECORDS, SNAPSHOTS = "records", "snapshots"  # what a failing disk hinders


class Writer:
    """Empties the inbox into the archive, in a thread of its own named `ingest`."""

    def __init__(
        self,
        inbox: Inbox,
        intake: Intake,
        *,
        publish: Callable[[Publication], None],
        acknowledge: Callable[[Message], None],
        problems: Problems | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._inbox = inbox
        self._intake = intake
        self._publish = publish
        self._acknowledge = acknowledge
        self._problems = problems or Problems(None, SystemClock())
        self._backoff = backoff or Backoff(first_s=0.5, max_s=15.0)
        self._stopping = threading.Event()
        self._mark = Mark(SystemClock(), BATCH_LIMIT_S)
        self._thread = threading.Thread(target=self.run, name="ingest", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Finish the batch at hand, if it can be committed at once, and end."""
        self._stopping.set()
        self._thread.join(timeout_s)

    @property
    def is_moving(self) -> bool:
        """Whether it runs and no batch takes too long. Any thread may ask."""
        return self._thread.is_alive() and not self._mark.is_late()

    def run(self) -> None:
        """Until stopped; messages of a failed attempt are kept and tried again."""
        pending: list[Message] = []
        while not self._stopping.is_set():
            self._mark.touch()
            if not pending:
                pending = self._inbox.take(IDLE_WAIT_S)
            try:
                self.run_once(pending)
                pending = []
            except StorageError as err:
                self._wait_after(err)
                continue
            except Exception:
                logger.exception("a batch of %d messages failed; taking them singly", len(pending))
                pending = self._take_singly(pending)
                continue
            self._backoff.reset()

    def run_once(self, messages: Sequence[Message]) -> None:
        """Archive one batch, then acknowledge it. Raises StorageError, nothing acknowledged then
        but what was committed."""
        pictures = [each for each in messages if _is_snapshot(each)]
        others = [each for each in messages if not _is_snapshot(each)]
        self._settle(others, self._intake.take(others))
        if others:
            self._problems.end(RECORDS)
        if pictures:
            self._settle(pictures, self._keep(pictures))

    def _keep(self, pictures: Sequence[Message]) -> list[Publication]:
        """Store snapshots; what the disk does not take is let go and does not hold up records:
        its node was told nothing and sends it again."""
        try:
            publications = self._intake.keep_snapshots(pictures)
        except StorageError as err:
            self._problems.begin(SNAPSHOTS, error_chain(err))
            return []
        self._problems.end(SNAPSHOTS)
        return publications

    def _settle(self, messages: Sequence[Message], publications: Sequence[Publication]) -> None:
        for message in messages:
            self._acknowledge(message)
        if publications:
            crashpoint.at("ingest.puback")
        for publication in publications:
            self._publish(publication)

    def _take_singly(self, messages: Sequence[Message]) -> list[Message]:
        """Quarantine each message that fails alone; returns those that the disk kept waiting."""
        for done, message in enumerate(messages):
            try:
                try:
                    self.run_once([message])
                except StorageError:
                    raise
                except Exception as err:
                    logger.exception("a message on %s broke the hub", message.topic)
                    self._intake.refuse(message, "internal", error_chain(err))
                    self._acknowledge(message)
            except StorageError as err:
                self._wait_after(err)
                return list(messages[done:])
        return []

    def _wait_after(self, err: StorageError) -> None:
        wait_s = self._backoff.next_s()
        text = f"cannot archive, so nothing is acknowledged: {error_chain(err)}"
        self._problems.begin(RECORDS, text)
        logger.debug("%s; next attempt in %.1f s", text, wait_s)
        self._stopping.wait(wait_s)


def _is_snapshot(message: Message) -> bool:
    topic = topics.parse(message.topic)
    return topic is not None and topic.leaf == topics.SNAPSHOT
