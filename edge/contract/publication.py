"""What is published of the contract: every file in config/schema, and the made parts of docs.

`scripts/write-schemas` writes them; a test fails when what stands there is not what this makes.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence

from edge.contract import asyncapi, record, schemas
from edge.contract.channels import CHANNELS
from edge.contract.samples import (
    HUB_PUBLIC,
    HUB_SECRET,
    NODE_PUBLIC,
    NODE_SECRET,
    Sample,
    Sign,
    samples,
)

_BLOCK = re.compile(
    r"(?P<begin><!-- made: (?P<name>[a-z0-9-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)


def files(sign_as_node: Sign, sign_as_hub: Sign) -> dict[str, bytes]:
    """The bytes of each file by its path below config/schema."""
    made = samples(sign_as_node, sign_as_hub)
    examples: dict[str, bytes] = {}
    for sample in made:
        examples.setdefault(sample.channel, sample.payload)
    documents = schemas.documents() | {"asyncapi.json": asyncapi.document(examples)}
    result = {name: pretty(document) for name, document in documents.items()}
    result |= {f"samples/{sample.name}.json": sample.payload for sample in made}
    result["samples/signatures.json"] = pretty(_signatures(made))
    return result


def fill(text: str, made: Sequence[Sample]) -> str:
    """`text` with the content of each `<!-- made: NAME -->` block made anew.

    NAME is `channels` or `types` for a table, or a sample's for its payload. Raises KeyError for
    any other.
    """
    blocks = {sample.name: _fenced(sample.payload) for sample in made}
    blocks |= {"channels": channel_table(), "types": type_table()}
    return _BLOCK.sub(lambda match: match["begin"] + blocks[match["name"]] + match["end"], text)


def pretty(document: Mapping[str, object]) -> bytes:
    """JSON for people and diffs, ending in a newline."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def channel_table() -> str:
    """All channels as a Markdown table."""
    lines = [
        "| topic | from | QoS | retained | signed | payload, at most |",
        "|---|---|---|---|---|---|",
    ]
    for channel in CHANNELS:
        content = " or ".join(f"`{text}`" for text in channel.texts) or (
            f"[{channel.schema}](../config/schema/{channel.schema})" if channel.schema
            else "JPEG" if channel.content == "jpeg" else "JSON"
        )  # fmt: skip
        address = channel.address.replace("{", "<").replace("}", ">")
        lines.append(
            f"| `{address}` | {channel.sender} | {channel.qos} | "
            f"{_yes(channel.is_retained)} | {_yes(channel.is_signed)} | "
            f"{content}, {_size(channel.max_bytes)} |"
        )
    return "\n".join(lines) + "\n"


def type_table() -> str:
    """All record types as a Markdown table."""
    lines = ["| type | says | always has |", "|---|---|---|"]
    for name, body in record.BODIES.items():
        always = "`camera`, `event`" if name in record.EVENTFUL_TYPES else ""
        lines.append(f"| `{name}` | {' '.join((body.__doc__ or '').split())} | {always} |")
    return "\n".join(lines) + "\n"


def _signatures(made: Sequence[Sample]) -> dict[str, object]:
    """How each signed sample is to be verified, and the chain that the records form."""
    return {
        "warning": "Published test keys of RFC 8032 section 7.1. Never use them for anything else.",
        "keys": {
            "record": {"secret": _hex(NODE_SECRET), "public": _base64(NODE_PUBLIC)},
            "ack": {"secret": _hex(HUB_SECRET), "public": _base64(HUB_PUBLIC)},
            "command": {"secret": _hex(HUB_SECRET), "public": _base64(HUB_PUBLIC)},
            "wanted": {"secret": _hex(HUB_SECRET), "public": _base64(HUB_PUBLIC)},
            "applied": {"secret": _hex(NODE_SECRET), "public": _base64(NODE_PUBLIC)},
            "reply": {"secret": _hex(NODE_SECRET), "public": _base64(NODE_PUBLIC)},
            "update_order": {"secret": _hex(HUB_SECRET), "public": _base64(HUB_PUBLIC)},
            "update_state": {"secret": _hex(NODE_SECRET), "public": _base64(NODE_PUBLIC)},
        },
        "messages": [
            {
                "file": f"{sample.name}.json",
                "channel": sample.channel,
                "sha256": record.digest(sample.payload),
                "sig": _base64(sample.signature),
            }
            for sample in made
            if sample.signature is not None
        ],
    }


def _fenced(payload: bytes) -> str:
    return f"```json\n{json.dumps(json.loads(payload), indent=2, ensure_ascii=False)}\n```\n"


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _size(size_bytes: int) -> str:
    return f"{size_bytes // 1024} KiB" if size_bytes >= 1024 else f"{size_bytes} bytes"


def _hex(data: bytes) -> str:
    return data.hex()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
