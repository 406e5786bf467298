"""Turns at decoding: bounded, fair, and given on by who hangs."""

from __future__ import annotations

import threading
import time

import pytest

from edge.base.clock import FakeClock, SystemClock
from edge.camera import turns as turns_module
from edge.camera.turns import LEASE_S, DecodePool, Turns, places


def work(turns: Turns, seconds: float, stop: threading.Event, done: list[int], at: int) -> None:
    """Take turn after turn, each of so many seconds."""
    while not stop.is_set():
        with turns:
            done[at] += 1
            time.sleep(seconds)


def test_no_more_decode_at_one_time_than_there_are_places() -> None:
    """Of six that want to, two."""
    pool, stop, lock = DecodePool(2, SystemClock()), threading.Event(), threading.Lock()
    inside, most = 0, 0

    def run(turns: Turns) -> None:
        nonlocal inside, most
        while not stop.is_set():
            with turns:
                with lock:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.001)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=run, args=(pool.member(),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    stop.set()
    for thread in threads:
        thread.join(10)
    assert most == 2


def test_time_is_shared_evenly_whatever_a_picture_costs() -> None:
    """One with pictures ten times as dear gets a tenth as many of them, not the same number."""
    pool, stop, done = DecodePool(1, SystemClock()), threading.Event(), [0, 0, 0]
    costs = (0.02, 0.002, 0.002)
    threads = [
        threading.Thread(target=work, args=(pool.member(), cost, stop, done, at))
        for at, cost in enumerate(costs)
    ]
    for thread in threads:
        thread.start()
    time.sleep(3)
    stop.set()
    for thread in threads:
        thread.join(10)
    used = [count * cost for count, cost in zip(done, costs, strict=True)]
    assert min(used) > 0.5 * max(used)


def test_who_wants_little_need_not_wait_behind_who_wants_much() -> None:
    """Of those that wait, the one goes first that used the least."""
    clock = FakeClock(mono_ns=10**12)
    pool = DecodePool(1, clock)
    greedy, modest, holder = pool.member(), pool.member(), pool.member()
    with greedy:
        clock.advance(1.0)
    order: list[str] = []

    def want(name: str, turns: Turns) -> None:
        with turns:
            order.append(name)

    with holder:
        threads = [
            threading.Thread(target=want, args=each)
            for each in (("greedy", greedy), ("modest", modest))
        ]
        for thread in threads:
            thread.start()
            while not any(each is thread for each in threading.enumerate()):
                time.sleep(0.01)
        while len(pool._waiting) < 2:
            time.sleep(0.01)
    for thread in threads:
        thread.join(10)
    assert order == ["modest", "greedy"]


def test_a_place_that_is_not_given_back_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that hangs stops its own camera, and no other one."""
    monkeypatch.setattr(turns_module, "POLL_S", 0.01)
    clock = FakeClock(mono_ns=10**12)
    pool = DecodePool(1, clock)
    hung, other = pool.member(), pool.member()
    release, got = threading.Event(), threading.Event()

    def hang() -> None:
        with hung:
            release.wait()

    def look() -> None:
        with other:
            got.set()

    threads = [threading.Thread(target=each) for each in (hang, look)]
    threads[0].start()
    while hung not in pool._holders:
        time.sleep(0.01)
    threads[1].start()
    assert not got.wait(0.2)
    clock.advance(LEASE_S + 0.1)
    assert got.wait(10)
    release.set()
    for thread in threads:
        thread.join(10)
    assert not pool._holders


def test_there_is_always_a_place() -> None:
    """On one processor too."""
    assert places() >= 1
