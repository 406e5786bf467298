"""Events over the API: search by words, paging, one event, marks and notes, what changes."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from edge.base.clock import utc_text
from hub.archive.audit import AuditFilter
from hub.archive.registry_values import Place
from hub.archive.scope import Scope
from hub.archive.values import CameraKey
from hub.registry import edit, users
from hub.registry.sessions import IDLE
from tests.hub.archive.absence_conformance import drop
from tests.hub.archive.conformance import batch
from tests.hub.console.test_now_page import camera, place, say
from tests.hub.journals import START_UTC, Journal
from tests.hub.people import API, Client
from tests.hub.site import Site

EVENTS = f"{API}/events"
CHATTER_S, CHATTER_EVERY_S = 40.0, 0.5


def fill(site: Site, node: str, count: int) -> list[str]:
    """Archive so many events of a node; their ids, newest first."""
    journal = Journal(node)
    lines = [line for _ in range(count) for line in journal.event(zones=("path",))]
    site.archive.write(batch(lines))
    return list(dict.fromkeys(str(line.header.event) for line in reversed(lines)))


def ids(client: Client, query: str = "") -> list[str]:
    """The ids that a query gives."""
    reply = client.get(f"{EVENTS}?{query}")
    assert reply.status == 200, reply.text
    found = reply.get("events")
    assert isinstance(found, list)
    return [each["id"] for each in found]


def test_events_come_newest_first_a_page_at_a_time(site: Site) -> None:
    """By key, forth and back; the last page says that it is."""
    made = fill(site, "gate-1", 25)
    client = site.client("anna")
    first = client.get(f"{EVENTS}?limit=10")
    second = client.get(f"{EVENTS}?limit=10&before={first.get('next')}")
    third = client.get(f"{EVENTS}?limit=10&before={second.get('next')}")
    pages = [[each["id"] for each in page.get("events")] for page in (first, second, third)]  # type: ignore[attr-defined]
    assert pages == [made[:10], made[10:20], made[20:]]
    assert third.get("next") is None
    key = second.get("events", 0, "key")
    assert ids(client, f"limit=10&after={key}") == made[:10]
    assert client.get(f"{EVENTS}?before={key}&after={key}").status == 422
    assert client.get(f"{EVENTS}?before=yesterday").status == 422


def test_the_words_of_the_command_line_filter_and_come_back_canonical(site: Site) -> None:
    """So that a link means the same to everybody; times without an offset are the hub's."""
    fill(site, "gate-1", 3)
    theirs = fill(site, "gate-2", 2)
    client = site.client("anna")
    assert ids(client, "node=gate-2") == theirs
    assert ids(client, "node=gate-2&zone=path&kind=motion&kind=tampered&mark=new") == theirs
    assert ids(client, "node=gate-2&min_duration=1h") == []
    assert ids(client, "until=2000-01-01") == []
    reply = client.get(f"{EVENTS}?mark=seen&mark=new&since=2026-01-31%2012:00&node=gate-2&text=")
    assert (
        reply.get("filter") == "since=2026-01-31T05%3A00%3A00.000Z&node=gate-2&mark=new&mark=seen"
    )
    assert client.get(f"{API}/events-count?node=gate-1").json == {"number": 3, "is_more": False}
    assert client.get(f"{API}/events-count?limit=2").json == {"number": 2, "is_more": True}


def test_words_that_make_no_sense_are_named_all_at_once(site: Site) -> None:
    """By field, with what is wrong."""
    reply = site.client("anna").get(f"{EVENTS}?since=soon&mark=good&max_duration=long")
    assert reply.status == 422
    fields = reply.get("fields")
    assert isinstance(fields, list)
    assert {each["field"] for each in fields} == {
        "query.since", "query.mark", "query.max_duration",
    }  # fmt: skip


def test_names_that_nothing_has_are_refused_with_the_near_ones(site: Site) -> None:
    """Not answered as if nothing had happened."""
    fill(site, "gate-1", 1)
    anna = site.client("anna")
    for path in ("events", "events-count", "events-timeline", "coverage-hours", "gaps"):
        reply = anna.get(f"{API}/{path}?node=gate1")
        assert reply.status == 422, path
        assert "there is no node gate1; gate-1?" in str(reply.get("fields", 0, "message")), path
    reply = anna.get(f"{EVENTS}?camera=roof&area=noth&organisation=nobody")
    fields = reply.get("fields")
    assert isinstance(fields, list)
    assert {each["field"] for each in fields} == {
        "query.camera", "query.area", "query.organisation",
    }  # fmt: skip


def test_a_zone_or_label_that_nothing_has_and_a_kind_that_is_none_are_refused(site: Site) -> None:
    """A closed set at once, a name once nothing was found."""
    fill(site, "gate-1", 1)
    anna = site.client("anna")
    for path in ("events", "events-count", "events-timeline"):
        for query, said in (
            ("zone=pth", "there is no zone pth; path?"),
            ("label=persn", "there is no label persn; person?"),
            ("kind=moton", "'moton' is none of motion, tampered, lost"),
            ("min_duration=10s&max_duration=5s", "it is shorter than min_duration"),
        ):
            reply = anna.get(f"{API}/{path}?{query}")
            assert reply.status == 422, (path, query)
            assert said in str(reply.get("fields", 0, "message")), (path, query)


def test_who_sees_a_part_is_told_no_name_of_the_rest(site: Site) -> None:
    """What is outside answers as what is nowhere; what was once inside is known."""
    for node, area in (("gate-1", "north"), ("gate-2", "south")):
        fill(site, node, 1)
        place(site, node, "door", area)
    nam = site.client("nam", scope=Scope(areas=frozenset({"south"})))
    told = [
        str(nam.get(f"{EVENTS}?{query}").get("message")).replace(name, "NAME")
        for query, name in (("node=gate-1", "gate-1"), ("node=gate-9", "gate-9"))
    ]
    assert told[0] == told[1]
    assert "there is no node NAME; gate-2? (or it is outside of your scope)" in told[0]
    assert nam.get(f"{EVENTS}?area=north").status == 422
    later = Place(START_UTC + timedelta(days=1), "north")
    edit.change(
        site.archive,
        lambda before: edit.place_camera(before, CameraKey("gate-2", "door"), later),
    )
    assert len(ids(nam, "node=gate-2")) == 1
    assert ids(nam, "node=gate-2&until=2000-01-01") == []


def test_one_event_comes_with_its_signed_records_and_its_view_is_written_down(site: Site) -> None:
    """The payload is byte for byte what the node signed."""
    journal = Journal("gate-1")
    lines = journal.event(clip=b"a clip", snapshot=b"a picture")
    site.archive.write(batch(lines))
    event = str(lines[0].header.event)
    shown = site.client("anna").get(f"{EVENTS}/{event}")
    records = shown.get("records")
    assert isinstance(records, list)
    assert [each["payload"].encode() for each in records] == [line.payload for line in lines]
    assert [bytes.fromhex(each["signature"]) for each in records] == [
        line.signature for line in lines
    ]
    assert (shown.get("clips", 0, "url"), shown.get("clips", 0, "stored_utc")) == (None, None)
    (entry,) = site.archive.audit.entries(AuditFilter(action="event.view"), limit=9)
    assert (entry.deed.user, entry.deed.target) == ("anna", f"event:{event}")


def test_an_operator_marks_and_notes_and_everybody_sees_who_did(site: Site) -> None:
    """A viewer may not; what is wrong with a note is told."""
    (event,) = fill(site, "gate-1", 1)
    viewer, operator = site.client("anna", "viewer"), site.client("binh", "operator")
    remarks = f"{EVENTS}/{event}/remarks"
    assert viewer.send("POST", remarks, {"mark": "confirmed"}).status == 403
    marked = operator.send("POST", remarks, {"mark": "confirmed", "note": "đào đường lúc 3 giờ"})
    assert (marked.status, marked.get("mark")) == (200, "confirmed")
    for wrong in ({}, {"mark": "good"}, {"note": "   "}, {"note": "x" * 5000}, {"note": "\x00"}):
        assert operator.send("POST", remarks, wrong).status == 422, wrong
    assert viewer.get(f"{EVENTS}/{event}").get("remarks") == [
        {
            "user": "binh",
            "at_utc": utc_text(site.clock.utc()),
            "mark": "confirmed",
            "note": "đào đường lúc 3 giờ",
        }
    ]
    assert ids(viewer, "text=dao%20duong") == [event]
    (entry,) = site.archive.audit.entries(AuditFilter(action="event.note"), limit=9)
    assert (entry.deed.user, entry.deed.detail["mark"]) == ("binh", "confirmed")


@contextmanager
def stream(client: Client) -> Iterator[Iterator[tuple[str, object]]]:
    """The client's live updates as they come: name and data."""
    line = http.client.HTTPSConnection(
        client.host, client.port, timeout=120,
        context=ssl._create_unverified_context(),  # noqa: S323 - the test's own server
    )  # fmt: skip
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    line.request("GET", f"{API}/live-updates", headers={"Cookie": cookie})
    answer = line.getresponse()
    assert (answer.status, answer.getheader("content-type")) == (
        200, "text/event-stream; charset=utf-8",
    )  # fmt: skip
    assert answer.readline() == b"retry: 3000\n"

    def updates() -> Iterator[tuple[str, object]]:
        name = ""
        while text := answer.readline().decode():
            if text.startswith("event: "):
                name = text[7:].strip()
            elif text.startswith("data: "):
                yield name, json.loads(text[6:])

    try:
        yield updates()
    finally:
        line.close()


def test_what_changes_is_told_as_it_changes_to_those_who_may_see_it(site: Site) -> None:
    """Events and nodes; of another area nothing at all."""
    for node, area in (("gate-1", "north"), ("gate-2", "south")):
        say(site, node, "healthy", camera("door"))
        place(site, node, "door", area)
    everything = site.client("anna")
    south = site.client("binh", "viewer", Scope(areas=frozenset({"south"})))
    with stream(everything) as all_updates, stream(south) as south_updates:
        assert next(all_updates) == next(south_updates) == ("begun", {})
        site.clock.advance(1)
        say(site, "gate-1", "healthy", camera("door"))
        say(site, "gate-2", "healthy", camera("door"))
        assert next(south_updates) == ("node", {"node": "gate-2", "state": "online"})
        (first,) = fill(site, "gate-1", 1)
        (second,) = fill(site, "gate-2", 1)
        seen = [data["id"] for name, data in _events(all_updates, 2)]
        assert seen == [first, second]
        (told,) = [data["id"] for name, data in _events(south_updates, 1)]
        assert told == second


def _events(updates: Iterator[tuple[str, object]], count: int) -> list[tuple[str, dict[str, str]]]:
    """So many updates about events; those about nodes are passed over."""
    found: list[tuple[str, dict[str, str]]] = []
    for name, data in updates:
        if name == "event":
            assert isinstance(data, dict)
            found.append((name, data))
        if len(found) == count:
            break
    return found


def test_the_stream_ends_with_the_session(site: Site) -> None:
    """A log-out elsewhere is enough."""
    client = site.client("anna")
    with stream(client) as updates:
        client.request("DELETE", f"{API}/session")
        assert [name for name, _ in updates if name != "begun"] == []


def test_what_is_lost_of_another_area_s_camera_is_not_told(site: Site) -> None:
    """Although it hangs on the same node, whose other camera the visitor may see."""
    content = b"a clip"
    journal = Journal("gate-1")
    lines = journal.event(camera="door", clip=content)
    site.archive.write(batch([*lines, drop(journal, lines, content)]))
    say(site, "gate-1", "healthy", camera("door"), camera("yard"))
    place(site, "gate-1", "door", "north")
    place(site, "gate-1", "yard", "south")
    event = str(lines[0].header.event)
    south = site.client("anna", "viewer", Scope(areas=frozenset({"south"})))
    assert south.get(f"{API}/gaps").json == {"records": [], "files": []}
    page = south.get("/nodes/gate-1")
    assert page.status == 200 and event not in page.text
    north = site.client("binh", "viewer", Scope(areas=frozenset({"north"})))
    assert north.get(f"{API}/gaps").get("files", 0, "event") == event
    assert event in north.get("/nodes/gate-1").text
    assert site.client("chi").get(f"{API}/gaps").get("files", 0, "event") == event


@contextmanager
def chatter(site: Site, node: str) -> Iterator[list[str]]:
    """News that never pauses for long, until left or for CHATTER_S; the ids of events so far."""
    made: list[str] = []
    over = threading.Event()

    def talk() -> None:
        journal = Journal(node)
        for _ in range(int(CHATTER_S / CHATTER_EVERY_S)):
            lines = journal.event(zones=("path",))
            site.archive.write(batch(lines))
            made.append(str(lines[0].header.event))
            if over.wait(CHATTER_EVERY_S):
                return

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        yield made
    finally:
        over.set()
        talking.join()


@pytest.mark.parametrize("how", ["logs out", "is disabled", "is idle for too long"])
def test_who_is_locked_out_hears_no_more_though_news_never_pauses(site: Site, how: str) -> None:
    """A hub with many cameras is never silent."""
    client = site.client("anna")
    with stream(client) as updates, chatter(site, "gate-1") as made:
        assert len(_events(updates, 1)) == 1
        if how == "logs out":
            client.request("DELETE", f"{API}/session")
        elif how == "is disabled":
            user = site.archive.people.user_named("anna")
            assert user is not None
            gone = replace(user, disabled_utc=site.clock.utc())
            users.change(site.archive, user, gone, site.actor())
        else:
            site.clock.advance(IDLE.total_seconds() + 60)
        heard = [data["id"] for _, data in _events(updates, 1000)]
        assert len(heard) < len(made) < CHATTER_S / CHATTER_EVERY_S


def test_whose_scope_is_narrowed_hears_no_more_of_the_rest_and_is_told_to_ask_anew(
    site: Site,
) -> None:
    """Without logging in again, and though news never pauses."""
    for node, area in (("gate-1", "north"), ("gate-2", "south")):
        place(site, node, "door", area)
    client = site.client("anna")
    with stream(client) as updates, chatter(site, "gate-1"):
        assert next(updates) == ("begun", {})
        assert len(_events(updates, 1)) == 1
        user = site.archive.people.user_named("anna")
        assert user is not None
        south = replace(user, scope=Scope(areas=frozenset({"south"})))
        users.change(site.archive, user, south, site.actor())
        for count, (name, _) in enumerate(updates):
            if name == "begun":
                break
            assert count < CHATTER_S / CHATTER_EVERY_S / 2
        (of_south,) = fill(site, "gate-2", 1)
        assert [data["id"] for _, data in _events(updates, 1)] == [of_south]


def test_coverage_gaps_and_nodes_answer(site: Site) -> None:
    """As the commands do; a time that makes no sense is refused."""
    start_utc = site.clock.utc() - timedelta(hours=1)
    journal = Journal("gate-1", start_utc=start_utc)
    site.archive.write(
        batch([journal.booted(), journal.watched(start_utc, start_utc + timedelta(minutes=30))])
    )
    say(site, "gate-1", "healthy", camera("door", lost=True))
    client = site.client("anna")
    node = f"{API}/nodes/gate-1"
    assert client.get(node).get("health", "cameras", 0, "state") == "lost"
    assert client.get(f"{API}/cameras").get(0, "condition") == "lost"
    since = utc_text(start_utc)
    found = client.get(f"{node}/cameras/door/coverage?since={since}")
    assert (found.get("minutes"), found.get("watched_minutes")) == (60, 29)  # whole ones alone
    assert client.get(f"{node}/cameras/door/coverage?since={since}&until={since}").status == 422
    assert client.get(f"{node}/cameras/none/coverage?since={since}").status == 404
    assert client.get(f"{API}/gaps").json == {"records": [], "files": []}
    site.problems.begin("disk", "no room")
    assert client.get(f"{API}/problems").get(0, "what") == "disk"
