"""Every channel of the wire in one table: who sends it, how, how large, and what it carries.

The AsyncAPI document, the reference in docs/mqtt.md and the checker that the system tests run on
every message are made from it. The addresses come from `topics`, so they cannot differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from edge.contract import discovery, names, topics

Sender = Literal["node", "hub"]
Content = Literal["json", "text", "jpeg", "home-assistant"]

PARAMETERS = {
    "node": names.NODE_PATTERN,
    "camera": names.CAMERA_PATTERN,
    "event": names.EVENT_PATTERN,
    "command": names.RANDOM_PATTERN,
}
PARAMETER_DOCS = {
    "node": "The node's name, which is its MQTT user name too.",
    "camera": "The camera's name at its node.",
    "event": "The event's id, a UUIDv7.",
    "command": "The command's id.",
}
CONTENT_TYPES = {
    "json": "application/json",
    "text": "text/plain",
    "jpeg": "image/jpeg",
    "home-assistant": "application/json",
}


@dataclass(frozen=True)
class Channel:
    """One kind of message. `schema` is its file in config/schema, for `json` only."""

    name: str
    address: str  # with {node}, {camera}, {event} where names stand
    sender: Sender
    qos: int
    is_retained: bool
    is_signed: bool
    content: Content
    max_bytes: int
    doc: str
    schema: str | None = None
    texts: tuple[str, ...] = ()
    answer: str | None = None  # the channel that answers, by response topic and correlation data

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in the address, in order."""
        return tuple(re.findall(r"\{(\w+)\}", self.address))

    def match(self, topic: str) -> dict[str, str] | None:
        """The names in `topic` by parameter, or None when it is no topic of this channel."""
        pattern = re.escape(self.address)
        for name in self.parameters:
            pattern = pattern.replace(rf"\{{{name}\}}", f"(?P<{name}>{PARAMETERS[name]})")
        match = re.fullmatch(pattern, topic)
        return match.groupdict() if match else None


CHANNELS = (
    Channel(
        "status", topics.status("{node}"), "node", 1, True, False, "json",
        names.MAX_STATUS_BYTES,
        "Online, with what the node is, or offline. The offline one is also the Will.",
        schema="status.schema.json",
    ),
    Channel(
        "record", topics.record("{node}"), "node", 1, False, True, "json",
        names.MAX_RECORD_BYTES,
        "One signed line of the node's journal, sent again until the hub acknowledges it.",
        schema="record.schema.json",
    ),
    Channel(
        "snapshot", topics.snapshot("{node}", "{event}"), "node", 1, False, False, "jpeg",
        names.MAX_SNAPSHOT_BYTES,
        "A picture of an event. A record holds its hash, which is what makes it trusted.",
    ),
    Channel(
        "health", topics.health("{node}"), "node", 0, False, False, "json",
        names.MAX_HEALTH_BYTES,
        "How the node is, every 30 s. A missed one is replaced by the next.",
        schema="health.schema.json",
    ),
    Channel(
        "motion", topics.motion("{node}", "{camera}"), "node", 1, True, False, "text", 3,
        "Whether something moves in front of the camera now.",
        texts=("ON", "OFF"),
    ),
    Channel(
        "tamper", topics.tamper("{node}", "{camera}"), "node", 1, True, False, "text", 3,
        "Whether the camera is covered, turned, out of focus, blinded, frozen or black now.",
        texts=("ON", "OFF"),
    ),
    Channel(
        "camera_status", topics.camera_status("{node}", "{camera}"), "node", 1, True, False,
        "text", 7,
        "Whether the camera delivers packets. It means nothing while the node is offline.",
        texts=("online", "offline"),
    ),
    Channel(
        "camera_snapshot", topics.camera_snapshot("{node}", "{camera}"), "hub", 1, True, False,
        "jpeg", names.MAX_SNAPSHOT_BYTES,
        "The camera's newest archived snapshot, for home automation and dashboards.",
    ),
    Channel(
        "ack", topics.ack("{node}"), "hub", 0, False, True, "json", names.MAX_ACK_BYTES,
        "What the hub has committed, so what the node may free. Repeated; a lost one is harmless.",
        schema="ack.schema.json",
    ),
    Channel(
        "command", topics.command("{node}"), "hub", 1, False, True, "json",
        names.MAX_COMMAND_BYTES,
        "Something that the node shall do once, now. A retained one is ignored.",
        schema="command.schema.json", answer="reply",
    ),
    Channel(
        "reply", topics.reply("{node}"), "node", 1, False, True, "json", names.MAX_REPLY_BYTES,
        "What became of a command: one answer each, with the command's correlation data.",
        schema="reply.schema.json",
    ),
    Channel(
        "reply_picture", topics.reply_picture("{node}", "{command}"), "node", 1, False, False,
        "jpeg", names.MAX_SNAPSHOT_BYTES,
        "The picture that a reply names by its hash; it comes before the reply.",
    ),
    Channel(
        "update_order", topics.update_order("{node}"), "hub", 1, True, True, "json",
        names.MAX_UPDATE_BYTES,
        "Which release the node shall run. The release's maker signed its manifest, the hub the"
        " order.",
        schema="update_order.schema.json",
    ),
    Channel(
        "update_state", topics.update_state("{node}"), "node", 1, True, True, "json",
        names.MAX_UPDATE_BYTES,
        "What the node runs, and how far it has come with its order.",
        schema="update_state.schema.json",
    ),
    Channel(
        "wanted", topics.wanted("{node}"), "hub", 1, True, True, "json",
        names.MAX_WANTED_BYTES,
        "The settings that the node shall have. A version that is not higher than all before is"
        " refused; what is in `settings` is described by settings.schema.json.",
        schema="wanted.schema.json",
    ),
    Channel(
        "applied", topics.applied("{node}"), "node", 1, True, True, "json",
        names.MAX_APPLIED_BYTES,
        "The settings that the node has, and why the newest ones are not in effect.",
        schema="applied.schema.json",
    ),
    Channel(
        "home_assistant", discovery.topic("{node}"), "hub", 1, True, False, "home-assistant",
        discovery.MAX_BYTES,
        "Home Assistant's device discovery; an empty payload takes the device away.",
    ),
)  # fmt: skip


def find(topic: str) -> tuple[Channel, dict[str, str]] | None:
    """The channel that `topic` belongs to and the names in it, or None."""
    for channel in CHANNELS:
        parameters = channel.match(topic)
        if parameters is not None:
            return channel, parameters
    return None
