"""Reads a node's history file (edge/outbox/history.py) with nothing but the standard library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Key = tuple[str, str, int]  # node, epoch, seq


@dataclass
class History:
    """What nodes journalled, as told by themselves while they did it."""

    intents: dict[str, Json] = field(default_factory=dict)
    """By hash, each record that was about to be committed."""
    returned: dict[str, Json] = field(default_factory=dict)
    """By hash, each record that `append` returned for; it must not be lost."""
    nodes: set[str] = field(default_factory=set)
    cut_lines: int = 0

    def read(self, path: Path) -> None:
        """Take in one file; a line cut short by a kill is skipped. Raises ValueError for a lie."""
        with path.open("rb") as file:
            for line in file:
                if line.strip():
                    self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
        except ValueError:
            self.cut_lines += 1
            return
        if "intent" in entry:
            payload = entry["payload"].encode()
            if hashlib.sha256(payload).hexdigest() != entry["intent"]:
                raise ValueError(f"the history's own hash of {entry['payload'][:80]} is wrong")
            body = json.loads(payload)
            self.intents[entry["intent"]] = body
            self.nodes.add(body["node"])
        else:
            self.returned[entry["returned"]] = self.intents[entry["returned"]]


def read_histories(paths: Iterable[Path]) -> History:
    """All files as one history."""
    history = History()
    for path in paths:
        history.read(path)
    return history


def key_of(body: Json) -> Key:
    """A record's identity."""
    return body["node"], body["epoch"], body["seq"]
