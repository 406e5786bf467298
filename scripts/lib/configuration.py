"""docs/configuration.md, made from the dataclasses that hold the settings."""

from __future__ import annotations

import sys
from pathlib import Path

from edge.base import reference, schema
from edge.config.node import NodeSettings
from edge.contract.settings import SettableCamera, SettableNode
from hub.config.settings import HubSettings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
HEAD = """# Configuration reference

Written by `scripts/write-reference` from the code; do not edit. Durations are written `10s`,
`1m30s`, `500ms` or as seconds; sizes `64MiB`, `2GB` or as bytes. `[]` marks a list. An unknown key
is an error that names the nearest known one; all errors are printed at once, and the exit status is
78. Secrets are named by file, and a secret file that others can read is refused.
"""


def from_hub() -> str:
    """What of the node's settings may also be set from the hub."""
    node = ", ".join(f"`{each.path}`" for each in reference.entries(SettableNode))
    camera = ", ".join(f"`{name}`" for name in schema.fields_of(SettableCamera) if name != "name")
    return (
        "The hub may set these over the file (`camwatch-hub settings set`, `camwatch-edge"
        f" show-config`; [how](design/settings.md)): {node}, and of each camera {camera}.\n"
    )


def text() -> str:
    """The whole page."""
    return (
        f"{HEAD}\n## Node: `edge.yaml`\n\nCommented example: `config/edge.example.yaml`.\n\n"
        f"{reference.markdown(NodeSettings)}\n{from_hub()}\n## Hub: `hub.yaml`\n\n"
        f"Commented example: `config/hub.example.yaml`.\n\n{reference.markdown(HubSettings)}"
    )


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(text(), encoding="utf-8")
    else:
        print(text())
