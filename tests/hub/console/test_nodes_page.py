"""The nodes' pages: the list, and one node over time."""

from __future__ import annotations

from datetime import timedelta

from edge.contract import names
from edge.contract.status import Status
from hub.archive.node_values import HealthSample
from hub.archive.registry_values import Area, Camera, Place, Registry
from hub.archive.scope import Scope
from hub.archive.values import Batch, StatusNote
from hub.console.plots import plot
from hub.registry import edit
from tests.hub.archive.conformance import batch
from tests.hub.archive.health_conformance import report
from tests.hub.journals import BOOT, START_UTC, Journal
from tests.hub.site import Site

KEY = "A" * 43 + "="
MINUTE = timedelta(minutes=1)


def come(site: Site) -> None:
    """The node gate-1, which is connected and told of its health for an hour."""
    now_utc = site.clock.utc()
    shown = Status(names.VERSION, "online", BOOT, "0.1.0", "0" * 16, KEY, ("door",))
    site.archive.write(Batch(statuses=(StatusNote("gate-1", shown, now_utc),)))
    for minutes in range(60, -1, -10):
        site.archive.write(Batch(healths=(report(now_utc - minutes * MINUTE),)))


def test_a_node_shows_its_health_over_time_and_its_cameras(site: Site) -> None:
    """With a plot of everything that it told, and how its pictures are chosen."""
    come(site)
    page = site.client("anna").get("/nodes/gate-1").text
    assert page.count("<polyline") == 9 and "cameras watched: now 1, at most 1" in page
    assert 'href="/events?node=gate-1&amp;camera=door"' in page
    week = site.client("binh").get("/nodes/gate-1?over=week")
    assert week.status == 200 and 'aria-current="true">a week' in week.text
    assert site.client("chi").get("/nodes/gate-1?over=century").status == 422


def test_what_a_node_lost_is_on_its_page_and_in_the_list(site: Site) -> None:
    """Missing without a word, in red, with a number."""
    come(site)
    journal = Journal("gate-1")
    lines = journal.event() + journal.event() + journal.event()
    site.archive.write(batch(lines[:2] + lines[4:]))
    browser = site.client("anna")
    assert "2 records are missing" in browser.get("/nodes").text
    page = browser.get("/nodes/gate-1").text
    assert "2 records are missing without a word" in page and "records 3 to 4 of journal" in page


def test_a_node_whose_cameras_are_elsewhere_is_not_there(site: Site) -> None:
    """Neither in the list nor by its address."""
    come(site)

    def place(registry: Registry) -> Registry:
        with_area = edit.put_area(registry, Area("north", "town", "North"))
        return edit.put_camera(with_area, Camera("gate-1", "door", places=(Place(area="north"),)))

    edit.change(site.archive, place)
    south = site.client("anna", "viewer", Scope(areas=frozenset({"south"})))
    assert "gate-1" not in south.get("/nodes").text
    assert south.get("/nodes/gate-1").status == 404
    north = site.client("binh", "viewer", Scope(areas=frozenset({"north"})))
    assert north.get("/nodes/gate-1").status == 200


def sample(minutes: int, cpu: float) -> HealthSample:
    """A sample so long after the start."""
    at_utc = START_UTC + minutes * MINUTE
    return HealthSample(at_utc, cpu, 1, 1, None, None, 0, 0, 1, 1, 0.0)


def test_a_hole_in_the_samples_is_a_hole_in_the_line() -> None:
    """A node that was away must not look as if it had been there."""
    samples = [sample(0, 4), sample(10, 8), sample(60, 16)]
    drawn = plot(
        "cpu", samples, lambda each: each.cpu_percent, START_UTC, START_UTC + 100 * MINUTE,
        10 * MINUTE,
    )  # fmt: skip
    assert drawn.lines == ("0.0,80.0 100.0,60.0", "600.0,20.0 602.0,20.0")
    assert (drawn.top, drawn.last) == (20, 16)
