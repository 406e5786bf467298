"""Frozen dataclasses as schemas: check and build values, write them back, print JSON Schema.

The wire contract and the settings files are both declared this way, so that what is documented,
what is checked and what the code holds are one thing. Every problem is collected, none is first.

Supported field types: bool, int (64 bits), float, str, datetime (RFC 3339), Literal, other
dataclasses, `X | None`, `tuple[X, ...]`, `tuple[X, Y]`, `dict[str, X]`, and object for any plain
value. What `load` takes and what
`json_schema` describes is the same: 1.0 is a whole number in both, and an optional field may be
null or absent.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from edge.base.clock import UTC_PATTERN, parse_utc, utc_text
from edge.base.errors import CamwatchError
from edge.base.logs import redact

T = TypeVar("T")
Unknown = Literal["refuse", "ignore"]
_KEY = "camwatch"
MISSING = dataclasses.MISSING
MAX_SHOWN = 60  # characters of a wrong value that an error message repeats
MAX_FLOAT = sys.float_info.max
MIN_INT, MAX_INT = -(2**63), 2**63 - 1  # what SQLite, PostgreSQL and most languages can hold


@dataclass(frozen=True)
class Rule:
    """What a field's value must satisfy beyond its type."""

    doc: str
    min: float | None = None
    max: float | None = None
    pattern: str | None = None
    max_items: int | None = None
    max_length: int | None = None
    parse: Callable[[object], object] | None = None
    is_secret: bool = False


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a value: where, what, and what to do about it."""

    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.path or 'document'}: {self.message}{hint}"


class SchemaError(CamwatchError):
    """A value does not fit its schema; `problems` has every reason."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def item(doc: str, default: Any = MISSING, **rule: Any) -> Any:
    """A dataclass field with its documentation and its `Rule`; a class as default is called."""
    metadata = {_KEY: Rule(doc, **rule)}
    if isinstance(default, type):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def rule_of(field: dataclasses.Field[Any]) -> Rule:
    """The rule declared for `field`; an empty one where it was declared without `item`."""
    return typing.cast(Rule, field.metadata.get(_KEY, Rule("")))


@functools.cache
def fields_of(cls: type) -> dict[str, tuple[dataclasses.Field[Any], Any]]:
    """A dataclass's fields by name, each with its resolved type."""
    hints = typing.get_type_hints(cls)
    return {field.name: (field, hints[field.name]) for field in dataclasses.fields(cls)}


def load(cls: type[T], value: object, *, unknown: Unknown, path: str = "") -> T:
    """The dataclass that the plain `value` (from JSON or YAML) describes.

    Raises SchemaError with all problems. `unknown` says whether keys that `cls` does not have are
    refused, as in settings, or ignored, as on the wire.
    """
    problems: list[Problem] = []
    result = _Loader(unknown, problems).dataclass(cls, value, path)
    if problems:
        raise SchemaError(problems)
    return typing.cast(T, result)


def load_part(cls: type, value: object, *, path: str = "", leave_out: str = "") -> dict[str, Any]:
    """Some keys of a `cls`, checked each by itself, as a plain value; none is required.

    Sections are parts of theirs in turn, the items of a list are whole. Values come back as `dump`
    would write them, null where null was given. The key `leave_out` is not known here. Raises
    SchemaError with all problems.
    """
    problems: list[Problem] = []
    result = _Loader("refuse", problems).part(cls, value, path, leave_out)
    if problems:
        raise SchemaError(problems)
    return result


class _Loader:
    """One pass over one document; `problems` grows as it goes."""

    def __init__(self, unknown: Unknown, problems: list[Problem]) -> None:
        self._unknown = unknown
        self._problems = problems

    def _fail(self, path: str, message: str, hint: str = "") -> None:
        self._problems.append(Problem(path, message, hint))

    def dataclass(self, cls: type, value: object, path: str) -> object:
        if not isinstance(value, Mapping):
            self._fail(path, f"must be a mapping, not {_shown(value)}")
            return None
        known = fields_of(cls)
        if self._unknown == "refuse":
            self._refuse_unknown(value, known, path)
        before = len(self._problems)
        values: dict[str, object] = {}
        for name, (field, hint_type) in known.items():
            if name in value:
                rule = rule_of(field)
                values[name] = self.value(hint_type, value[name], rule, _join(path, name))
            elif field.default is MISSING and field.default_factory is MISSING:
                self._fail(_join(path, name), "is required", rule_of(field).doc)
        if len(self._problems) > before:
            return None
        try:
            return cls(**values)
        except ValueError as err:
            self._fail(path, str(err))
            return None

    def part(self, cls: type, value: object, path: str, leave_out: str = "") -> dict[str, Any]:
        if not isinstance(value, Mapping):
            self._fail(path, f"must be a mapping, not {_shown(value)}")
            return {}
        known = {name: each for name, each in fields_of(cls).items() if name != leave_out}
        self._refuse_unknown(value, known, path)
        result: dict[str, Any] = {}
        for name, (field, hint) in known.items():
            if name not in value:
                continue
            where = _join(path, name)
            if dataclasses.is_dataclass(hint):
                result[name] = self.part(typing.cast(type, hint), value[name], where)
            else:
                result[name] = dump(self.value(hint, value[name], rule_of(field), where))
        return result

    def _refuse_unknown(self, value: Mapping[Any, object], known: Iterable[str], path: str) -> None:
        names = list(known)
        for key in value:
            if key not in names:
                near = difflib.get_close_matches(str(key), names, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
                self._fail(_join(path, str(key)[:MAX_SHOWN]), "is not a known key", hint)

    def value(self, hint: Any, value: object, rule: Rule, path: str) -> object:
        if hint is object:
            return value
        hint, origin, is_optional = _shape(hint)
        if value is None and is_optional:
            return None
        if origin is tuple:
            return self._sequence(hint, value, rule, path)
        if origin is dict:
            return self._mapping(hint, value, rule, path)
        if rule.parse is not None:
            try:
                value = rule.parse(value)
            except ValueError as err:
                self._fail(path, f"{_shown(value, rule)} {err}")
                return None
        if dataclasses.is_dataclass(hint):
            if isinstance(value, typing.cast(type, hint)):
                return value
            return self.dataclass(typing.cast(type, hint), value, path)
        return self._scalar(hint, value, rule, path)

    def _sequence(self, hint: Any, value: object, rule: Rule, path: str) -> object:
        args = typing.get_args(hint)
        if not isinstance(value, list | tuple):
            self._fail(path, f"must be a list, not {_shown(value)}")
            return None
        is_open = len(args) == 2 and args[1] is Ellipsis
        if not is_open and len(value) != len(args):
            self._fail(path, f"must have {len(args)} items, not {len(value)}")
            return None
        if rule.max_items is not None and len(value) > rule.max_items:
            self._fail(path, f"has {len(value)} items, at most {rule.max_items} are allowed")
            return None
        kinds = [args[0]] * len(value) if is_open else list(args)
        return tuple(
            self.value(kind, each, rule, f"{path}[{index}]")
            for index, (kind, each) in enumerate(zip(kinds, value, strict=True))
        )

    def _mapping(self, hint: Any, value: object, rule: Rule, path: str) -> object:
        if not isinstance(value, Mapping):
            self._fail(path, f"must be a mapping, not {_shown(value)}")
            return None
        if rule.max_items is not None and len(value) > rule.max_items:
            self._fail(path, f"has {len(value)} keys, at most {rule.max_items} are allowed")
            return None
        kind = typing.get_args(hint)[1]
        result: dict[str, object] = {}
        for key, each in value.items():
            if rule.pattern is not None and not re.fullmatch(rule.pattern, str(key)):
                self._fail(_join(path, str(key)[:MAX_SHOWN]), f"name must match {rule.pattern}")
            result[str(key)] = self.value(
                kind, each, Rule(rule.doc), _join(path, str(key)[:MAX_SHOWN])
            )
        return result

    def _scalar(self, hint: Any, value: object, rule: Rule, path: str) -> object:
        if typing.get_origin(hint) is Literal:
            choices = typing.get_args(hint)
            if not any(type(value) is type(choice) and value == choice for choice in choices):
                self._fail(
                    path,
                    f"must be one of {', '.join(map(str, choices))}, not {_shown(value, rule)}",
                )
            return value
        if hint is datetime:
            return self._moment(value, path)
        if hint is float and type(value) is int and abs(value) <= MAX_FLOAT:
            value = float(value)
        elif type(value) is int and not MIN_INT <= value <= MAX_INT:
            self._fail(path, "is a number of more than 64 bits")
            return None
        elif hint is int and isinstance(value, float) and value.is_integer():
            return self._scalar(int, int(value), rule, path)
        if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
            self._fail(path, f"must be {_TYPE_NAMES[hint]}, not {_shown(value, rule)}")
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._number(value, rule, path)
        if isinstance(value, str):
            if rule.max_length is not None and len(value) > rule.max_length:
                self._fail(
                    path, f"has {len(value)} characters, at most {rule.max_length} are allowed"
                )
            elif rule.pattern is not None and not re.fullmatch(rule.pattern, value):
                self._fail(path, f"must match {rule.pattern}, not {_shown(value, rule)}", rule.doc)
        return value

    def _number(self, value: float, rule: Rule, path: str) -> object:
        if not math.isfinite(value):
            self._fail(path, "must be a finite number")
        elif rule.min is not None and value < rule.min:
            self._fail(path, f"is {value}, the least allowed is {rule.min}")
        elif rule.max is not None and value > rule.max:
            self._fail(path, f"is {value}, the most allowed is {rule.max}")
        return value

    def _moment(self, value: object, path: str) -> object:
        if isinstance(value, str):
            try:
                return parse_utc(value)
            except ValueError:
                pass
        self._fail(path, f"must be a time such as 2026-01-31T23:59:59.000Z, not {_shown(value)}")
        return None


def dump(value: object) -> Any:
    """The plain value (dict, list, ...) of a dataclass, without None; `load` takes it back."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((name, getattr(value, name)) for name in fields_of(type(value)))
        return {name: dump(each) for name, each in pairs if each is not None}
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, tuple | list):
        return [dump(each) for each in value]
    if isinstance(value, dict):
        return {key: dump(each) for key, each in value.items()}
    return value


def json_schema(
    cls: type, *, closed: bool = False, defs: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a dataclass; `closed` refuses other keys.

    With `defs`, the schemas of dataclasses inside it are put there by class name and referred to
    as `#/$defs/<name>`; without, they stand in place.
    """
    properties: dict[str, Any] = {}
    required: list[str] = []
    for name, (field, hint) in fields_of(cls).items():
        rule = rule_of(field)
        properties[name] = _type_schema(hint, rule, closed, defs)
        if rule.doc:
            properties[name]["description"] = rule.doc
        if field.default is MISSING and field.default_factory is MISSING:
            required.append(name)
    result: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    if cls.__doc__ and not cls.__doc__.startswith(f"{cls.__name__}("):
        result["description"] = " ".join(cls.__doc__.split())
    if closed:
        result["additionalProperties"] = False
    return result


def _type_schema(
    hint: Any, rule: Rule, closed: bool, defs: dict[str, Any] | None
) -> dict[str, Any]:
    if hint is object:
        return {}
    hint, origin, is_optional = _shape(hint)
    args = typing.get_args(hint)
    if origin is Literal:
        return {"enum": [*args, None] if is_optional else list(args)}
    if origin is tuple:
        schema = _sequence_schema(args, rule, closed, defs)
    elif origin is dict:
        schema = _mapping_schema(args, rule, closed, defs)
    elif rule.parse is not None:
        schema = {"type": ["string", "number"]}
    elif dataclasses.is_dataclass(hint):
        schema = _dataclass_schema(typing.cast(type, hint), closed, defs)
    elif hint is datetime:
        schema = {"type": "string", "format": "date-time", "pattern": _anchored(UTC_PATTERN)}
    else:
        schema = {"type": _JSON_TYPES[hint]} | _limits(hint, rule)
    if not is_optional:
        return schema
    if isinstance(schema.get("type"), str):
        return schema | {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def _limits(hint: Any, rule: Rule) -> dict[str, Any]:
    is_int = hint is int
    limits = {
        "minimum": MIN_INT if is_int and rule.min is None else rule.min,
        "maximum": MAX_INT if is_int and rule.max is None else rule.max,
        "maxLength": rule.max_length,
        "pattern": _anchored(rule.pattern) if rule.pattern else None,
    }
    return {key: each for key, each in limits.items() if each is not None}


def _dataclass_schema(cls: type, closed: bool, defs: dict[str, Any] | None) -> dict[str, Any]:
    if defs is None:
        return json_schema(cls, closed=closed)
    if cls.__name__ not in defs:
        defs[cls.__name__] = {}  # holds the place, so that a class may contain itself
        defs[cls.__name__] = json_schema(cls, closed=closed, defs=defs)
    return {"$ref": f"#/$defs/{cls.__name__}"}


def _sequence_schema(
    args: tuple[Any, ...], rule: Rule, closed: bool, defs: dict[str, Any] | None
) -> dict[str, Any]:
    """One `items` for equal items, which older drafts read too; else one schema a place."""
    schema: dict[str, Any] = {"type": "array"}
    if len(args) == 2 and args[1] is Ellipsis:
        schema["items"] = _type_schema(args[0], rule, closed, defs)
        return schema | ({"maxItems": rule.max_items} if rule.max_items is not None else {})
    items = [_type_schema(arg, rule, closed, defs) for arg in args]
    if all(each == items[0] for each in items):
        schema["items"] = items[0]
    else:
        schema["prefixItems"] = items
    return schema | {"minItems": len(args), "maxItems": len(args)}


def _mapping_schema(
    args: tuple[Any, ...], rule: Rule, closed: bool, defs: dict[str, Any] | None
) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": _type_schema(args[1], Rule(""), closed, defs),
    }
    if rule.pattern is not None:
        schema["propertyNames"] = {"pattern": _anchored(rule.pattern)}
    if rule.max_items is not None:
        schema["maxProperties"] = rule.max_items
    return schema


@functools.cache
def _shape(hint: Any) -> tuple[Any, Any, bool]:
    """A type without its `| None`, that type's origin, and whether it had one."""
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint, typing.get_origin(hint), False
    (inner,) = (arg for arg in typing.get_args(hint) if arg is not type(None))
    return inner, typing.get_origin(inner), True


_TYPE_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def _anchored(pattern: str) -> str:
    return f"^(?:{pattern})$"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: object, rule: Rule | None = None) -> str:
    """A wrong value as an error message repeats it: short, and never a secret."""
    if rule is not None and rule.is_secret:
        return "the given value"
    if value is None:
        return "nothing"
    try:
        text = redact(repr(value))
    except ValueError:  # an integer too long for Python to write in decimal
        return "a very long number"
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."
