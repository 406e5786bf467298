"""Whatever comes off the wire, a decoder gives a value or a ContractError, and nothing else."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.base import strictjson
from edge.contract import ack, command, health, record, reply, samples, status, update
from edge.contract.errors import ContractError
from edge.keys import PrivateKey

SIGNERS = (PrivateKey(samples.NODE_SECRET).sign, PrivateKey(samples.HUB_SECRET).sign)
SEEDS: dict[str, list[bytes]] = {}
for each in samples.samples(*SIGNERS):
    SEEDS.setdefault(each.channel, []).append(each.payload)
DECODERS: dict[str, Callable[[bytes], object]] = {
    "record": record.decode,
    "ack": ack.decode,
    "status": status.decode,
    "health": health.decode,
    "command": command.decode,
    "reply": reply.decode,
    "update_order": update.decode_order,
    "update_state": update.decode_state,
}
MUTATIONS = 30_000  # a decoder; 240,000 in all
PIECES = [
    b"NaN", b"-Infinity", b"1e999", b"-0", b"1.0", b"null", b"true", b'"', b"\\", b"\\u0000",
    b"\\ud800", b"\xff", b"\x00", b"[" * 64, b'{"v":' * 64, b"]" * 2000 + b"[" * 2000,
    b"9" * 19, b"9" * 21, b"9" * 5000, b"-" + b"9" * 18, b"1" * 400 + b".0", b"1e308", b"5e-324",
    b'"9999-12-31T23:59:59.999-23:59"', b'"0001-01-01T00:00:00+23:59"', b'"0000-00-00T00:00:00Z"',
    b'"2026-02-30T00:00:00Z"', b'"2026-01-01T24:00:00Z"', b'"2026-01-01T00:00:60Z"', b"{}", b"[]",
    "\N{ARABIC-INDIC DIGIT THREE}".encode(), b'"v":1,', b'"a' + b"a" * 9000, b"/*", b",", b"\n",
]  # fmt: skip


def mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    """One of the seeds, changed in one to four places."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(6):
            case 0:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del data[at : at + rng.randrange(1, 12)]
            case 2:
                data[at:at] = rng.choice(PIECES)
            case 3:
                data[at : at + rng.randrange(1, 30)] = rng.choice(PIECES)
            case 4:
                other = rng.choice(seeds)
                data[at:] = other[rng.randrange(len(other)) :]
            case 5:
                data[at : at + 1] = bytes([rng.choice(b'0123456789.-+eE"{}[]:,tfn')])
    return bytes(data)


@pytest.mark.parametrize("name", DECODERS)
def test_mutated_bytes_raise_nothing_but_contract_errors(name: str) -> None:
    """30,000 seeded mutations of true messages for each decoder."""
    rng = random.Random(f"wire-{name}")
    outcomes = {"taken": 0, "refused": 0}
    for _ in range(MUTATIONS):
        payload = mutated(rng, SEEDS[name])
        try:
            DECODERS[name](payload)
        except ContractError as err:
            assert err.reason in {"not_json", "schema", "too_large", "version"}
            assert len(str(err)) < 8_000
            outcomes["refused"] += 1
        else:
            outcomes["taken"] += 1
    assert min(outcomes.values()) > MUTATIONS // 100, "the mutations no longer reach both ways"


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("name", DECODERS)
@given(data=st.data())
def test_a_field_of_any_value_raises_nothing_but_contract_errors(
    name: str, data: st.DataObject
) -> None:
    """A true message with one field, at any depth, replaced by arbitrary JSON."""
    value = json.loads(data.draw(st.sampled_from(SEEDS[name])))
    target, key = value, data.draw(st.sampled_from(sorted(value)))
    while isinstance(target[key], dict) and target[key] and data.draw(st.booleans()):
        target = target[key]
        key = data.draw(st.sampled_from(sorted(target)))
    target[key] = data.draw(ANY_JSON)
    payload = json.dumps(value).encode()
    with contextlib.suppress(ContractError):
        DECODERS[name](payload)


@pytest.mark.parametrize("name", DECODERS)
@given(payload=st.binary(max_size=200))
@example(payload=b"")
@example(payload=b"[" * 5000)
@example(payload=b'{"v":' * 1200)
@example(payload=b'["' + b"]" * 3000 + b'",' + b"[" * 3000)
@example(payload=b'{"v":1,"\xf0\x9f')
@example(payload=b"\xef\xbb\xbf{}")
@example(payload=b"9" * 6000)
@example(payload=b'"' + b"\\" * 7000)
def test_any_bytes_raise_nothing_but_contract_errors(name: str, payload: bytes) -> None:
    """Bytes that have nothing to do with the wire."""
    with contextlib.suppress(ContractError):
        DECODERS[name](payload)


@given(payload=st.binary(max_size=300) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_what_the_json_reader_takes_it_writes_and_takes_again(payload: bytes) -> None:
    """`loads` raises ValueError or gives a value that `dumps` and `loads` keep."""
    try:
        value = strictjson.loads(payload, max_bytes=10_000)
    except ValueError:
        return
    assert strictjson.loads(strictjson.dumps(value), max_bytes=100_000) == value
