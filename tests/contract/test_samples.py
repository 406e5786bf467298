"""The golden samples: what an integrator holds an implementation against."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.contract import (
    ack,
    applied,
    command,
    health,
    names,
    publication,
    record,
    reply,
    samples,
    status,
    wanted,
)
from edge.contract.channels import CHANNELS
from edge.keys import PrivateKey, PublicKey
from tests.contract.home_assistant import check_device
from tests.contract.validate import SCHEMA_DIR, check_message, schema_problems

ROOT = SCHEMA_DIR.parents[1]
SAMPLE_DIR = SCHEMA_DIR / "samples"
SIGNATURES: dict[str, Any] = json.loads((SAMPLE_DIR / "signatures.json").read_bytes())
SIGNERS = (PrivateKey(samples.NODE_SECRET).sign, PrivateKey(samples.HUB_SECRET).sign)
SAMPLES = samples.samples(*SIGNERS)
ADDRESSES = {channel.name: channel.address for channel in CHANNELS}


def recode_record(payload: bytes) -> bytes:
    decoded = record.decode(payload)
    assert decoded.body is not None
    return record.encode(decoded.header, decoded.body)


RECODE: dict[str, Callable[[bytes], bytes]] = {
    "record": recode_record,
    "ack": lambda payload: ack.encode(ack.decode(payload)),
    "status": lambda payload: status.encode(status.decode(payload)),
    "health": lambda payload: health.encode(health.decode(payload)),
    "command": lambda payload: command.encode(command.decode(payload)),
    "reply": lambda payload: reply.encode(reply.decode(payload)),
    "wanted": lambda payload: wanted.encode(wanted.decode(payload)),
    "applied": lambda payload: applied.encode(applied.decode(payload)),
}


@pytest.mark.parametrize(
    "name", sorted(path.relative_to(SCHEMA_DIR).as_posix() for path in SCHEMA_DIR.rglob("*.json"))
)
def test_a_published_file_is_what_the_code_makes(name: str) -> None:
    """config/schema is generated; run scripts/write-schemas after a change of the contract."""
    made = publication.files(*SIGNERS)
    assert name in made, "no longer made; scripts/write-schemas removes it"
    assert (SCHEMA_DIR / name).read_bytes() == made[name]


def test_every_file_that_the_code_makes_is_published() -> None:
    """A new schema or sample is only published once its file is there."""
    published = {path.relative_to(SCHEMA_DIR).as_posix() for path in SCHEMA_DIR.rglob("*.json")}
    assert published == set(publication.files(*SIGNERS))


def test_every_channel_of_json_and_every_record_type_has_a_sample() -> None:
    """Nothing of the contract is without an example."""
    channels = {sample.channel for sample in SAMPLES}
    assert channels == {
        each.name for each in CHANNELS if "json" in each.content or each.content == "home-assistant"
    }
    types = {json.loads(each.payload)["type"] for each in SAMPLES if each.channel == "record"}
    assert types == set(record.BODIES)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_sample_passes_as_a_message_on_its_topic(sample: samples.Sample) -> None:
    """The published schema, the topic and the signature fit together."""
    properties = []
    if sample.signature is not None:
        properties = [("sig", base64.b64encode(sample.signature).decode())]
    topic = ADDRESSES[sample.channel].replace("{node}", samples.NODE)
    of_node, of_hub = PublicKey(samples.NODE_PUBLIC), PublicKey(samples.HUB_PUBLIC)
    keys = {"record": of_node, "reply": of_node, "ack": of_hub, "command": of_hub}
    keys |= {"wanted": of_hub, "applied": of_node}
    check_message(topic, sample.payload, properties, keys=keys)


@pytest.mark.parametrize(
    "sample", [each for each in SAMPLES if each.channel in RECODE], ids=lambda sample: sample.name
)
def test_decoding_and_encoding_a_sample_gives_the_same_bytes(sample: samples.Sample) -> None:
    """Nothing is lost or respelled on the way through the typed values."""
    assert RECODE[sample.channel](sample.payload) == sample.payload


def test_the_records_of_the_samples_form_one_chain() -> None:
    """seq rises by one from 1, and each prev is the SHA-256 of the payload before."""
    prev = names.FIRST_HASH
    payloads = [path.read_bytes() for path in sorted(SAMPLE_DIR.glob("record-*.json"))]
    assert len(payloads) >= 3
    for seq, payload in enumerate(payloads, start=1):
        value = json.loads(payload)
        assert (value["seq"], value["prev"]) == (seq, prev)
        prev = hashlib.sha256(payload).hexdigest()


@pytest.mark.parametrize("message", SIGNATURES["messages"], ids=lambda message: message["file"])
def test_a_published_signature_verifies_with_the_published_key(message: dict[str, str]) -> None:
    """The expected hash and signature are true, and a changed byte breaks them."""
    payload = (SAMPLE_DIR / message["file"]).read_bytes()
    keys = SIGNATURES["keys"][message["channel"]]
    public = PublicKey.from_text(keys["public"])
    signature = base64.b64decode(message["sig"])
    assert hashlib.sha256(payload).hexdigest() == message["sha256"]
    assert PrivateKey(bytes.fromhex(keys["secret"])).public.text == keys["public"]
    assert public.verify(payload, signature)
    assert not public.verify(payload[:-1] + b" ", signature)


def test_the_sample_acknowledgement_names_the_head_of_the_sample_chain() -> None:
    """`head` is the hash of the record `upto`, which exposes a journal cut at its end."""
    acknowledged = ack.decode((SAMPLE_DIR / "ack.json").read_bytes())
    head = sorted(SAMPLE_DIR.glob("record-*.json"))[acknowledged.upto - 1]
    assert acknowledged.head == hashlib.sha256(head.read_bytes()).hexdigest()


def test_the_sample_proof_is_a_signature_that_nothing_else_can_be() -> None:
    """What prove.key signs is no JSON, so it can be neither record nor reply."""
    said = reply.decode((SAMPLE_DIR / "reply-prove-key.json").read_bytes())
    asked = command.decode((SAMPLE_DIR / "command-prove-key.json").read_bytes())
    assert said.id == asked.id
    assert said.proof is not None
    assert asked.challenge is not None
    signed = reply.proof_bytes(asked.node, asked.challenge)
    assert PublicKey(samples.NODE_PUBLIC).verify(signed, reply.proof_signature(said.proof))
    with pytest.raises(json.JSONDecodeError):
        json.loads(signed)


def test_the_test_keys_are_those_of_rfc_8032() -> None:
    """Signing an empty message gives the signature printed in the RFC, TEST 1."""
    signature = PrivateKey(samples.NODE_SECRET).sign(b"")
    assert signature.hex().startswith(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
    )


def test_an_unknown_record_type_fits_the_schema_and_decodes_without_a_body() -> None:
    """A later version may add types; they are kept, not refused."""
    value = json.loads((SAMPLE_DIR / "record-01-node-booted.json").read_bytes())
    value |= {"type": "camera.painted", "how": "blue"}
    assert schema_problems("record.schema.json", value) == []
    assert record.decode(json.dumps(value).encode()).body is None


def test_the_home_assistant_sample_follows_the_documented_rules() -> None:
    """The golden discovery message is one that Home Assistant takes."""
    payload = json.loads((SAMPLE_DIR / "home-assistant.json").read_bytes())
    assert (
        list(check_device(ADDRESSES["home_assistant"].replace("{node}", "gate-3"), payload)) == []
    )


def test_the_reference_page_holds_the_made_parts_as_made() -> None:
    """docs/mqtt.md cannot go stale; run scripts/write-schemas."""
    page = Path(ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8")
    assert publication.fill(page, SAMPLES) == page
    for channel in CHANNELS:
        assert f"`{channel.address.replace('{', '<').replace('}', '>')}`" in page
