"""How many log-ins are looked at."""

from __future__ import annotations

import pytest

from edge.base.clock import FakeClock
from hub.registry.attempts import MAX_OF_ADDRESS, MAX_STRANGERS, Attempts


class Doors:
    """Counts which tries would be looked at; all of them fail unless told otherwise."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.attempts = Attempts(self.clock)

    def try_in(self, name: str, address: str, *, is_known: bool = False) -> bool:
        """Whether a wrong password is looked at."""
        if self.attempts.wait_s(name, address, is_known=is_known):
            return False
        self.attempts.begin(name, address, is_known=is_known)
        return True

    def succeed(self, name: str, address: str, *, is_known: bool = False) -> bool:
        """Whether the right password is looked at."""
        if not self.try_in(name, address, is_known=is_known):
            return False
        self.attempts.succeeded(name, address, is_known=is_known)
        return True


def test_ten_thousand_log_ins_in_a_minute_leave_five_looked_at() -> None:
    """For one user from one address."""
    doors = Doors()
    looked_at = 0
    for _ in range(10_000):
        looked_at += doors.try_in("anna", "192.0.2.1")
        doors.clock.advance(60 / 10_000)
    assert looked_at == 5


def test_the_wait_ends_five_minutes_after_the_last_failure() -> None:
    """Waiting tries do not prolong it."""
    doors = Doors()
    for _ in range(5):
        doors.try_in("anna", "192.0.2.1")
    assert doors.attempts.wait_s("anna", "192.0.2.1", is_known=False) == 300
    doors.clock.advance(299)
    assert not doors.try_in("anna", "192.0.2.1")
    doors.clock.advance(1)
    assert doors.succeed("anna", "192.0.2.1")


def test_somebody_at_another_address_cannot_lock_the_user_out() -> None:
    """Not even one who tries for hours."""
    doors = Doors()
    for _ in range(1000):
        doors.try_in("anna", "192.0.2.66")
        doors.clock.advance(20)
        assert doors.attempts.wait_s("anna", "192.0.2.1", is_known=False) == 0
    assert doors.succeed("anna", "192.0.2.1")


def test_many_addresses_together_get_no_more_than_the_user_s_bound() -> None:
    """And the user still gets in from where they were before."""
    doors = Doors()
    looked_at = sum(
        doors.try_in("anna", f"10.{number // 250}.{number % 250}.1") for number in range(10_000)
    )
    assert looked_at == MAX_STRANGERS
    assert not doors.succeed("anna", "192.0.2.1")
    assert doors.succeed("anna", "192.0.2.1", is_known=True)


def test_one_address_cannot_try_a_password_on_everybody() -> None:
    """Spraying is bounded by address."""
    doors = Doors()
    looked_at = sum(doors.try_in(f"user{number}", "192.0.2.66") for number in range(1000))
    assert looked_at == MAX_OF_ADDRESS


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
    ],
)
def test_an_ipv6_customer_is_one_whatever_address_it_takes(
    one: str, other: str, is_same: bool
) -> None:
    """A /64 holds more addresses than one could count."""
    doors = Doors()
    for _ in range(5):
        doors.try_in("anna", one)
    assert doors.try_in("anna", other) is not is_same


def test_success_forgets_the_failures_before_it() -> None:
    """Somebody who mistypes each morning is not locked out in the end."""
    doors = Doors()
    for _ in range(50):
        for _ in range(4):
            assert doors.try_in("anna", "192.0.2.1")
        assert doors.succeed("anna", "192.0.2.1")
        doors.clock.advance(60)
