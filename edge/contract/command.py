"""What the hub asks of a node: one thing, once, now.

A node may have no clock, so a command is not judged by one. The node gives out nonces, each good
for one command and for NONCE_LIFE_S on its own monotonic clock; the hub signs the command with a
nonce in it. So what was recorded, held back or sent again does nothing. Only `nonce` itself comes
without one: it does nothing but ask for one, and every reply brings the next.

Names are a pattern and not a list, so that an older node can say that it does not know one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.base.schema import item
from edge.contract import documents, names

NONCE = "nonce"
LIVE_START = "live.start"
LIVE_STOP = "live.stop"
SNAPSHOT_NOW = "snapshot.now"
RESTART = "restart"
PROVE_KEY = "prove.key"

NONCE_LIFE_S = 30
MAX_LEASE_S = 120

Form = Literal["fmp4", "jpeg"]
Size = Literal["large", "small"]


@dataclass(frozen=True)
class LiveOrder:
    """How a live stream is to be sent to the hub."""

    form: Form = item("fragmented MP4 of the camera's own packets, or a JPEG a second")
    size: Size = item("the camera's large stream, or its small one where it has one")
    token: str = item("sent with the stream: the hub asked for it", pattern=names.RANDOM_PATTERN)
    lease_s: float = item(
        "it ends so long after the last live.start of the same stream", min=1, max=MAX_LEASE_S
    )


@dataclass(frozen=True)
class Command:
    """Something that a node shall do once."""

    v: int = item("major version of the contract", min=names.VERSION, max=names.VERSION)
    node: str = item("the node it is for", pattern=names.NODE_PATTERN)
    id: str = item(
        "of this command, random; its correlation data too", pattern=names.RANDOM_PATTERN
    )
    name: str = item("what to do", pattern=r"[a-z]+(\.[a-z]+)*", max_length=32)
    nonce: str | None = item(
        "given out by the node, unused; every command but `nonce` needs one", None,
        pattern=names.RANDOM_PATTERN,
    )  # fmt: skip
    camera: str | None = item(
        "of live.start and snapshot.now", None, pattern=names.CAMERA_PATTERN
    )  # fmt: skip
    stream: str | None = item(
        "of live.start and live.stop: the stream's id", None, pattern=names.RANDOM_PATTERN
    )  # fmt: skip
    live: LiveOrder | None = item("of live.start", None)
    challenge: str | None = item("of prove.key", None, pattern=r"[0-9a-f]{64}")


def encode(command: Command) -> bytes:
    """The payload bytes, to be signed as they are. Raises ContractError if `decode` would."""
    return documents.dump(command, max_bytes=names.MAX_COMMAND_BYTES)


def decode(payload: bytes) -> Command:
    """The command in `payload`. Raises ContractError. Check the signature first."""
    return documents.load(Command, payload, max_bytes=names.MAX_COMMAND_BYTES)
