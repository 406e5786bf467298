"""Reading the hub's settings file."""

from __future__ import annotations

from pathlib import Path

from edge import yamlfile
from hub.config.settings import HubSettings


def load_file(path: Path) -> HubSettings:
    """The settings in `path`. Raises ConfigError that lists every problem."""
    return yamlfile.load(HubSettings, path, program="camwatch-hub")


def parse(text: str, *, name: str = "settings") -> HubSettings:
    """The settings in a YAML text. Raises ConfigError; `name` stands in its message."""
    return yamlfile.parse(HubSettings, text.encode("utf-8", "surrogatepass"), name=name)
