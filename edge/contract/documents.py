"""Reading and writing one JSON document of the wire: size, syntax, version, schema."""

from __future__ import annotations

from typing import TypeVar

from edge.base import schema, strictjson
from edge.contract import names
from edge.contract.errors import ContractError

T = TypeVar("T")
MAX_PROBLEMS = 8  # named in one error message; a hostile document can have hundreds


def parse(payload: bytes, *, max_bytes: int) -> dict[str, object]:
    """The object in `payload`, of a version that we speak. Raises ContractError."""
    if len(payload) > max_bytes:
        raise ContractError("too_large", f"{len(payload)} bytes, at most {max_bytes} are allowed")
    try:
        value = strictjson.loads(payload, max_bytes=max_bytes)
    except ValueError as err:
        raise ContractError("not_json", str(err)) from err
    if not isinstance(value, dict):
        raise ContractError("not_json", "not a JSON object")
    version = value.get("v")
    if version != names.VERSION or isinstance(version, bool):
        raise ContractError(
            "version", f"version {str(version)[:20]!r}, this side speaks {names.VERSION}"
        )
    return value


def load(cls: type[T], payload: bytes, *, max_bytes: int) -> T:
    """The typed document in `payload`. Raises ContractError with every problem in its message."""
    return fit(cls, parse(payload, max_bytes=max_bytes))


def fit(cls: type[T], value: object) -> T:
    """`value` as a `cls`, unknown fields ignored. Raises ContractError."""
    try:
        return schema.load(cls, value, unknown="ignore")
    except schema.SchemaError as err:
        shown = [str(problem) for problem in err.problems[:MAX_PROBLEMS]]
        if len(err.problems) > MAX_PROBLEMS:
            shown.append(f"and {len(err.problems) - MAX_PROBLEMS} more")
        raise ContractError("schema", "; ".join(shown)) from err


def dump(document: object, *, max_bytes: int) -> bytes:
    """The bytes of a typed document, as sent. Raises ContractError for what `load` would refuse."""
    try:
        payload = strictjson.dumps(schema.dump(document))
    except ValueError as err:
        raise ContractError("schema", str(err)) from err
    load(type(document), payload, max_bytes=max_bytes)
    return payload
