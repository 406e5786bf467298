"""How a node is, every 30 s. QoS 0 and not retained: a missed one is replaced by the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge.base.schema import item
from edge.contract import documents, names
from edge.contract.parts import ClockStamp
from edge.contract.record import BlindCause, TamperFault

INTERVAL_S = 30.0
MAX_REASON_CHARS = 120


@dataclass(frozen=True)
class GateHealth:
    """How the node decides which pictures of a camera it decodes, and how well that goes."""

    mode: Literal["gate", "keyframes", "all"] = item(
        "gate: what the sizes of the packets ask for, and a keyframe now and then; keyframes: they"
        " more often, and what the sizes ask for, or some, where all are keyframes; all: every"
        " picture"
    )
    reason: str = item("why this mode, for people", max_length=MAX_REASON_CHARS)
    decoded_share: float = item(
        "of the pictures since the last message; above 1 where some were decoded twice", min=0
    )
    openings: int = item("times that the sizes asked for decoding, since start", min=0)
    false_openings: int = item("those in which no event was found", min=0)
    events: int = item("events that began while nothing was decoded, since start", min=0)
    missed: int = item("those that keyframes or samples found before the sizes did", min=0)


@dataclass(frozen=True)
class CameraHealth:
    """One camera since the last health message."""

    camera: str = item("its name", pattern=names.CAMERA_PATTERN)
    state: Literal["watching", "connecting", "lost"] = item("whether packets arrive")
    packets_per_s: float = item("video packets received", min=0)
    bits_per_s: float = item("of the video stream", min=0)
    analysed_per_s: float = item("frames looked at", min=0)
    ring_s: float = item("seconds of packets held in memory", min=0)
    ring_bytes: int = item("bytes of packets held in memory", min=0)
    dropped_frames: int = item("frames not looked at for want of time, since start", min=0)
    reconnects: int = item("since start", min=0)
    motion: bool = item("whether something moves now")
    watched_s: float | None = item(
        "seconds accounted for as watched since the last message; the account follows the pictures"
        " by up to half a minute",
        None,
        min=0,
    )
    blind: BlindCause | None = item("why it is not watched now; absent while it is", None)
    tampered: TamperFault | None = item("what is wrong with its picture, absent while well", None)
    gate: GateHealth | None = item("which pictures are decoded; absent before a stream came", None)


@dataclass(frozen=True)
class OutboxHealth:
    """What waits for the hub's acknowledgement."""

    records: int = item("records not yet acknowledged", min=0)
    snapshots: int = item("snapshots not yet acknowledged", min=0)
    clips: int = item("clips not yet acknowledged", min=0)
    clip_bytes: int = item("their size", min=0)
    oldest_s: float = item("age of the oldest record not yet acknowledged, 0 for none", min=0)


@dataclass(frozen=True)
class LabelHealth:
    """The optional model that labels events, in its own process, since the agent's start."""

    looks: int = item("frames that it looked at", min=0)
    refused: int = item("frames that it had no time for, or rested after a failure", min=0)
    failed: int = item("times that it could not be loaded, was too slow, or ended", min=0)
    cpu_s: float = item("processor time of its process, loading included", min=0)
    memory_bytes: int = item("the most that its process held", min=0)


@dataclass(frozen=True)
class Health:
    """A node's own view of itself."""

    v: int = item("major version of the contract", min=names.VERSION, max=names.VERSION)
    at_utc: datetime = item("when it was measured")
    clock: ClockStamp = item("how far at_utc can be trusted")
    uptime_s: float = item("of the agent", min=0)
    cpu_percent: float = item("of one core, used by the agent since the last message", min=0)
    memory_bytes: int = item("resident memory of the agent", min=0)
    disk_free_bytes: int = item("where spool and journal live", min=0)
    disk_total_bytes: int = item("where spool and journal live", min=0)
    cameras: tuple[CameraHealth, ...] = item("one entry a camera", max_items=64)
    outbox: OutboxHealth = item("what waits for the hub")
    temperature_c: float | None = item("of the processor, where it can be read", None)
    is_throttled: bool | None = item("slowed by heat or weak power, where it can be read", None)
    problems: tuple[str, ...] = item(
        "what a person should know, one sentence each",
        (),
        max_items=32,
        max_length=names.MAX_PROBLEM_CHARS,
    )
    labels: LabelHealth | None = item("absent where there is no model", None)


def encode(health: Health) -> bytes:
    """The payload bytes. Raises ContractError for what `decode` would refuse."""
    return documents.dump(health, max_bytes=names.MAX_HEALTH_BYTES)


def decode(payload: bytes) -> Health:
    """The health report in `payload`. Raises ContractError."""
    return documents.load(Health, payload, max_bytes=names.MAX_HEALTH_BYTES)
