"""Waits between attempts."""

from __future__ import annotations

import random

import pytest

from edge.base.backoff import Backoff


def test_waits_double_up_to_the_most_within_their_jitter() -> None:
    """Each wait lies between half its nominal length and all of it."""
    backoff = Backoff(0.5, 8.0, rng=random.Random(1))
    for nominal_s in (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0):
        assert nominal_s / 2 <= backoff.next_s() <= nominal_s


def test_a_reset_starts_again_from_the_first_wait() -> None:
    """An attempt that held ends the penalty."""
    backoff = Backoff(1.0, 60.0, rng=random.Random(2))
    for _ in range(10):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 1.0


def test_a_year_of_failures_does_not_overflow() -> None:
    """2 to the power of the attempts would."""
    backoff = Backoff(0.5, 30.0)
    assert max(backoff.next_s() for _ in range(5000)) <= 30.0


def test_two_nodes_do_not_wait_in_step() -> None:
    """Or a whole town returns in one instant."""
    one, two = Backoff(8.0, 8.0), Backoff(8.0, 8.0)
    assert [one.next_s() for _ in range(8)] != pytest.approx([two.next_s() for _ in range(8)])
