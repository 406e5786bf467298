"""The page of events: filters, timeline, grid, saved filters."""

from __future__ import annotations

import re
from datetime import UTC, timedelta
from html import unescape

from hub.registry import filters
from tests.hub.archive.conformance import batch
from tests.hub.journals import Journal
from tests.hub.site import ZONE, Site


def archive_events(site: Site, number: int, *, camera: str = "door", node: str = "gate-1") -> None:
    """So many events, some seconds apart, the last of them now."""
    journal = Journal(node, start_utc=site.clock.utc() - timedelta(minutes=number))
    lines = []
    for _ in range(number):
        lines += journal.event(camera=camera)
        journal.now_utc += timedelta(seconds=50)
    site.archive.write(batch(lines))


def shown(page: str) -> list[str]:
    """The ids of the events on the page, in their order."""
    return re.findall(r'data-event="([0-9a-f-]+)"', page)


def links(page: str, rel: str) -> list[str]:
    """The links to the next or last page."""
    found = re.findall(rf'<a class="button" rel="{rel}" href="([^"]+)"', page)
    return [unescape(each) for each in found]


def test_pages_go_back_in_time_and_forth_again_without_losing_one(site: Site) -> None:
    """By key, so that what comes meanwhile moves nothing."""
    archive_events(site, 100)
    browser = site.client("anna")
    first = browser.get("/events").text
    (older,) = links(first, "next")
    archive_events(site, 1, node="gate-2")
    second = browser.get(older).text
    third = browser.get(links(second, "next")[0]).text
    seen = shown(first) + shown(second) + shown(third)
    assert len(seen) == len(set(seen)) == 100 and not links(third, "next")
    (newer,) = links(third, "prev")
    assert shown(browser.get(newer).text) == shown(second)


def test_the_filter_in_the_address_says_what_is_shown(site: Site) -> None:
    """And the links of its events carry it on, for older and newer."""
    archive_events(site, 3, camera="door")
    archive_events(site, 2, camera="yard", node="gate-2")
    page = site.client("anna").get("/events?camera=yard&since=2h&kind=motion").text
    assert len(shown(page)) == 2 and "2 events" in page
    (link, *_) = re.findall(r'class="picture" href="([^"]+)"', page)
    event_page = site.client("binh").get(unescape(link)).text
    older = re.findall(r'id="older" href="/events/([0-9a-f-]+)', event_page)
    assert older == shown(page)[1:2]


def test_last_night_is_a_click_away(site: Site) -> None:
    """From yesterday's evening to this morning in the hub's zone, whatever else is asked for."""
    now = site.clock.utc().astimezone(ZONE)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    for node, hours in (("gate-1", -7), ("gate-2", -5), ("gate-3", 5), ("gate-4", 7)):
        journal = Journal(node, start_utc=midnight + timedelta(hours=hours))
        site.archive.write(batch(journal.event(camera="door") + journal.event(camera="yard")))
    page = site.client("anna").get("/events?camera=door").text
    (link,) = re.findall(r'href="([^"]+)"[^>]*>Last night', page)
    found = site.client("binh").get(unescape(link)).text
    assert set(re.findall(r"camera=[a-z]+", unescape(link))) == {"camera=door"}
    events = [site.archive.events_by_id(each, limit=1)[0] for each in shown(found)]
    assert {(each.node, each.camera) for each in events} == {("gate-2", "door"), ("gate-3", "door")}
    assert re.search(r'aria-current="date">Last night', found)


def test_the_timeline_counts_what_the_grid_shows(site: Site) -> None:
    """Each bar leads to the events of its time."""
    archive_events(site, 20)
    browser = site.client("anna")
    page = browser.get("/events?since=1h").text
    bars = re.findall(r'<a href="(/events\?[^"]+)" aria-label="[^"]*: (\d+) event', page)
    assert sum(int(number) for _, number in bars) == 20 == len(shown(page))
    link, number = max(bars, key=lambda bar: int(bar[1]))
    assert len(shown(browser.get(unescape(link)).text)) == int(number)


def test_what_is_wrong_with_a_filter_is_said_at_its_field_and_nothing_is_shown(site: Site) -> None:
    """An operator must not take everything for what they asked."""
    archive_events(site, 2)
    reply = site.client("anna").get("/events?since=soon&colour=red&camera=door")
    assert reply.status == 422 and not shown(reply.text)
    assert 'id="problem-since"' in reply.text and "colour: it is no word of a filter" in reply.text


def test_a_name_that_nothing_has_is_said_at_its_field_where_nothing_is_found(site: Site) -> None:
    """As API and command line say it, and not as if nothing had happened there."""
    archive_events(site, 1)
    browser = site.client("anna")
    for query, said in (
        ("camera=dor", "there is no camera dor; door?"),
        ("zone=pth", "there is no zone pth; path?"),
        ("label=persn", "there is no label persn; person?"),
        ("area=nowhere", "there is no area nowhere"),
        ("since=today&until=yesterday", "it is not later than the beginning"),
    ):
        reply = browser.get(f"/events?{query}")
        assert reply.status == 422 and said in unescape(reply.text), query
        assert "No event fits" not in reply.text
    for query in ("camera=door&until=2000-01-01", "zone=path&until=2000-01-01", "label=person"):
        reply = browser.get(f"/events?{query}")
        assert reply.status == 200 and "No event fits" in reply.text, query


def test_every_word_of_a_filter_says_what_is_wrong_with_it(site: Site) -> None:
    """Also those that are chosen, not typed, where a link says what cannot be chosen."""
    browser = site.client("anna")
    for word in filters.WORDS:
        many = 21 if word in ("kind", "mark") else 2
        value = "1h" if word in ("since", "until", "min_duration", "max_duration") else "motion"
        reply = browser.get("/events?" + "&".join([f"{word}={value}"] * many))
        assert reply.status == 422, word
        assert re.search(rf'class="wrong" id="problem-{word}">[^<]*(given|none)', reply.text), word
        assert f'aria-describedby="problem-{word}"' in reply.text, word
    assert "colour: it is no word of a filter" in browser.get("/events?colour=red").text


def test_what_is_wrong_with_a_filter_is_read_in_the_visitors_language(site: Site) -> None:
    """Also of a name that nothing has."""
    archive_events(site, 1)
    browser = site.client("anna")
    for query, said in (
        ("since=soon", "không phải thời điểm như"),
        ("camera=dor", "không có camera dor; có phải door?"),
        ("mark=bogus", "&#39;bogus&#39; không thuộc: new"),
    ):
        page = browser.get(f"/events?{query}", accept_language="vi").text
        assert said in page, query
        assert "is not" not in page and "there is" not in page and "none of" not in page


def test_a_time_beyond_the_calendar_is_said_at_its_field(site: Site) -> None:
    """Also such that a day before or after it is beyond; the first day that can be is shown."""
    browser = site.client("anna")
    for query in ("since=0001-01-02", "since=9999-12-31T10:00", "until=0001-01-03"):
        reply = browser.get(f"/events?{query}")
        assert reply.status == 422 and "not within the years 1970 to 2199" in reply.text, query
    for query in ("since=1970-01-01", "until=1970-01-01", "since=2199-12-31", "until=2199-12-30"):
        reply = browser.get(f"/events?{query}")
        assert reply.status == 200, query
        assert "1969" not in "".join(links(reply.text, "next")), query


def test_a_filter_is_kept_under_a_name_for_its_user_alone(site: Site) -> None:
    """And forgotten when its user says so."""
    archive_events(site, 1)
    anna, binh = site.client("anna"), site.client("binh")
    reply = anna.post_form("/saved-filters", name="cửa chính", query="camera=door&kind=motion")
    assert reply.status == 303
    assert 'href="/events?camera=door&amp;kind=motion"' not in binh.get("/events").text
    assert ">cửa chính</a>" in anna.get("/events").text
    assert anna.post_form("/saved-filters", name="x", query="colour=red").status == 422
    assert anna.post_form("/saved-filters/remove", name="cửa chính").status == 303
    assert "cửa chính" not in anna.get("/events").text


def test_a_kept_filter_keeps_its_words_as_they_were_typed(site: Site) -> None:
    """So that today is each day's own; what the form left empty is not kept."""
    anna = site.client("anna")
    page = anna.get("/events?since=today&camera=&before=1767225600000.1").text
    (query,) = re.findall(r'name="query" value="([^"]*)"', page)
    assert query == "since=today"
    assert anna.post_form("/saved-filters", name="hôm nay", query=query).status == 303
    assert site.archive.saved_filters("anna") == {"hôm nay": "since=today"}


def test_an_empty_answer_says_what_to_do(site: Site) -> None:
    """Differently where nothing ever happened."""
    browser = site.client("anna")
    assert "Nothing has happened yet" in browser.get("/events").text
    archive_events(site, 1)
    assert "No event fits" in browser.get("/events?camera=door&text=roof").text
