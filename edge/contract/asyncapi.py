"""The AsyncAPI 3.0 document of the wire, seen from the hub: what it receives and what it sends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edge.contract import names
from edge.contract.channels import (
    CHANNELS,
    CONTENT_TYPES,
    PARAMETER_DOCS,
    Channel,
)

MQTT_BINDING_VERSION = "0.2.0"
DESCRIPTION = (
    "Nodes watch cameras and keep a signed journal; the hub archives it. MQTT 5 is required. "
    "A PUBACK is not delivery: a node keeps a record until the hub's signed ack. "
    "Unknown fields and record types are ignored, unknown major versions refused."
)

Document = dict[str, Any]


def document(examples: Mapping[str, bytes]) -> Document:
    """The document; `examples` has a payload for each JSON channel, by channel name."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Camwatch",
            "version": f"{names.VERSION}.0.0",
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {_operation_name(channel): _operation(channel) for channel in CHANNELS},
        "components": {
            "messages": {
                channel.name: _message(channel, examples.get(channel.name)) for channel in CHANNELS
            },
            "messageTraits": {"signed": _SIGNED},
        },
    }


_SIGNED: Document = {
    "headers": {
        "type": "object",
        "description": "MQTT 5 user properties.",
        "properties": {
            names.SIGNATURE_PROPERTY: {
                "type": "string",
                "description": "Base64 of the Ed25519 signature over the payload bytes.",
                "pattern": "^[A-Za-z0-9+/]{86}==$",
            }
        },
        "required": [names.SIGNATURE_PROPERTY],
    }
}


def _channel(channel: Channel) -> Document:
    return {
        "address": channel.address,
        "description": channel.doc,
        "parameters": {name: {"description": PARAMETER_DOCS[name]} for name in channel.parameters},
        "messages": {channel.name: {"$ref": f"#/components/messages/{channel.name}"}},
    }


def _operation_name(channel: Channel) -> str:
    return f"{'receive' if channel.sender == 'node' else 'send'}_{channel.name}"


def _operation(channel: Channel) -> Document:
    answer = {} if channel.answer is None else {"reply": _reply(channel.answer)}
    return {
        "action": "receive" if channel.sender == "node" else "send",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "messages": [{"$ref": f"#/channels/{channel.name}/messages/{channel.name}"}],
        "bindings": {
            "mqtt": {
                "qos": channel.qos,
                "retain": channel.is_retained,
                "bindingVersion": MQTT_BINDING_VERSION,
            }
        },
    } | answer


def _reply(channel: str) -> Document:
    """Where the answer comes: the MQTT 5 response topic, with the same correlation data."""
    return {
        "address": {"location": "$message.header#/responseTopic"},
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{channel}"}],
    }


def _message(channel: Channel, example: bytes | None) -> Document:
    message: Document = {
        "name": channel.name,
        "summary": channel.doc,
        "contentType": CONTENT_TYPES[channel.content],
        "x-max-bytes": channel.max_bytes,
        "payload": _payload(channel),
    }
    if channel.is_signed:
        message["traits"] = [{"$ref": "#/components/messageTraits/signed"}]
    if example is not None:
        message["examples"] = [{"payload": json.loads(example)}]
    return message


def _payload(channel: Channel) -> Document:
    if channel.schema is not None:
        return {"$ref": f"./{channel.schema}"}
    if channel.texts:
        return {"type": "string", "enum": list(channel.texts)}
    if channel.content == "jpeg":
        return {"type": "string", "format": "binary", "description": "The JPEG's bytes."}
    return {"type": "object", "description": "As Home Assistant's MQTT integration defines it."}
