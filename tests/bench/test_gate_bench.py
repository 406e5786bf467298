"""What counts against the gate, on events made up."""

from __future__ import annotations

import pytest

from edge.camera.viewer import ViewerCounts
from tests.footage.gate_replay import Span, Viewed

WANTED = [Span(10, 20), Span(40, 50)]


def viewed(*events: Span) -> Viewed:
    return Viewed(list(events), ViewerCounts(), seconds=100.0, cpu_s=1.0, began_s=0.0)


def test_the_same_events_add_nothing() -> None:
    """Nor do shorter ones."""
    same = viewed(*WANTED)
    assert not same.added(WANTED)
    assert not same.beyond_s(WANTED)
    assert not viewed(Span(11, 19)).beyond_s(WANTED)


def test_an_event_that_full_decoding_has_not_is_added() -> None:
    """All of its length counts as well."""
    seen = viewed(*WANTED, Span(70, 73))
    assert seen.added(WANTED) == [Span(70, 73)]
    assert seen.beyond_s(WANTED) == [3]


@pytest.mark.parametrize(
    ("event", "beyond_s"),
    [
        (Span(8, 20), [2]),
        (Span(10, 39), [19]),
        (Span(10, 50), [20]),
        (Span(5, 90), [5, 20, 40]),
    ],
    ids=["early", "late", "through what lies between two", "endless"],
)
def test_an_event_that_goes_beyond_those_of_full_decoding_says_by_how_much(
    event: Span, beyond_s: list[float]
) -> None:
    """Though it meets them, and loses none."""
    seen = viewed(event)
    assert not seen.added(WANTED)
    assert seen.beyond_s(WANTED) == beyond_s
