"""The JSON Schemas (draft 2020-12) of the wire's documents, one self-contained file each.

What a schema cannot say and the decoder still refuses: more bytes than the channel allows, a key
that stands twice in one object, and a day that no calendar has where the reader does not check
`format`.
"""

from __future__ import annotations

from typing import Any

from edge.base.schema import json_schema
from edge.contract.ack import Ack
from edge.contract.health import Health
from edge.contract.record import BODIES, EVENT_TYPES, Header
from edge.contract.status import Status

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS: dict[str, type] = {"ack": Ack, "health": Health, "status": Status}

Schema = dict[str, Any]


def documents() -> dict[str, Schema]:
    """Every schema by its file name."""
    schemas = {name: _document(cls) for name, cls in DOCUMENTS.items()}
    schemas["record"] = _record()
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


def _branch(name: str, header: Schema, body: Schema) -> Schema:
    properties = header["properties"] | {"type": {"const": name}}
    required = list(header["required"])
    if name in EVENT_TYPES:
        for key in ("camera", "event"):
            properties[key] = properties[key] | {"type": "string"}
            required.append(key)
    return {
        "type": "object",
        "description": body["description"],
        "properties": properties | body["properties"],
        "required": required + body["required"],
    }
