"""The map of coverage, the page of one camera's, and the choice of a live camera."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

from edge.contract.record import Span
from hub.archive.scope import Scope
from tests.hub.archive.conformance import batch
from tests.hub.console.test_now_page import camera, place, say
from tests.hub.journals import Journal
from tests.hub.site import ZONE, Site

HOUR = timedelta(hours=1)
HOUR_MS = 3_600_000


def account(site: Site) -> None:
    """A camera that watched for two hours, then was black for half an hour, yesterday at noon in
    the hub's zone."""
    noon = site.clock.utc().astimezone(ZONE).replace(hour=12, minute=0, second=0, microsecond=0)
    start_utc = noon.astimezone(site.clock.utc().tzinfo) - timedelta(days=1)
    journal = Journal("gate-1", start_utc=start_utc + 3 * HOUR)
    journal.booted_utc = start_utc - HOUR
    spans = [
        Span(0, 2 * HOUR_MS, "watched"),
        Span(2 * HOUR_MS, 2 * HOUR_MS + HOUR_MS // 2, "blind", "black"),
        Span(2 * HOUR_MS + HOUR_MS // 2, 3 * HOUR_MS, "watched"),
    ]
    site.archive.write(batch([journal.account(start_utc, start_utc + 3 * HOUR, spans)]))
    say(site, "gate-1", "healthy", camera("door"))


def yesterday(site: Site) -> str:
    """The day of the account."""
    return (site.clock.utc().astimezone(ZONE).date() - timedelta(days=1)).isoformat()


def test_the_map_shows_each_hour_by_shape_and_leads_to_its_causes(site: Site) -> None:
    """Watched, partly watched and not known are told apart; an hour's link names the cause."""
    account(site)
    browser = site.client("anna")
    page = browser.get(f"/coverage?day={yesterday(site)}").text
    looks = re.findall(r'<td class="cell (\w+)">', page)
    assert len(looks) == 24 and looks[12:16] == ["watched", "watched", "partly", "unknown"]
    links = re.findall(r'<a href="(/coverage/gate-1/door\?since=[^"]+)" title="partly', page)
    one = browser.get(unescape(links[0])).text
    assert "Watched in 30 of 60 minutes (50 %)" in one and "the picture is black" in one


def test_a_camera_of_another_area_is_in_no_map(site: Site) -> None:
    """Nor can its page be asked for, nor can it be watched live."""
    account(site)
    place(site, "gate-1", "door", "north")
    south = site.client("anna", "viewer", Scope(areas=frozenset({"south"})))
    assert "gate-1" not in south.get(f"/coverage?day={yesterday(site)}").text
    assert south.get("/coverage/gate-1/door").status == 404
    assert south.get("/live/gate-1/door").status == 404
    north = site.client("binh", "viewer", Scope(areas=frozenset({"north"})))
    assert "gate-1" in north.get("/live").text
    assert (
        'data-url="/api/v1/nodes/gate-1/cameras/door/live"' in north.get("/live/gate-1/door").text
    )


def test_what_cannot_be_shown_is_refused_by_its_field(site: Site) -> None:
    """A day that is none, a time that is none or too long."""
    browser = site.client("anna")
    assert "No camera has given account" in browser.get("/coverage").text
    account(site)
    assert browser.get("/coverage?day=soon").status == 422
    assert browser.get("/coverage/gate-1/door?since=soon").status == 422
    assert browser.get("/coverage/gate-1/door?since=0&until=9999999999999").status == 422
    for day in ("0001-01-01", "9999-12-31", "1969-12-31"):
        reply = browser.get(f"/coverage?day={day}")
        assert reply.status == 422 and "within the years 1970 to 2199" in reply.text, day
    assert browser.get("/coverage?day=1970-01-01").status == 200
