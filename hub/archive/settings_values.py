"""What the archive keeps of nodes' settings: the versions that the hub made, what nodes said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge.contract.applied import Applied, FieldProblem

VersionState = Literal["wanted", "pending", "trial", "applied", "refused", "rolled_back"]
"""wanted: no answer yet; pending: the node prepares it; trial: in effect, not proven yet; applied:
in effect, or was until a later one; refused, rolled_back: see `reason` and `detail`."""


@dataclass(frozen=True)
class SettingsVersion:
    """One version of a node's settings. `settings` is what the hub sets, `payload` the document as
    it is sent. `number` rises with every version of any node."""

    number: int
    node: str
    version: int
    made_utc: datetime
    user: str
    note: str | None
    undoes: int | None
    settings: Mapping[str, object]
    payload: bytes
    state: VersionState = "wanted"
    state_utc: datetime | None = None
    reason: str | None = None
    detail: str | None = None
    problems: tuple[FieldProblem, ...] = ()


@dataclass(frozen=True)
class AppliedNote:
    """What a node said of its settings, and when it came."""

    applied: Applied
    payload: bytes
    received_utc: datetime
