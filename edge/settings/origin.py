"""Which settings hold on this node and where each comes from, for `show-config` and `check-config`.

Reads the files alone, so it may run beside the agent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edge.base.errors import StorageError
from edge.base.schema import SchemaError
from edge.config import node as node_config
from edge.config import overlay
from edge.config.node import NodeSettings
from edge.contract import settings as documents
from edge.contract.settings import Plain
from edge.settings import report
from edge.settings.store import State, read


@dataclass(frozen=True)
class Found:
    """What holds, by path, and where it comes from."""

    settings: NodeSettings
    values: Plain
    origins: dict[str, str]
    state: State
    problem: str = ""
    """Why the hub's settings are not looked at; empty where they are."""

    def to_json(self) -> dict[str, object]:
        """For programs."""
        failure = self.state.failure
        return {
            "node": self.settings.node,
            "version": 0 if self.state.in_effect is None else self.state.in_effect.version,
            "state": self._word,
            "failure": None if failure is None else failure.detail,
            "problem": self.problem or None,
            "values": {
                path: {"value": value, "from": self.origins[path]}
                for path, value in documents.flat(self.values).items()
            },
        }

    def lines(self) -> list[str]:
        """For people."""
        rows = [
            f"{path}: {json.dumps(value, ensure_ascii=False)}   ({self.origins[path]})"
            for path, value in documents.flat(self.values).items()
        ]
        return [self.summary, *rows]

    @property
    def summary(self) -> str:
        """Which of the hub's versions lies over the file, in a line."""
        if self.problem:
            return self.problem
        in_effect, failure = self.state.in_effect, self.state.failure
        if in_effect is None:
            text = "the hub sets nothing here"
        else:
            text = f"version {in_effect.version} of the hub's settings lies over the file"
            text += ", on trial" if self._word == "trial" else ""
        if failure is not None and (in_effect is None or failure.version > in_effect.version):
            text += f"; {failure.version} was {failure.outcome.replace('_', ' ')}: {failure.detail}"
        return text

    @property
    def _word(self) -> str:
        if self.state.in_effect is None:
            return "local"
        return "trial" if self.state.trial is not None and self.state.is_switched else "applied"


def look(path: Path) -> Found:
    """The settings in `path` with the hub's over them. Raises ConfigError."""
    base = node_config.load(path)
    local: dict[str, Any] = yaml.safe_load(path.read_bytes()) or {}
    state, problem = State(), ""
    settings: NodeSettings = base
    plain: Plain = {}
    try:
        state = read(Path(base.state_dir))
        settings, plain = report.laid(base, state.in_effect)
    except StorageError as err:
        problem = f"the hub's settings are not shown: {err}"
    except SchemaError as err:
        problem = f"the hub's settings do not fit this file and are given up: {err}"
    origins = overlay.origins(local, plain, settings)
    return Found(settings, overlay.effective(settings), origins, state, problem)
