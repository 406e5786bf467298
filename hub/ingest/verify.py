"""Whether a message may be archived. Pure: takes the pinned key, touches nothing.

Counter names: `refused.<reason>` was quarantined; `waiting.key` was let go, for the node sends it
again once its key is known.
"""

from __future__ import annotations

from edge.contract import applied, names, record, topics
from edge.contract.errors import ContractError
from edge.contract.topics import Topic
from edge.keys import PublicKey
from hub.archive.settings_values import AppliedNote
from hub.archive.values import Arrival, Refusal
from hub.ingest.message import Message

WAITING = "waiting.key"


def refuse(message: Message, reason: str, detail: str) -> Refusal:
    """The refusal of `message`; `reason` is a short fixed word."""
    topic = topics.parse(message.topic)
    node = "" if topic is None else topic.node
    return Refusal(
        message.topic, node, f"refused.{reason}", detail, message.payload, message.received_utc
    )


def verify_record(message: Message, topic: Topic, key: PublicKey | None) -> Arrival | Refusal | str:
    """The record to archive, why it is refused, or WAITING while the node has no pinned key."""
    try:
        decoded = record.decode(message.payload)
    except ContractError as err:
        return refuse(message, err.reason, str(err))
    if decoded.header.node != topic.node:
        return refuse(message, "other_node", f"claims to be {decoded.header.node}")
    if key is None:
        return WAITING
    signature = _signature(message, key)
    if isinstance(signature, Refusal):
        return signature
    return Arrival(
        decoded,
        message.payload,
        signature,
        record.digest(message.payload),
        message.received_utc,
    )


def verify_applied(
    message: Message, topic: Topic, key: PublicKey | None
) -> AppliedNote | Refusal | str:
    """What a node says of its settings, why it is refused, or WAITING for the node's key."""
    if key is None:
        return WAITING
    signature = _signature(message, key)
    if isinstance(signature, Refusal):
        return signature
    try:
        decoded = applied.decode(message.payload)
    except ContractError as err:
        return refuse(message, err.reason, str(err))
    if decoded.node != topic.node:
        return refuse(message, "other_node", f"claims to be {decoded.node}")
    return AppliedNote(decoded, message.payload, message.received_utc)


def _signature(message: Message, key: PublicKey) -> bytes | Refusal:
    """The node's signature of the payload, or why there is none."""
    if message.signature is None:
        return refuse(message, "no_signature", "no well-formed signature beside the payload")
    if not key.verify(message.payload, message.signature):
        return refuse(message, "signature", f"not signed by {key.fingerprint}")
    return message.signature


def snapshot_event(topic: Topic) -> str | None:
    """The event that a snapshot topic names; None where the topic is malformed."""
    if topic.leaf == topics.SNAPSHOT and len(topic.rest) == 1 and names.is_event(topic.rest[0]):
        return topic.rest[0]
    return None
