"""Timelines, hours of coverage, health over time and neighbours over the API."""

from __future__ import annotations

from datetime import timedelta

from hub.archive.scope import Scope
from tests.hub.archive.conformance import batch
from tests.hub.console.test_now_page import camera, place, say
from tests.hub.journals import Journal
from tests.hub.people import API, Client
from tests.hub.site import Site

HOUR = timedelta(hours=1)
SOUTH = Scope(areas=frozenset({"south"}))


def happen(site: Site, node: str, *hours_ago: float, duration_ms: int = 4000) -> list[str]:
    """Archive an event of the node's door so many hours ago each; their ids."""
    found = []
    for number, hours in enumerate(hours_ago):
        start_utc = site.clock.utc() - hours * HOUR
        journal = Journal(node, seed=number, start_utc=start_utc)
        lines = journal.event(duration_ms=duration_ms)
        site.archive.write(batch(lines))
        found.append(str(lines[0].header.event))
    return found


def counts(client: Client, query: str) -> object:
    """The timeline's sums."""
    reply = client.get(f"{API}/events-timeline?{query}")
    assert reply.status == 200, reply.text
    return reply.get("counts")


def test_a_timeline_counts_what_fits_by_piece_and_camera(site: Site) -> None:
    """By the words of a filter; a time without events is zeros."""
    happen(site, "gate-1", 3.5, 3.4, 0.5)
    happen(site, "gate-2", 1.5, duration_ms=60_000)
    anna = site.client("anna")
    reply = anna.get(f"{API}/events-timeline?since=4h&bucket=1h")
    assert reply.get("counts") == [2, 0, 1, 1]
    assert reply.get("cameras") == [
        {"node": "gate-1", "camera": "door", "counts": [2, 0, 0, 1]},
        {"node": "gate-2", "camera": "door", "counts": [0, 0, 1, 0]},
    ]
    assert reply.get("bucket_ms") == 3_600_000
    assert counts(anna, "since=4h&bucket=1h&min_duration=30s") == [0, 0, 1, 0]
    assert counts(anna, "since=4h&bucket=2h&node=gate-1") == [2, 1]
    assert counts(anna, "since=2020-01-01&until=2020-01-01&bucket=12h") == [0, 0]
    assert counts(anna, "bucket=9000w") == [4]


def test_a_timeline_that_cannot_be_drawn_is_refused(site: Site) -> None:
    """Too many pieces, none at all, a time that ends before it begins; each by its field."""
    anna = site.client("anna")
    for query, field in (
        ("since=30d&bucket=1s", "bucket"), ("bucket=0s", "bucket"), ("bucket=wide", "bucket"),
        ("since=1h&until=2h", "until"), ("since=soon", "since"),
    ):  # fmt: skip
        reply = anna.get(f"{API}/events-timeline?{query}")
        assert reply.status == 422, query
        assert f"{field}:" in str(reply.get("message")), query


def test_overviews_show_what_is_in_scope_alone(site: Site) -> None:
    """Of cameras that hung in the visitor's areas, and no others."""
    start_utc = site.clock.utc() - 2 * HOUR
    for node, area in (("gate-1", "north"), ("gate-2", "south")):
        journal = Journal(node, start_utc=start_utc)
        lines = [journal.booted(), journal.watched(start_utc, start_utc + HOUR)]
        site.archive.write(batch([*lines, *journal.event()]))
        place(site, node, "door", area)
    client = site.client("nam", scope=SOUTH)
    for path in ("events-timeline", "coverage-hours"):
        cameras = client.get(f"{API}/{path}").get("cameras")
        assert [each["node"] for each in cameras] == ["gate-2"], path  # type: ignore[attr-defined]
    everywhere = site.client("anna")
    both = everywhere.get(f"{API}/coverage-hours?since=3h")
    assert [each["node"] for each in both.get("cameras")] == ["gate-1", "gate-2"]  # type: ignore[attr-defined]
    for query in ("area=south", "node=gate-2"):
        one = everywhere.get(f"{API}/coverage-hours?since=3h&{query}").get("cameras")
        assert [each["node"] for each in one] == ["gate-2"], query  # type: ignore[attr-defined]


def test_hours_of_coverage_are_columns_by_camera(site: Site) -> None:
    """As many as the time touches; what nobody told is unknown, with its cause."""
    now_utc = site.clock.utc()
    start_utc = now_utc.replace(minute=0, second=0, microsecond=0) - 3 * HOUR
    journal = Journal("gate-1", start_utc=start_utc)
    site.archive.write(batch([journal.booted(), journal.watched(start_utc, start_utc + HOUR)]))
    reply = site.client("anna").get(
        f"{API}/coverage-hours?since={start_utc:%Y-%m-%dT%H:%M:%S}Z&until=now"
    )
    hours = reply.get("hours")
    assert reply.get("since_utc") == f"{start_utc:%Y-%m-%dT%H:%M:%S}.000Z"
    row = reply.get("cameras", 0)
    assert isinstance(row, dict)
    watched_ms, unknown_ms = row["watched_ms"][:2], row["unknown_ms"][:2]
    assert [round(each / 60_000) for each in watched_ms] == [60, 0]
    assert [round(each / 60_000) for each in unknown_ms] == [0, 60]
    assert row["cause"][0] is None and row["cause"][1] is not None
    assert {len(row[each]) for each in ("watched_ms", "blind_ms", "unknown_ms", "cause")} == {hours}
    too_long = site.client("binh").get(f"{API}/coverage-hours?since=15d")
    assert (too_long.status, "query.since" in too_long.text) == (422, True)


def test_a_node_s_health_is_told_over_time(site: Site) -> None:
    """A sample for each ten minutes in which it spoke; other areas' nodes are not there."""
    for _ in range(3):
        say(site, "gate-1", "healthy", camera("door"), camera("yard", lost=True))
        site.clock.advance(600)
    place(site, "gate-1", "door", "north")
    anna = site.client("anna")
    reply = anna.get(f"{API}/nodes/gate-1/health?since=1h")
    samples = reply.get("samples")
    assert isinstance(samples, list) and len(samples) == 3
    assert (samples[0]["watching"], samples[0]["cameras"]) == (1, 2)
    assert anna.get(f"{API}/nodes/gate-1/health?since=1h&until=2h").status == 422
    assert anna.get(f"{API}/nodes/gate-2/health").status == 404
    assert site.client("nam", scope=SOUTH).get(f"{API}/nodes/gate-1/health").status == 404


def test_neighbours_are_events_around_one_in_its_area(site: Site) -> None:
    """The nearest first on either side, of what the visitor may see."""
    (middle,) = happen(site, "gate-1", 2)
    early, late = happen(site, "gate-2", 3, 1)
    (elsewhere,) = happen(site, "gate-3", 1.5)
    for node, area in (("gate-1", "north"), ("gate-2", "north"), ("gate-3", "south")):
        place(site, node, "door", area)
    reply = site.client("anna").get(f"{API}/events/{middle}/neighbours")
    found = {
        side: [each["id"] for each in reply.get(side)]  # type: ignore[attr-defined]
        for side in ("earlier", "later")
    }
    assert (reply.get("area"), found) == ("north", {"earlier": [early], "later": [late]})
    nam = site.client("nam", scope=SOUTH)
    assert nam.get(f"{API}/events/{middle}/neighbours").status == 404
    assert nam.get(f"{API}/events/{elsewhere}/neighbours").get("later") == []
