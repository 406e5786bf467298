"""Which records go next, and which again."""

from __future__ import annotations

import collections
import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from edge.uplink import lanes as lanes_module
from edge.uplink.lanes import LIVE_WINDOW, LOST_S, MAX_AHEAD, RESEND_S, WINDOW, Lanes

S = 10**9


@pytest.fixture
def lanes() -> Lanes:
    made = Lanes()
    made.open(0, 0, 0)
    return made


def send(lanes: Lanes, *seqs: int, at_s: float = 0) -> None:
    for seq in seqs:
        lanes.sent(seq, round(at_s * S))


def test_what_was_sent_before_something_that_arrived_goes_again_at_once(lanes: Lanes) -> None:
    """The hub has 3 and not 2: no timer is waited for."""
    send(lanes, 1, 2, 3, 4)
    lanes.heard(1, [3], 2 * S)
    assert lanes.again(2 * S) == [2]
    send(lanes, 2, at_s=2)
    assert lanes.again(2 * S) == []


def test_what_is_young_may_only_have_been_overtaken(lanes: Lanes) -> None:
    """Workers of the hub may finish out of order."""
    send(lanes, 1, 2)
    lanes.heard(0, [2], round(LOST_S * S / 2))
    assert lanes.again(round(LOST_S * S / 2)) == []
    assert lanes.again(round(LOST_S * S) + 1) == [1]


def test_a_hub_that_is_away_is_asked_less_and_less_often(lanes: Lanes) -> None:
    """A broker without a hub behind it would carry the same records for hours."""
    send(lanes, 1)
    times = []
    for second in range(1000):
        if lanes.again(second * S):
            times.append(second)
            send(lanes, 1, at_s=second)
    waits = [after - before for before, after in itertools.pairwise(times)]
    assert times[0] == RESEND_S + 1
    assert waits == sorted(waits)
    assert waits[-1] >= lanes_module.MAX_RESEND_S


def test_a_hub_that_comes_back_gets_what_it_missed_at_once(lanes: Lanes) -> None:
    """Its first acknowledgement after a silence names nothing new, and is answer enough."""
    send(lanes, 1, 2)
    lanes.heard(0, [], 500 * S)
    assert lanes.again(500 * S) == [1, 2]


def test_live_records_have_room_beside_a_full_backlog() -> None:
    """What is new does not wait until the old is through."""
    lanes = Lanes()
    lanes.open(0, 100_000, 0)
    send(lanes, *range(1, WINDOW + 1))
    assert lanes.backlog_room() <= 0
    assert lanes.room() == LIVE_WINDOW
    send(lanes, *range(100_001, 100_001 + LIVE_WINDOW))
    assert lanes.room() == 0


def test_the_live_lane_leaves_the_backlog_its_share_of_the_acknowledgement() -> None:
    """The hub's list of single seqs is finite: were it full of live ones, `upto` could not move."""
    lanes = Lanes()
    lanes.open(0, 1000, 0)
    also = list(range(1001, 1001 + MAX_AHEAD - lanes_module.RESERVED_FOR_BACKLOG))
    lanes.heard(0, also, S)
    assert lanes.room() <= 0
    assert lanes.backlog_room() > 0


def test_when_the_backlog_is_through_its_window_is_everyones() -> None:
    """No lane is kept for what is no more."""
    lanes = Lanes()
    lanes.open(0, 5, 0)
    send(lanes, 1, 2, 3, 4, 5)
    lanes.passed(5)
    lanes.heard(5, [], S)
    assert not lanes.has_backlog
    assert lanes.room() == WINDOW


def test_a_new_connection_forgets_what_was_on_its_way(lanes: Lanes) -> None:
    """The broker may have forgotten it too."""
    send(lanes, 1, 2, 3)
    lanes.open(1, 3, 5 * S)
    assert lanes.on_way == {}
    assert lanes.backlog_seq == 1
    assert lanes.has_backlog


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_everything_arrives_over_a_way_that_loses_and_reorders(data: st.DataObject) -> None:
    """Whatever is lost on the way, and however acknowledgements are, all records get through."""
    total, backlog = data.draw(st.integers(1, 120)), data.draw(st.integers(0, 80))
    lanes, hub, now_s = Lanes(), set[int](), 0.0
    lanes.open(0, min(backlog, total), 0)
    for turn in range(300):
        now_s += 1.1
        upto = next(seq for seq in range(total + 1) if seq + 1 not in hub)
        if upto == total:
            return
        is_lossy = turn < 100
        if not is_lossy or data.draw(st.booleans()):
            lanes.heard(upto, [seq for seq in hub if seq > upto], round(now_s * S))
        due = lanes.again(round(now_s * S))
        fresh = [seq for seq in range(lanes.live_seq + 1, total + 1) if seq not in lanes.on_way][
            : max(0, lanes.room())
        ]
        lanes.live_seq = max([lanes.live_seq, *fresh])
        old = [
            seq
            for seq in range(lanes.backlog_seq + 1, total + 1)
            if lanes.is_backlog(seq) and seq not in hub
        ][: max(0, lanes.backlog_room())]
        for seq in old:
            lanes.passed(seq)
        if lanes.has_backlog and not old and lanes.backlog_room() > 0:
            lanes.end_backlog()
        for seq in [*due, *fresh, *old]:
            lanes.sent(seq, round(now_s * S))
            if not is_lossy or data.draw(st.integers(0, 3)):
                hub.add(seq)
    raise AssertionError(f"only {len(hub)} of {total} arrived")


def drain_together(nodes: int, records: int, *, rate: int, way_s: float) -> tuple[float, float]:
    """So many nodes with so many records each, and a hub that takes `rate` a second in the order
    of arrival; the seconds, and how long the 95 % fastest took after the first second."""
    every = [Lanes() for _ in range(nodes)]
    for each in every:
        each.open(0, records, 0)
    queue: collections.deque[tuple[int, int, int]] = collections.deque()
    acks: collections.deque[tuple[int, int, int]] = collections.deque()
    took_s: list[float] = []
    tick_ns = S // 100
    for now_ns in itertools.count(tick_ns, tick_ns):
        while acks and acks[0][0] <= now_ns:
            _, number, seq = acks.popleft()
            every[number].heard(seq, [], now_ns)
        for number, each in enumerate(every):
            for seq in range(each.backlog_seq + 1, each.backlog_seq + 1 + each.backlog_room()):
                if seq <= records:
                    each.sent(seq, now_ns)
                    each.passed(seq)
                    queue.append((now_ns, number, seq))
        for _ in range(min(len(queue), rate // 100)):
            sent_ns, number, seq = queue.popleft()
            acks.append((now_ns + round(way_s * S), number, seq))
            if now_ns > S:
                took_s.append((now_ns - sent_ns) / S)
        if not queue and not acks and not any(each.has_backlog for each in every):
            break
    return now_ns / S, sorted(took_s)[len(took_s) * 95 // 100]


@pytest.mark.parametrize(("nodes", "way_s"), [(1, 0.03), (1, 1.0), (50, 0.03), (300, 0.2)])
def test_however_many_nodes_come_back_at_once_the_hub_is_busy_and_its_queue_short(
    nodes: int, way_s: float
) -> None:
    """What is new waits behind what is on its way; the hub should not wait for anybody either."""
    rate, records = 2000, 20_000 // nodes
    ended_s, waited_s = drain_together(nodes, records, rate=rate, way_s=way_s)
    assert waited_s < 1.5
    widest = min(rate, WINDOW / way_s) if nodes == 1 else rate
    assert ended_s < 1.5 * (records * nodes / widest) + 10 * way_s


def test_a_record_that_went_twice_says_nothing_about_the_way() -> None:
    """Which of the two was heard of cannot be told."""
    lanes = Lanes()
    lanes.open(0, 1000, 0)
    send(lanes, 1)
    lanes.heard(1, [], 1)
    room = lanes.backlog_room()
    send(lanes, 2)
    send(lanes, 2, at_s=30)
    lanes.heard(2, [], 30 * S)
    assert lanes.backlog_room() == room
