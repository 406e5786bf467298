"""The table of channels, the AsyncAPI document made from it, and the message checker."""

from __future__ import annotations

import ast
import base64
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.contract import channels, discovery, names, samples, topics
from edge.keys import PrivateKey, PublicKey
from tests.contract.validate import SCHEMA_DIR, MessageError, check_message

SIGNERS = (PrivateKey(samples.NODE_SECRET).sign, PrivateKey(samples.HUB_SECRET).sign)
SAMPLES = {each.name: each for each in samples.samples(*SIGNERS)}
RECORD = SAMPLES["record-03-event-started"]
ASYNCAPI: dict[str, Any] = json.loads((SCHEMA_DIR / "asyncapi.json").read_bytes())
NODE = samples.NODE


def signed(sample: samples.Sample) -> list[tuple[str, str]]:
    assert sample.signature is not None
    return [(names.SIGNATURE_PROPERTY, base64.b64encode(sample.signature).decode())]


def test_every_topic_that_the_code_can_make_is_a_channel() -> None:
    """A topic added to `topics` must be published, too."""
    example = {
        "node": NODE, "camera": "street", "event": samples.EVENT, "command": samples.STREAM,
    }  # fmt: skip
    made = 0
    for function in (*vars(topics).values(), discovery.topic):
        if not inspect.isfunction(function) or not function.__module__.startswith("edge."):
            continue
        if function in (topics.parse, topics.of_all_nodes):
            continue
        topic = function(*(example[name] for name in inspect.signature(function).parameters))
        found = channels.find(topic)
        assert found is not None, topic
        assert found[1] == {name: example[name] for name in found[0].parameters}
        made += 1
    assert made == len(channels.CHANNELS)


@pytest.mark.parametrize(
    "topic",
    [
        "camwatch/1/gate-3", "camwatch/2/gate-3/record", "camwatch/1/Gate/record",
        "camwatch/1/gate-3/record/x", "camwatch/1/gate-3/snapshot/x", "camwatch/1/a/camera//motion",
        "camwatch/1/gate-3/record\n", "x/camwatch/1/gate-3/record", "camwatch/1/+/record", "",
    ],
)  # fmt: skip
def test_a_topic_of_another_shape_is_no_channel(topic: str) -> None:
    """Wrong version, wrong names, too many levels."""
    assert channels.find(topic) is None
    with pytest.raises(MessageError, match="no topic of the contract"):
        check_message(topic, b"")


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    """Inside the document, and to the schema files beside it."""
    references: list[str] = []

    def collect(value: object) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                references.append(value["$ref"])
            for each in value.values():
                collect(each)
        elif isinstance(value, list):
            for each in value:
                collect(each)

    collect(ASYNCAPI)
    assert references
    for reference in references:
        file, _, pointer = reference.partition("#")
        target: Any = ASYNCAPI if not file else json.loads((SCHEMA_DIR / file).read_bytes())
        for part in pointer.split("/")[1:]:
            target = target[part.replace("~1", "/").replace("~0", "~")]
        assert isinstance(target, dict)


def test_the_asyncapi_document_has_the_required_structure() -> None:
    """AsyncAPI 3.0: version, info, and an operation with QoS and retained flag a channel."""
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(ASYNCAPI["info"])
    assert len(ASYNCAPI["channels"]) == len(ASYNCAPI["operations"]) == len(channels.CHANNELS)
    for name, channel in ASYNCAPI["channels"].items():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == set(channel["parameters"])
        assert list(channel["messages"]) == [name]
        assert re.fullmatch(r"[A-Za-z0-9_\-]+", name)
    for operation in ASYNCAPI["operations"].values():
        assert operation["action"] in ("send", "receive")
        (message,) = operation["messages"]
        assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")
        assert operation["bindings"]["mqtt"]["qos"] in (0, 1)
        assert isinstance(operation["bindings"]["mqtt"]["retain"], bool)


def test_signed_channels_say_so_in_their_headers() -> None:
    """What somebody acts on carries `sig`, nothing else does."""
    messages = ASYNCAPI["components"]["messages"]
    signed_ones = {name for name, each in messages.items() if "traits" in each}
    of_nodes = {"record", "reply", "update_state", "applied"}
    assert signed_ones == of_nodes | {"ack", "command", "update_order", "wanted"}
    headers = ASYNCAPI["components"]["messageTraits"]["signed"]["headers"]
    (signature,) = signed(RECORD)
    assert re.search(headers["properties"]["sig"]["pattern"], signature[1])


def test_user_properties_are_read_in_every_form_that_clients_have() -> None:
    """paho's object, pairs, and a mapping."""
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = signed(RECORD)
    for each in (properties, signed(RECORD), dict(signed(RECORD))):
        assert check_message(topics.record(NODE), RECORD.payload, each).name == "record"


@pytest.mark.parametrize(
    ("topic", "payload", "properties", "complaint"),
    [
        (topics.record(NODE), RECORD.payload, None, "0 user properties named sig"),
        (topics.record(NODE), RECORD.payload, [("sig", "!")], "not base64"),
        (topics.record(NODE), RECORD.payload, [("sig", "QUJD")], "signature of 3 bytes"),
        (topics.record("gate-4"), RECORD.payload, signed(RECORD), "speaks of node 'gate-3'"),
        (topics.record(NODE), RECORD.payload.replace(b'"v":1', b'"v":2'), signed(RECORD), "v: "),
        (topics.record(NODE), b"x" * 9000, signed(RECORD), "at most 8192"),
        (topics.record(NODE), b"", signed(RECORD), "not JSON"),
        (topics.health(NODE), b'{"v":1,"v":1}', None, "a key stands twice"),
        (topics.motion(NODE, "street"), b"on", None, "none of ON, OFF"),
        (topics.motion(NODE, "street"), b"", None, "none of ON, OFF"),
        (topics.snapshot(NODE, samples.EVENT), b"GIF89a", None, "no JPEG"),
        (discovery.topic(NODE), b"{}", None, "device is required"),
    ],
)  # fmt: skip
def test_a_message_outside_the_contract_is_named_with_its_reason(
    topic: str, payload: bytes, properties: object, complaint: str
) -> None:
    """The text says the topic and what is wrong."""
    with pytest.raises(MessageError, match=re.escape(complaint)) as caught:
        check_message(topic, payload, properties)
    assert topic in str(caught.value)


def test_a_signature_of_another_key_is_found() -> None:
    """When the caller knows the key, the signature itself is verified."""
    check = (topics.record(NODE), RECORD.payload, signed(RECORD))
    check_message(*check, keys={"record": PublicKey(samples.NODE_PUBLIC)})
    with pytest.raises(MessageError, match="was not made over this payload"):
        check_message(*check, keys={"record": PublicKey(samples.HUB_PUBLIC)})


def test_delivery_that_differs_from_the_contract_is_found() -> None:
    """QoS and the retained flag belong to the contract."""
    topic = topics.camera_status(NODE, "street")
    check_message(topic, b"online", qos=1, is_retained=True)
    with pytest.raises(MessageError, match="QoS 0"):
        check_message(topic, b"online", qos=0)
    with pytest.raises(MessageError, match="not retained"):
        check_message(topic, b"online", is_retained=False)
    with pytest.raises(MessageError, match="retained"):
        check_message(topics.health(NODE), SAMPLES["health"].payload, is_retained=True)


def test_pictures_and_cleared_topics_pass() -> None:
    """A JPEG is known by its markers; an empty payload from the hub clears a retained topic."""
    jpeg = b"\xff\xd8\xff\xe0" + bytes(20) + b"\xff\xd9"
    check_message(topics.snapshot(NODE, samples.EVENT), jpeg)
    check_message(topics.camera_snapshot(NODE, "street"), b"")
    check_message(*discovery.removal(NODE))


def test_the_printed_way_to_verify_a_chain_works() -> None:
    """The Python on the reference page runs, takes the samples and refuses changed ones."""
    page = (SCHEMA_DIR.parents[1] / "docs" / "mqtt.md").read_text(encoding="utf-8")
    code = next(
        each for each in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "def " in each
    )
    space: dict[str, Any] = {}
    exec(code, space)  # noqa: S102 - our own page
    signatures = json.loads((SCHEMA_DIR / "samples" / "signatures.json").read_bytes())
    messages = [
        ((SCHEMA_DIR / "samples" / each["file"]).read_bytes(), each["sig"])
        for each in signatures["messages"]
        if each["channel"] == "record"
    ]
    key = signatures["keys"]["record"]["public"]
    assert len(code.splitlines()) <= 18
    assert (
        space["check_chain"](messages, key) == signatures["messages"][len(messages) - 1]["sha256"]
    )
    with pytest.raises(ValueError, match="breaks at record 2"):
        space["check_chain"]([messages[0], messages[2]], key)
    with pytest.raises(InvalidSignature):
        space["check_chain"]([(messages[0][0] + b" ", messages[0][1])], key)


def test_the_contract_and_the_base_need_the_standard_library_only() -> None:
    """Anyone can take edge/contract and edge/base along; keys are the one room that needs more."""
    root = Path(__file__).parents[2]
    for path in [*root.glob("edge/contract/*.py"), *root.glob("edge/base/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            elif isinstance(node, ast.Import):
                modules = [each.name for each in node.names]
            for module in modules:
                is_ours = module.startswith(("edge.contract", "edge.base"))
                assert is_ours or module.split(".")[0] in sys.stdlib_module_names, (path, module)
