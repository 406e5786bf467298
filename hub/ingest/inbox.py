"""The bounded queue between the network thread and the writer, and how batches form.

It holds CAPACITY messages. When it is full, `put` refuses: a QoS 0 message is lost, a QoS 1
message stays unacknowledged and comes again.
"""

from __future__ import annotations

import queue
import time

from hub.ingest.message import Message

CAPACITY = 2000
MAX_BATCH = 500
GATHER_S = 0.02  # from a batch's first message to its commit


class Inbox:
    """A queue of messages that is emptied in batches."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._queue: queue.Queue[Message] = queue.Queue(capacity)

    def put(self, message: Message) -> None:
        """Add at the end. Raises queue.Full; never blocks."""
        self._queue.put_nowait(message)

    def take(self, wait_s: float) -> list[Message]:
        """The next batch, empty after `wait_s` without a message.

        A batch is what comes within GATHER_S of its first message, at most MAX_BATCH messages.
        """
        try:
            batch = [self._queue.get(timeout=wait_s)]
        except queue.Empty:
            return []
        until_mono_s = time.monotonic() + GATHER_S
        while len(batch) < MAX_BATCH:
            left_s = until_mono_s - time.monotonic()
            try:
                batch.append(
                    self._queue.get(timeout=left_s) if left_s > 0 else self._queue.get_nowait()
                )
            except queue.Empty:
                break
        return batch
