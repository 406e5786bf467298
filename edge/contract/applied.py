"""The settings that a node has: which version of the hub's is in effect, what became of the newest
one that is not, and what all of it comes to for each camera. Retained, signed by the node.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge.base import schema
from edge.base.schema import item
from edge.contract import documents, names
from edge.contract.settings import Plain, SettableCamera

Outcome = Literal["refused", "rolled_back"]
State = Literal["local", "pending", "trial", "applied"]
MAX_PROBLEMS = 32
MAX_REASON = 300
MAX_WARNINGS = 32


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field, and what to do about it."""

    path: str = item("such as cameras.gate.motion.sensitivity", max_length=200)
    message: str = item("what is wrong", max_length=300)
    hint: str = item("what to do about it", "", max_length=300)


@dataclass(frozen=True)
class Failure:
    """A version that is not in effect, and why. It is not tried again."""

    version: int = item("0 where it names none", min=0, max=names.MAX_SEQ)
    outcome: Outcome = item("refused: never in effect; rolled_back: it was tried")
    reason: str = item(
        "for programs: invalid, older, conflict, signature, node, too_large, malformed, storage, "
        "stream, link, crash, ...", pattern=r"[a-z_]{1,32}",
    )  # fmt: skip
    detail: str = item("for people", max_length=MAX_REASON)
    at_utc: datetime = item("when, by the node's wall clock")
    problems: tuple[FieldProblem, ...] = item("of invalid, field by field", (), max_items=32)


@dataclass(frozen=True)
class Applied:
    """What settings a node runs with."""

    v: int = item("major version of the contract", min=names.VERSION, max=names.VERSION)
    node: str = item("the node it is of", pattern=names.NODE_PATTERN)
    version: int = item(
        "the hub's version in effect; 0: none, edge.yaml alone", min=0, max=names.MAX_SEQ
    )
    state: State = item(
        "pending: the next version is being tried out or waits for an event's end; trial: in"
        " effect, and taken back if a stream or the hub's link dies; applied: in effect for good;"
        " local: edge.yaml alone"
    )
    seen: int = item("the highest version that came; lower ones are refused", min=0,
                     max=names.MAX_SEQ)  # fmt: skip
    at_utc: datetime = item("when it came to be so, by the node's wall clock")
    settings: dict[str, object] = item(
        "what it comes to: log_level, time_zone, and cameras by name, each with all settings that"
        " the hub may set; addresses without passwords"
    )
    from_hub: tuple[str, ...] = item(
        "paths of what the hub sets, such as cameras.gate.motion.sensitivity; all else is the"
        " node's own", (), max_items=2000, max_length=200,
    )  # fmt: skip
    failure: Failure | None = item("the newest version that is not in effect, and why", None)
    warnings: tuple[str, ...] = item(
        "what is legal and probably not meant", (), max_items=MAX_WARNINGS, max_length=300
    )

    def camera(self, name: str) -> SettableCamera | None:
        """What holds for that camera; None where the node did not say. Raises SchemaError."""
        cameras = self.settings.get("cameras")
        plain: Plain | None = cameras.get(name) if isinstance(cameras, dict) else None
        if plain is None:
            return None
        return schema.load(SettableCamera, {"name": name, **plain}, unknown="ignore")


def encode(applied: Applied) -> bytes:
    """The payload bytes, to be signed as they are. Raises ContractError if `decode` would."""
    return documents.dump(applied, max_bytes=names.MAX_APPLIED_BYTES)


def decode(payload: bytes) -> Applied:
    """The document in `payload`. Raises ContractError. Check the signature first."""
    return documents.load(Applied, payload, max_bytes=names.MAX_APPLIED_BYTES)
