"""The bounded queue between the network thread and the writer, and how batches form.

It holds CAPACITY messages. When it is full, a QoS 0 message is lost and a QoS 1 message makes the
network thread wait, so that TCP holds the broker back. The Receive Maximum alone does not:
Mosquitto 2.0.11 keeps to it only until the first PUBACK, then sends its whole queue (3,800
unacknowledged messages were counted at a maximum of 500), and a message that is let go does not
come again before the next reconnect.
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

    def put(self, message: Message, *, wait_s: float = 0.0) -> None:
        """Add at the end; blocks for up to `wait_s`. Raises queue.Full."""
        self._queue.put(message, block=wait_s > 0, timeout=wait_s or None)

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
