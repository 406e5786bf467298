"""Reference tables for settings, written from the dataclasses that hold them."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, Literal

from edge.base import schema, units
from edge.base.schema import MISSING, Rule


@dataclasses.dataclass(frozen=True)
class Entry:
    """One key of a settings file, by its full path."""

    path: str
    default: str
    limits: str
    doc: str


def entries(cls: type, path: str = "") -> list[Entry]:
    """Every key of `cls` and of the sections within it, in order. Lists are shown as `[]`."""
    result: list[Entry] = []
    for name, (field, hint) in schema.fields_of(cls).items():
        rule = schema.rule_of(field)
        inner, is_list = _section(hint)
        where = f"{path}.{name}" if path else name
        result.append(Entry(where, _default(field, inner), _limits(hint, rule), rule.doc))
        if inner is not None:
            result += entries(inner, f"{where}[]" if is_list else where)
    return result


def markdown(cls: type) -> str:
    """The entries as a Markdown table."""
    lines = ["| key | default | allowed | what it is |", "|---|---|---|---|"]
    lines += [
        f"| `{each.path}` | {each.default or '-'} | {each.limits or '-'} | {each.doc} |"
        for each in entries(cls)
    ]
    return "\n".join(lines) + "\n"


def _section(hint: Any) -> tuple[type | None, bool]:
    """The dataclass that `hint` holds, if any, and whether it holds a list of it."""
    args = typing.get_args(hint)
    if typing.get_origin(hint) is tuple and dataclasses.is_dataclass(args[0]):
        return typing.cast(type, args[0]), True
    if dataclasses.is_dataclass(hint):
        return typing.cast(type, hint), False
    return None, False


def _default(field: dataclasses.Field[Any], inner: type | None) -> str:
    if field.default is MISSING and field.default_factory is MISSING:
        return "required"
    if inner is not None or field.default is None or field.default == ():
        return ""
    return f"`{_written(field.default, schema.rule_of(field))}`"


def _written(value: object, rule: Rule) -> str:
    """A value as one writes it in a settings file."""
    if isinstance(value, bool):
        return str(value).lower()
    if rule.parse is units.parse_size_bytes and isinstance(value, int | float):
        return units.format_size(int(value)).replace(".0 ", "").replace(" ", "")
    if rule.parse is units.parse_duration_s and isinstance(value, int | float):
        return f"{value:g}s"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _limits(hint: Any, rule: Rule) -> str:
    if typing.get_origin(hint) is Literal:
        return ", ".join(f"`{choice}`" for choice in typing.get_args(hint))
    if hint is bool:
        return "`true`, `false`"
    if rule.min is None and rule.max is None:
        return ""
    if rule.max is None:
        return f"at least {_written(rule.min, rule)}"
    low = "up" if rule.min is None else _written(rule.min, rule)
    return f"{low} to {_written(rule.max, rule)}"
