"""Messages repeated, shuffled, replayed and forged: the archive is what honest nodes sent."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Iterator

import pytest

from edge.contract import names, topics
from edge.contract.record import NodeBooted
from tests.fault.hostile_town import ACK_S, HONEST, HOSTILE, HostileTown, hostile_town
from tests.harness.publisher import Publisher, SignedRecord
from tests.system import stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("replay")]

EVENTS, TIMES = 12, 10
DENIED = "Not authorized"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileTown]:
    """One hub for all of these tests: each leaves the archive sound."""
    with hostile_town(tmp_path_factory.mktemp("replay")) as town:
        yield town


def more(publisher: Publisher, events: int = EVENTS) -> list[SignedRecord]:
    """The next records of a node's journal, not sent yet."""
    return [made for _ in range(events) for made in publisher.make_event()]


def test_every_record_ten_times_and_in_any_order_is_archived_once(ground: HostileTown) -> None:
    """24 records, ten times each, shuffled: one row each, one chain, every event once."""
    records = more(ground.honest) * TIMES
    random.Random(7).shuffle(records)
    ground.send_all(ground.honest, records)
    last = ground.honest.records[-1]
    stage.wait(lambda: ground.honest.acks[-1].upto == last.seq, ACK_S, "all in one row")
    assert ground.honest.acks[-1].head == last.digest
    ground.expect_only(ground.honest)
    ids = [row["id"] for row in ground.town.query("--node", HONEST)]
    assert sorted(ids) == sorted({made.event for made in ground.honest.records if made.event})


def test_a_record_that_comes_a_day_late_closes_the_gap(ground: HostileTown) -> None:
    """What came after it is acknowledged one by one until then, and in a row from then on."""
    late, *others = more(ground.honest, 3)
    ground.send_all(ground.honest, others)
    ack = ground.honest.wait_for_ack(others[-1], ACK_S)
    assert (ack.upto, ack.also) == (late.seq - 1, tuple(made.seq for made in others))
    ground.honest.send(late)
    ack = ground.honest.wait_for_ack(late, ACK_S)
    assert (ack.upto, ack.also) == (others[-1].seq, ())
    ground.expect_only(ground.honest)


def test_a_captured_session_sent_again_changes_nothing(ground: HostileTown) -> None:
    """Byte for byte, from a new connection of the same account; the hub only acknowledges again."""
    ground.send_all(ground.honest, more(ground.honest, 4))
    before = ground.archived()
    events = ground.town.query("--node", HONEST)
    ground.honest.connect()
    known = len(ground.honest.acks)
    for made in ground.honest.records:
        ground.honest.send(made)
    ground.send_all(ground.honest, more(ground.honest, 1))
    assert len(ground.honest.acks) > known
    assert ground.archived()[: len(before)] == before
    ground.expect_only(ground.honest)
    assert ground.town.query("--node", HONEST)[-len(events) :] == events


def test_nobody_writes_for_another_node(ground: HostileTown) -> None:
    """The broker refuses the topic; under its own topic a captured record is refused and counted,
    however good its signature is."""
    stolen = ground.honest.records[1]
    assert ground.hostile.send(stolen, node=HONEST) == DENIED
    before = ground.counts()["refused.other_node"]
    ground.hostile.send(stolen)
    made = ground.hostile.make(NodeBooted("0.1.0", ()), node=HONEST)
    ground.hostile.records.remove(made)
    ground.hostile.send(made)
    ground.wait_for_count("refused.other_node", before + 2)
    ground.expect_only(ground.honest)
    ground.expect_only(ground.hostile)


def test_signatures_of_others_and_none_at_all_are_refused_and_counted(ground: HostileTown) -> None:
    """A forged one, a truncated one, one over other bytes, and a missing one."""
    made = ground.hostile.make_booted()
    topic = topics.record(HOSTILE)
    before = ground.counts()
    ground.hostile.send(made, signature=ground.hostile.forged_signature(made))
    ground.hostile.publish(topic, made.payload + b" ", signature=made.signature)
    ground.hostile.publish(topic, made.payload, signature=made.signature[:63])
    ground.hostile.publish(topic, made.payload)
    ground.wait_for_count("refused.signature", before["refused.signature"] + 2)
    ground.wait_for_count("refused.no_signature", before["refused.no_signature"] + 2)
    ground.send_all(ground.hostile, [made])
    ground.expect_only(ground.hostile)


def test_another_record_for_a_number_that_is_taken_is_an_alarm(ground: HostileTown) -> None:
    """A fork of the journal, well signed: refused, shown as an alarm, and the first one stays."""
    first = more(ground.hostile, 1)
    ground.send_all(ground.hostile, first)
    forked = ground.hostile.make(NodeBooted("9.9.9", ()), seq=first[-1].seq, prev=first[-2].digest)
    wrong = ground.hostile.make(NodeBooted("9.9.9", ()), seq=first[-1].seq + 1, prev="f" * 64)
    del ground.hostile.records[-2:]
    for made in (forked, wrong):
        ground.hostile.send(made)
    ground.wait_for_count("alarm.conflict", 1)
    ground.wait_for_count("alarm.chain", 1)
    ground.expect_only(ground.hostile)
    shown = json.loads(ground.town.hub.command("nodes", "--json").stdout.splitlines()[1])
    assert any("ALARM" in problem for problem in shown["problems"])


def test_payloads_too_large_too_deep_or_no_json_are_refused_and_counted(
    ground: HostileTown,
) -> None:
    """Each with a good signature of the node, which then goes on as if nothing had been."""
    good = ground.hostile.make_booted()
    value = json.loads(good.payload)
    bad = {
        "refused.too_large": [
            b'{"v":1,"pad":"' + b"x" * names.MAX_RECORD_BYTES + b'"}', bytes(200_000),
        ],
        "refused.not_json": [
            b'{"v":' * 1500, b"[" * 8000, b"\xff\xfe", b"", b'{"v":1,"v":1}', b"NaN",
            good.payload[:-1] + b',"x":1e999}', good.payload[:-1] + b',"x":"\\ud800"}',
            good.payload[:-1] + b',"x":' + b"9" * 5000 + b"}",
        ],
        "refused.version": [json.dumps(value | {"v": 2}).encode(), b'{"v":true}'],
        "refused.schema": [
            json.dumps(value | change).encode()
            for change in (
                {"seq": 0}, {"seq": 2**60}, {"seq": "1"}, {"epoch": "../../x"}, {"node": "+"},
                {"camera": "a/b"}, {"at_utc": "2026-02-30T00:00:00Z"}, {"event": "' OR 1=1 --"},
            )
        ],
    }  # fmt: skip
    before = ground.counts()
    for payloads in bad.values():
        for payload in payloads:
            signature = ground.hostile.key.sign(payload)
            ground.hostile.publish(topics.record(HOSTILE), payload, signature=signature)
    for counter, payloads in bad.items():
        ground.wait_for_count(counter, before[counter] + len(payloads))
    ground.send_all(ground.hostile, [good])
    ground.expect_only(ground.hostile)
    ground.expect_only(ground.honest)


def test_a_status_with_another_key_does_not_replace_the_pinned_one(ground: HostileTown) -> None:
    """Whoever steals the account but not the key can write no record; it is counted."""
    thief = Publisher(
        HOSTILE, ground.town.broker.address, ground.hostile._account,
        hub_key=ground.enrolments[HOSTILE].hub_key,
    )  # fmt: skip
    before = ground.counts()
    with thief:
        thief.connect()
        thief.send(thief.make_booted())
        ground.wait_for_count("refused.signature", before["refused.signature"] + 1)
    ground.hostile.connect()
    ground.send_all(ground.hostile, [ground.hostile.make_booted()])
    ground.expect_only(ground.hostile)
    assert dataclasses.asdict(thief.records[0])["payload"] not in [
        made.payload for made in ground.hostile.records
    ]
