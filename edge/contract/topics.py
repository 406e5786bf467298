"""The MQTT topics, made and taken apart in one place."""

from __future__ import annotations

from dataclasses import dataclass

from edge.contract import names

ROOT = f"camwatch/{names.VERSION}"

STATUS = "status"
RECORD = "record"
SNAPSHOT = "snapshot"
HEALTH = "health"
CAMERA = "camera"
ACK = "ack"
COMMAND = "command"
REPLY = "reply"
UPDATE = "update"
UPDATE_ORDER = f"{UPDATE}/wanted"
UPDATE_STATE = f"{UPDATE}/state"
CONFIG = "config"
WANTED = f"{CONFIG}/wanted"
APPLIED = f"{CONFIG}/applied"


@dataclass(frozen=True)
class Topic:
    """A topic taken apart: the node, the leaf (`record`, `snapshot`, ...) and what follows it."""

    node: str
    leaf: str
    rest: tuple[str, ...] = ()


def status(node: str) -> str:
    """Retained: online or offline; the Will says offline."""
    return f"{ROOT}/{node}/{STATUS}"


def record(node: str) -> str:
    """Journal records, one a message."""
    return f"{ROOT}/{node}/{RECORD}"


def snapshot(node: str, event: str) -> str:
    """JPEG bytes of an event's snapshot."""
    return f"{ROOT}/{node}/{SNAPSHOT}/{event}"


def health(node: str) -> str:
    """How the node is, every 30 s."""
    return f"{ROOT}/{node}/{HEALTH}"


def motion(node: str, camera: str) -> str:
    """Retained: ON while something moves, else OFF."""
    return f"{ROOT}/{node}/{CAMERA}/{camera}/motion"


def tamper(node: str, camera: str) -> str:
    """Retained: ON while something is wrong with the camera's picture, else OFF."""
    return f"{ROOT}/{node}/{CAMERA}/{camera}/tamper"


def camera_status(node: str, camera: str) -> str:
    """Retained: online while the camera delivers packets, else offline."""
    return f"{ROOT}/{node}/{CAMERA}/{camera}/status"


def camera_snapshot(node: str, camera: str) -> str:
    """Retained, from the hub: the camera's newest archived snapshot."""
    return f"{ROOT}/{node}/{CAMERA}/{camera}/snapshot"


def ack(node: str) -> str:
    """From the hub: what it has archived and the node may free."""
    return f"{ROOT}/{node}/{ACK}"


def command(node: str) -> str:
    """From the hub: what the node is asked to do."""
    return f"{ROOT}/{node}/{COMMAND}"


def reply(node: str) -> str:
    """What became of a command; its MQTT 5 response topic."""
    return f"{ROOT}/{node}/{REPLY}"


def reply_picture(node: str, command: str) -> str:
    """JPEG bytes that the reply to that command names by their hash."""
    return f"{ROOT}/{node}/{REPLY}/{command}"


def update_order(node: str) -> str:
    """Retained, from the hub: which release the node shall run."""
    return f"{ROOT}/{node}/{UPDATE_ORDER}"


def update_state(node: str) -> str:
    """Retained: how far the node has come with that."""
    return f"{ROOT}/{node}/{UPDATE_STATE}"


def wanted(node: str) -> str:
    """From the hub, retained: the settings that the node shall have."""
    return f"{ROOT}/{node}/{WANTED}"


def applied(node: str) -> str:
    """Retained: the settings that the node has."""
    return f"{ROOT}/{node}/{APPLIED}"


def of_all_nodes(leaf: str) -> str:
    """The topic filter for one leaf of every node."""
    return f"{ROOT}/+/{leaf}"


def parse(topic: str) -> Topic | None:
    """The parts of one of our topics, or None for any other or malformed one."""
    parts = topic.split("/")
    if len(parts) < 4 or "/".join(parts[:2]) != ROOT or not names.is_node(parts[2]):
        return None
    return Topic(parts[2], parts[3], tuple(parts[4:]))
