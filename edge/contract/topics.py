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


def camera_status(node: str, camera: str) -> str:
    """Retained: online while the camera delivers packets, else offline."""
    return f"{ROOT}/{node}/{CAMERA}/{camera}/status"


def camera_snapshot(node: str, camera: str) -> str:
    """Retained, from the hub: the camera's newest archived snapshot."""
    return f"{ROOT}/{node}/{CAMERA}/{camera}/snapshot"


def ack(node: str) -> str:
    """From the hub: what it has archived and the node may free."""
    return f"{ROOT}/{node}/{ACK}"


def of_all_nodes(leaf: str) -> str:
    """The topic filter for one leaf of every node."""
    return f"{ROOT}/+/{leaf}"


def parse(topic: str) -> Topic | None:
    """The parts of one of our topics, or None for any other or malformed one."""
    parts = topic.split("/")
    if len(parts) < 4 or "/".join(parts[:2]) != ROOT or not names.is_node(parts[2]):
        return None
    return Topic(parts[2], parts[3], tuple(parts[4:]))
