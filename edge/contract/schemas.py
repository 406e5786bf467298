"""The JSON Schemas (draft 2020-12) of the wire's documents, one self-contained file each.

What a schema cannot say and the decoder still refuses: more bytes than the channel allows, a key
that stands twice in one object, and a day that no calendar has where the reader does not check
`format`.
"""

from __future__ import annotations

from typing import Any

from edge.base.schema import json_schema
from edge.contract import names
from edge.contract.ack import Ack
from edge.contract.applied import Applied
from edge.contract.command import Command
from edge.contract.health import Health
from edge.contract.record import BODIES, EVENTFUL_TYPES, Header
from edge.contract.release import Release
from edge.contract.reply import Reply
from edge.contract.settings import CAMERAS, MAX_CAMERAS, SettableCamera, SettableNode
from edge.contract.status import Status
from edge.contract.update import UpdateOrder, UpdateState
from edge.contract.wanted import Wanted

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS: dict[str, type] = {
    "ack": Ack,
    "applied": Applied,
    "command": Command,
    "health": Health,
    "release": Release,
    "reply": Reply,
    "status": Status,
    "update_order": UpdateOrder,
    "update_state": UpdateState,
    "wanted": Wanted,
}

Schema = dict[str, Any]


def documents() -> dict[str, Schema]:
    """Every schema by its file name."""
    schemas = {name: _document(cls) for name, cls in DOCUMENTS.items()}
    schemas["record"] = _record()
    schemas["settings"] = _settings()
    return {
        f"{name}.schema.json": {"$schema": DIALECT, "$id": f"{name}.schema.json"} | schema
        for name, schema in sorted(schemas.items())
    }


def _document(cls: type) -> Schema:
    defs: dict[str, Any] = {}
    schema = {"title": cls.__name__} | json_schema(cls, defs=defs)
    return schema | ({"$defs": dict(sorted(defs.items()))} if defs else {})


def _record() -> Schema:
    """One branch a type; the last one lets types pass that this version does not know."""
    defs: dict[str, Any] = {}
    header = json_schema(Header, defs=defs)
    for name, body in BODIES.items():
        defs[name] = _branch(name, header, json_schema(body, defs=defs))
    unknown = header["properties"]["type"] | {"not": {"enum": list(BODIES)}}
    defs["unknown"] = header | {
        "description": "A type that a later version added: keep, chain and acknowledge it.",
        "properties": header["properties"] | {"type": unknown},
    }
    return {
        "title": "Record",
        "description": "One signed line of a node's journal.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in (*BODIES, "unknown")],
        "$defs": dict(sorted(defs.items())),
    }


def _settings() -> Schema:
    """Some of the keys, none of which is required; the items of lists are whole."""
    defs: dict[str, Any] = {}
    camera = json_schema(SettableCamera, closed=True, defs=defs)
    camera["properties"].pop("name")
    sections = [defs[each["$ref"].rpartition("/")[2]] for each in camera["properties"].values()
                if "$ref" in each]  # fmt: skip
    for each in sections:
        sections += [defs[part["$ref"].rpartition("/")[2]] for part in each["properties"].values()
                     if "$ref" in part]  # fmt: skip
    for each in (camera, *sections):
        each["required"] = []
    node = json_schema(SettableNode, closed=True)
    node["properties"][CAMERAS] = {
        "type": "object",
        "description": "By name of the camera.",
        "additionalProperties": camera,
        "propertyNames": {"pattern": f"^(?:{names.CAMERA_PATTERN})$"},
        "maxProperties": MAX_CAMERAS,
    }
    return {
        "title": "Settings",
        "description": "What of a node may be set from the hub: some of these keys.",
        **{key: value for key, value in node.items() if key != "description"},
        "$defs": dict(sorted(defs.items())),
    }


def _branch(name: str, header: Schema, body: Schema) -> Schema:
    properties = header["properties"] | {"type": {"const": name}}
    required = list(header["required"])
    if name in EVENTFUL_TYPES:
        for key in ("camera", "event"):
            properties[key] = properties[key] | {"type": "string"}
            required.append(key)
    return {
        "type": "object",
        "description": body["description"],
        "properties": properties | body["properties"],
        "required": required + body["required"],
    }
