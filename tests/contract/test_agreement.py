"""The published schemas and the decoders say the same of every document."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.contract import (
    ack,
    applied,
    command,
    health,
    record,
    reply,
    samples,
    status,
    update,
    wanted,
)
from edge.contract.errors import ContractError
from edge.keys import PrivateKey
from tests.contract.validate import schema_problems

SIGNERS = (PrivateKey(samples.NODE_SECRET).sign, PrivateKey(samples.HUB_SECRET).sign)
SEEDS: dict[str, list[dict[str, Any]]] = {}
for each in samples.samples(*SIGNERS):
    SEEDS.setdefault(each.channel, []).append(json.loads(each.payload))
DECODERS: dict[str, Callable[[bytes], object]] = {
    "record": record.decode,
    "ack": ack.decode,
    "status": status.decode,
    "health": health.decode,
    "command": command.decode,
    "reply": reply.decode,
    "update_order": update.decode_order,
    "update_state": update.decode_state,
    "wanted": wanted.decode,
    "applied": applied.decode,
}
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(
        [0, 1, -1, 2, 0.0, 1.0, 1.5, -0.0, 0.5, 1e300, 2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**63]
    ),
    st.sampled_from([-(2**63), -(2**63) - 1, 65535, 65536, 10_000, 9.0e18, 1e19]),
    st.sampled_from(
        ["", "a", "gate-3", "gate-3\n", "Gate", "-a", "a" * 32, "a" * 33, "0" * 64, "0" * 64 + "\n"]
    ),
    st.sampled_from(
        [
            "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456789+07:00", "2026-01-01T00:00:00",
            "2026-01-01 00:00:00Z", "20260101T000000Z", "2026-01-01T00:00:00Z\n", "2026-W01-1",
            "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+23:59", "٢٠٢٦-01-01T00:00:00Z",
            "2026-01-01T00:00:00,5Z", "2026-01-01t00:00:00z", "2026-01-01T24:00:00Z",
        ]
    ),
    st.sampled_from(["motion", "quiet", "h264", "online", "synced", "event.ended", "camera.moved"]),
    st.just(samples.EVENT),
    st.just(samples.EVENT + ".0"),
    st.text(max_size=8),
    st.lists(st.integers(-1, 2) | st.floats(0, 1) | st.text(max_size=3), max_size=5),
    st.just([]),
    st.just({}),
)  # fmt: skip


@st.composite
def documents(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A true document with one to three fields, at any depth, changed, removed or added."""
    value: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(SEEDS[name])))
    for _ in range(draw(st.integers(1, 3))):
        target: Any = value
        while True:
            keys = sorted(target) if isinstance(target, dict) else list(range(len(target)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if not isinstance(target[key], dict | list) or draw(st.integers(0, 3)) == 0:
                break
            target = target[key]
        action = draw(st.sampled_from(["change", "change", "change", "remove", "add"]))
        if action == "add" and isinstance(target, dict):
            added = draw(st.sampled_from(["extra", "event", "camera", "box", "fault"]))
            target[added] = copy.deepcopy(draw(LEAVES))
        elif action == "remove" and keys:
            del target[key]
        elif keys:
            target[key] = copy.deepcopy(draw(LEAVES))
    return value


@pytest.mark.parametrize("name", DECODERS)
@settings(max_examples=500)
@given(data=st.data())
def test_the_schema_takes_exactly_what_the_decoder_takes(name: str, data: st.DataObject) -> None:
    """Neither lets through what the other refuses; size apart, which a schema cannot say."""
    value = data.draw(documents(name))
    problems = schema_problems(f"{name}.schema.json", value)
    try:
        DECODERS[name](json.dumps(value, ensure_ascii=False).encode())
    except ContractError as err:
        assert problems, f"the decoder refuses what the schema takes: {err}"
    else:
        assert not problems, f"the schema refuses what the decoder takes: {problems}"


@pytest.mark.parametrize("name", DECODERS)
def test_every_optional_field_may_be_null(name: str) -> None:
    """Absent and null mean the same, to both."""
    for seed in SEEDS[name]:
        nulled = (
            {**seed, "camera": None, "event": None} if seed.get("type") == "node.booted" else seed
        )
        assert schema_problems(f"{name}.schema.json", nulled) == []
        DECODERS[name](json.dumps(nulled).encode())


def test_an_event_record_without_its_event_is_refused_by_both() -> None:
    """What happened must say to which event it belongs."""
    ended = next(each for each in SEEDS["record"] if each["type"] == "event.ended")
    for change in ({"event": None}, {"camera": None}):
        value = ended | change
        assert schema_problems("record.schema.json", value)
        with pytest.raises(ContractError):
            record.decode(json.dumps(value).encode())


def test_a_schema_names_the_wrong_field_of_the_type_that_was_meant() -> None:
    """Of seven record types, only the one in `type` is spoken of."""
    started = next(each for each in SEEDS["record"] if each["type"] == "event.started")
    (problem,) = schema_problems("record.schema.json", started | {"score": 1.5})
    assert problem.startswith("score: 1.5 is greater than")
