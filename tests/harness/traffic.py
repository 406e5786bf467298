"""Records everything that goes over the broker, for tests to wait for and to judge afterwards."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from paho.mqtt.client import MQTTMessage

from edge.contract import names, topics
from edge.contract.topics import Topic
from tests.harness.child import HarnessError
from tests.harness.link import Account, BrokerAddress, Link

FILTERS = ("camwatch/#", "homeassistant/#")
MAX_SHOWN = 30


@dataclass(frozen=True)
class Message:
    """One message as the broker delivered it.

    `retain` is as its publisher set it. `mono_s` is when it reached the recorder,
    `time.monotonic`.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    user_properties: tuple[tuple[str, str], ...]
    mono_s: float

    @property
    def parts(self) -> Topic | None:
        """The topic taken apart, where it is one of the contract's."""
        return topics.parse(self.topic)

    @property
    def signature(self) -> bytes | None:
        """The signature that came with it; None where there is none that can be read."""
        text = dict(self.user_properties).get(names.SIGNATURE_PROPERTY)
        try:
            return None if text is None else base64.b64decode(text, validate=True)
        except ValueError:
            return None

    def is_leaf(self, leaf: str, node: str | None = None) -> bool:
        """Whether it stands on that leaf (`record`, `status`, ...), of that node or of any."""
        parts = self.parts
        return parts is not None and parts.leaf == leaf and node in (None, parts.node)


Predicate = Callable[[Message], bool]


class Traffic:
    """Everything since it was opened, in order of arrival; retained messages come first.

    Memory grows with what is sent: it is for tests, not for soaks of days. Reconnecting is the
    caller's to do (`reopen`), so that a gap in the record cannot go unseen.
    """

    def __init__(self, address: BrokerAddress, account: Account) -> None:
        self._address = address
        self._account = account
        self._messages: list[Message] = []
        self._changed = threading.Condition()
        self._link: Link | None = None
        self.reopen()

    @property
    def messages(self) -> list[Message]:
        """A copy of all that was seen so far."""
        with self._changed:
            return list(self._messages)

    def matching(self, predicate: Predicate) -> list[Message]:
        """Those seen so far that fit."""
        return [message for message in self.messages if predicate(message)]

    def wait_for(self, predicate: Predicate, timeout_s: float) -> Message:
        """The first that fits, seen or still to come. Raises HarnessError at the timeout."""
        return self.wait_for_count(predicate, 1, timeout_s)[0]

    def wait_for_count(self, predicate: Predicate, count: int, timeout_s: float) -> list[Message]:
        """Until `count` messages fit; all that do. Raises HarnessError at the timeout."""
        deadline = time.monotonic() + timeout_s
        found: list[Message] = []
        at = 0
        with self._changed:
            while True:
                found += [each for each in self._messages[at:] if predicate(each)]
                at = len(self._messages)
                if len(found) >= count:
                    return found
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    what = f"{len(found)} of {count} messages in {timeout_s:g} s"
                    raise HarnessError(f"{what}; seen: {self._shown()}")
                self._changed.wait(left_s)

    def reopen(self) -> None:
        """Connect (again) and subscribe; what was seen stays. Raises HarnessError."""
        self.close()
        self._link = Link(self._address, self._account, on_message=self._note)
        for topic_filter in FILTERS:
            self._link.subscribe(topic_filter)

    def close(self) -> None:
        """Stop recording."""
        if self._link is not None:
            self._link.close()

    def _note(self, message: MQTTMessage) -> None:
        properties = getattr(message.properties, "UserProperty", [])
        noted = Message(
            message.topic,
            bytes(message.payload),
            message.qos,
            bool(message.retain),
            tuple(properties),
            time.monotonic(),
        )
        with self._changed:
            self._messages.append(noted)
            self._changed.notify_all()

    def _shown(self) -> str:
        last = self._messages[-MAX_SHOWN:]
        return ", ".join(f"{each.topic} ({len(each.payload)} B)" for each in last) or "nothing"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
