"""Threads that hang are noticed, started anew a few times, and in the end told to systemd."""

from __future__ import annotations

import pytest

from edge.base.clock import FakeClock
from edge.base.mark import Mark
from edge.health.watchdog import MAX_RESTARTS, PAUSE_S, WITHIN_S, Guard, Watchdog


class Worker:
    """A thread as far as the watchdog sees it; a restart makes a fresh mark."""

    def __init__(self, clock: FakeClock, limit_s: float = 10.0) -> None:
        self.clock = clock
        self.limit_s = limit_s
        self.mark = Mark(clock, limit_s)
        self.is_alive = True
        self.restarts = 0

    def restart(self) -> None:
        self.restarts += 1
        self.mark = Mark(self.clock, self.limit_s)
        self.is_alive = True

    def guard(self) -> Guard:
        """What the watchdog is given."""
        return Guard("capture of gate", lambda: [self.mark], lambda: self.is_alive, self.restart)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(mono_ns=10**12)


def watched(clock: FakeClock, *workers: Worker) -> Watchdog:
    watchdog = Watchdog(clock)
    for worker in workers:
        watchdog.add(worker.guard())
    return watchdog


def turn(watchdog: Watchdog) -> int:
    """What the accountant does; how many were started anew."""
    due = watchdog.due()
    for guard in due:
        guard.restart()
    return len(due)


def run(clock: FakeClock, watchdog: Watchdog, seconds: int) -> int:
    """Let time pass, with a turn a second; how many were started anew."""
    count = 0
    for _ in range(seconds):
        clock.advance(1)
        count += turn(watchdog)
    return count


def test_who_gets_on_is_left_alone(clock: FakeClock) -> None:
    """A day of touches just in time."""
    worker = Worker(clock)
    watchdog = watched(clock, worker)
    for _ in range(8640):
        assert run(clock, watchdog, 10) == 0
        assert watchdog.is_moving()
        worker.mark.touch()


def test_who_is_silent_for_too_long_is_started_anew_once(clock: FakeClock) -> None:
    """Only that one; and as long as it hangs, systemd is not fed."""
    hung, fine = Worker(clock), Worker(clock, 100.0)
    watchdog = watched(clock, hung, fine)
    run(clock, watchdog, 10)
    clock.advance(1)
    assert not watchdog.is_moving()
    assert turn(watchdog) == 1
    assert (hung.restarts, fine.restarts) == (1, 0)
    assert watchdog.is_moving()
    assert turn(watchdog) == 0


def test_who_died_is_started_anew_at_once(clock: FakeClock) -> None:
    """An error that nobody foresaw ended the thread."""
    worker = Worker(clock)
    watchdog = watched(clock, worker)
    worker.is_alive = False
    assert turn(watchdog) == 1


def test_who_waits_on_purpose_is_not_late(clock: FakeClock) -> None:
    """Such as for the next attempt to reach a camera that is lost."""
    worker = Worker(clock)
    worker.mark.rest()
    clock.advance(10**6)
    assert watched(clock, worker).is_moving()


def test_a_longer_limit_holds_for_one_step(clock: FakeClock) -> None:
    """To connect takes longer than to read."""
    worker = Worker(clock)
    worker.mark.touch(100)
    clock.advance(99)
    assert not worker.mark.is_late()
    worker.mark.touch()
    clock.advance(11)
    assert worker.mark.is_late()


def test_restarts_are_bounded_and_then_systemd_is_not_fed(clock: FakeClock) -> None:
    """What hangs again and again needs a new process; a person is told."""
    worker = Worker(clock)
    watchdog = watched(clock, worker)
    run(clock, watchdog, 300)
    assert worker.restarts == MAX_RESTARTS
    assert not watchdog.is_moving()
    assert "capture of gate hangs" in watchdog.problems[0]


def test_a_hang_now_and_then_is_mended_for_ever(clock: FakeClock) -> None:
    """The bound is on how many in an hour."""
    worker = Worker(clock)
    watchdog = watched(clock, worker)
    for number in range(1, 21):
        for _ in range(round(WITHIN_S / 2)):
            worker.mark.touch()
            run(clock, watchdog, 1)
        assert run(clock, watchdog, 11) == 1
        assert worker.restarts == number
        assert watchdog.problems == []


def test_nobody_is_blamed_for_a_pause_of_the_whole_process(clock: FakeClock) -> None:
    """A machine that slept, or a process that was stopped: all go on as they were."""
    worker = Worker(clock)
    watchdog = watched(clock, worker)
    run(clock, watchdog, 5)
    clock.advance(PAUSE_S + 1000)
    assert turn(watchdog) == 0
    assert watchdog.is_moving()
    assert run(clock, watchdog, 11) == 1


def test_one_of_several_marks_is_enough(clock: FakeClock) -> None:
    """The uplink is three threads and one scope."""
    marks = [Mark(clock, 10), Mark(clock, 100)]
    watchdog = Watchdog(clock)
    watchdog.add(Guard("uplink", lambda: marks, lambda: True, lambda: None))
    clock.advance(11)
    assert not watchdog.is_moving()


def test_what_is_taken_out_is_watched_no_more(clock: FakeClock) -> None:
    """A camera that another one replaces is gone on purpose."""
    stays, goes = Worker(clock), Worker(clock)
    watchdog = watched(clock, stays)
    guards = [goes.guard()]
    for guard in guards:
        watchdog.add(guard)
    goes.is_alive = False
    watchdog.remove(guards)
    assert run(clock, watchdog, 5) == 0
    assert watchdog.is_moving()
    stays.is_alive = False
    assert turn(watchdog) == 1
