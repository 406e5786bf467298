"""Settings files: YAML text to frozen dataclasses, with every problem named.

Beside edge/base rather than in it, because it needs a library (PyYAML); node and hub read their
settings with it. The file is read once, at start.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from edge.base import schema
from edge.base.errors import ConfigError, own_user_hint

T = TypeVar("T")
MAX_BYTES = 1024 * 1024


class _StrictLoader(yaml.SafeLoader):
    """Plain YAML in which a key may stand only once in a mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep=deep)


def load(cls: type[T], path: Path, *, program: str) -> T:
    """The settings in `path` as a `cls`. Raises ConfigError that lists every problem.

    `program` reads them, as the user of the same name.
    """
    try:
        data = path.read_bytes()
    except OSError as err:
        is_closed = isinstance(err, PermissionError)
        raise ConfigError(
            f"cannot read {path}: {err.strerror}",
            hint=own_user_hint(program) if is_closed else "give the file with --config",
        ) from err
    return parse(cls, data, name=str(path))


def parse(cls: type[T], data: bytes, *, name: str) -> T:
    """The settings in `data` as a `cls`; `name` stands in messages. Raises ConfigError."""
    value = _value(data, name)
    try:
        return schema.load(cls, {} if value is None else value, unknown="refuse")
    except schema.SchemaError as err:
        lines = "\n".join(f"  {problem}" for problem in err.problems)
        count = len(err.problems)
        raise ConfigError(f"{name}: {count} problem{'s' * (count > 1)}\n{lines}") from err


def plain(data: bytes, *, name: str) -> dict[str, Any]:
    """The settings in `data` as they stand there, unchecked. Raises ConfigError."""
    value = _value(data, name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{name}: must be a mapping")
    return value


def dump(value: object, *, head: str) -> bytes:
    """Settings as YAML that people can edit, with a comment at its head."""
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    return f"# {head}\n{text}".encode()


def _value(data: bytes, name: str) -> Any:
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{name}: {len(data)} bytes, at most {MAX_BYTES} are read")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as err:
        raise ConfigError(f"{name}: not UTF-8 at byte {err.start}") from err
    try:
        return yaml.load(text, _StrictLoader)  # noqa: S506 - a SafeLoader with one more refusal
    except (yaml.YAMLError, ValueError, RecursionError) as err:
        raise ConfigError(f"{name}: not YAML: {err}") from err
