"""Reading the settings file: YAML to frozen values, every problem in one error."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import yaml

from edge.base import schema
from edge.base.errors import ConfigError
from hub.config.settings import HubSettings

MAX_FILE_BYTES = 1 << 20


class _Loader(yaml.SafeLoader):
    """Plain YAML, but a key that stands twice is an error instead of a surprise."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.value in seen and isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key_node.value!r} stands twice", key_node.start_mark
                )
            if isinstance(key_node, yaml.ScalarNode):
                seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def load_file(path: Path) -> HubSettings:
    """The settings in `path`. Raises ConfigError that lists every problem, one a line."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path}: more than {MAX_FILE_BYTES} bytes; not a settings file")
        text = path.read_text(encoding="utf-8")
    except OSError as err:
        raise ConfigError(
            f"{path}: {err.strerror}", hint="name another file with --config"
        ) from err
    except UnicodeDecodeError as err:
        raise ConfigError(f"{path}: not UTF-8 at byte {err.start}") from err
    return parse(text, name=str(path))


def parse(text: str, *, name: str = "settings") -> HubSettings:
    """The settings in a YAML text. Raises ConfigError; `name` begins each of its lines."""
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError) as err:
        raise ConfigError(f"{name}: not YAML: {' '.join(str(err).split())}") from err
    try:
        return schema.load(HubSettings, {} if value is None else value, unknown="refuse")
    except schema.SchemaError as err:
        raise ConfigError("\n".join(f"{name}: {problem}" for problem in err.problems)) from err
