"""Checks any message seen on a broker against the published contract in config/schema.

For system tests and for others' CI: `check_message` raises MessageError, an AssertionError, with
every reason in its text. It reads the generated files, not the code, so it stands in for a
stranger's implementation; only the topic table is taken from `edge.contract.channels`.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema

from edge.base import strictjson
from edge.base.clock import parse_utc
from edge.contract import names
from edge.contract.channels import Channel, find
from edge.keys import SIGNATURE_BYTES, PublicKey
from tests.contract.home_assistant import check_device

SCHEMA_DIR = Path(__file__).parents[2] / "config" / "schema"


class MessageError(AssertionError):
    """A message that the contract does not allow; the text says why."""


def check_message(
    topic: str,
    payload: bytes,
    properties: object = None,
    *,
    qos: int | None = None,
    is_retained: bool | None = None,
    keys: Mapping[str, PublicKey] | None = None,
) -> Channel:
    """The channel of a message that follows the contract. Raises MessageError for any other.

    `properties`: paho's, or the user properties as pairs or as a mapping, or None. `qos` and
    `is_retained` as published, so subscribe with QoS 2 and "retain as published", or leave them
    out. `keys`: by channel name, to verify signatures with.
    """
    found = find(topic)
    if found is None:
        raise MessageError(f"{topic}: no topic of the contract")
    channel, parameters = found
    problems = [
        *_delivery_problems(channel, qos, is_retained),
        *_signature_problems(channel, payload, _user_properties(properties), keys or {}),
        *_payload_problems(channel, topic, payload, parameters),
    ]
    if problems:
        raise MessageError(f"{topic} ({channel.name}): " + "; ".join(problems))
    return channel


@functools.cache
def validator(schema_file: str) -> jsonschema.protocols.Validator:
    """The validator of one published schema, with formats and patterns checked as the spec says."""
    schema = json.loads((SCHEMA_DIR / schema_file).read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    extended: type[jsonschema.protocols.Validator] = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
        jsonschema.Draft202012Validator, {"pattern": _pattern}
    )
    return extended(schema, format_checker=_formats)


def schema_problems(schema_file: str, value: Any) -> list[str]:
    """Every reason why `value` does not fit a published schema."""
    problems: list[str] = []
    for error in validator(schema_file).iter_errors(value):
        for each in _reasons(error):
            path = ".".join(str(part) for part in each.absolute_path)
            problems.append(f"{path or 'document'}: {each.message[:200]}")
    return problems


def _reasons(error: jsonschema.ValidationError) -> list[jsonschema.ValidationError]:
    """What is wrong in the one branch of a `oneOf` whose type the document has; else the error."""
    branches: dict[object, list[jsonschema.ValidationError]] = {}
    for each in error.context or []:
        branches.setdefault(each.schema_path[0], []).append(each)
    for errors in branches.values():
        if all(list(each.absolute_path) != ["type"] for each in errors):
            return errors
    return [error]


def _delivery_problems(
    channel: Channel, qos: int | None, is_retained: bool | None
) -> Iterator[str]:
    if qos is not None and qos != channel.qos:
        yield f"QoS {qos}, the contract says {channel.qos}"
    if is_retained is not None and is_retained != channel.is_retained:
        yield "retained" if is_retained else "not retained"


def _signature_problems(
    channel: Channel,
    payload: bytes,
    user_properties: list[tuple[str, str]],
    keys: Mapping[str, PublicKey],
) -> Iterator[str]:
    if not channel.is_signed:
        return
    texts = [value for name, value in user_properties if name == names.SIGNATURE_PROPERTY]
    if len(texts) != 1:
        yield f"{len(texts)} user properties named {names.SIGNATURE_PROPERTY}, must be one"
        return
    try:
        signature = base64.b64decode(texts[0], validate=True)
    except (binascii.Error, ValueError):
        yield "the signature is not base64"
        return
    if len(signature) != SIGNATURE_BYTES:
        yield f"a signature of {len(signature)} bytes, must be {SIGNATURE_BYTES}"
    elif channel.name in keys and not keys[channel.name].verify(payload, signature):
        yield "the signature was not made over this payload with the given key"


def _payload_problems(
    channel: Channel, topic: str, payload: bytes, parameters: Mapping[str, str]
) -> Iterator[str]:
    if len(payload) > channel.max_bytes:
        yield f"{len(payload)} bytes, at most {channel.max_bytes} are allowed"
    elif not payload and channel.sender == "hub" and channel.is_retained:
        return  # clears what was retained
    elif channel.texts:
        if payload not in [text.encode() for text in channel.texts]:
            yield f"{payload[:40]!r} is none of {', '.join(channel.texts)}"
    elif channel.content == "jpeg":
        if not (payload.startswith(b"\xff\xd8\xff") and payload.endswith(b"\xff\xd9")):
            yield f"no JPEG: starts {payload[:4]!r}, ends {payload[-2:]!r}"
    else:
        yield from _json_problems(channel, topic, payload, parameters)


def _json_problems(
    channel: Channel, topic: str, payload: bytes, parameters: Mapping[str, str]
) -> Iterator[str]:
    try:
        value = strictjson.loads(payload, max_bytes=channel.max_bytes)
    except ValueError as err:
        yield f"not JSON as the wire means it: {err}"
        return
    if channel.schema is None:
        yield from check_device(topic, value)
        return
    yield from schema_problems(channel.schema, value)
    said = value.get("node") if isinstance(value, dict) else None
    if said is not None and said != parameters["node"]:
        yield f"speaks of node {said!r} on the topic of {parameters['node']!r}"


def _user_properties(properties: object) -> list[tuple[str, str]]:
    """The pairs in whatever form a client hands them over."""
    pairs = getattr(properties, "UserProperty", properties)
    if pairs is None or not isinstance(pairs, Iterable):
        return []
    if isinstance(pairs, Mapping):
        return [(str(name), str(value)) for name, value in pairs.items()]
    return [(str(name), str(value)) for name, value in pairs]


_formats = jsonschema.FormatChecker(formats=())


@_formats.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or bool(parse_utc(value))


def _pattern(
    validator: Any, pattern: str, instance: object, schema: Any
) -> Iterator[jsonschema.ValidationError]:
    """`$` means the very end, as in ECMA-262; Python's also matches before a last newline."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield jsonschema.ValidationError(f"{instance[:80]!r} does not match {pattern!r}")
