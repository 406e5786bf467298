"""Filters under a name over the API: whose they are, how they are kept, what is refused."""

from __future__ import annotations

from hub.registry import saved
from tests.hub.people import API
from tests.hub.site import Site

PATH = f"{API}/saved-filters"


def test_a_filter_is_kept_as_it_was_typed_for_its_user_alone(site: Site) -> None:
    """Yesterday is each day's own; the same name again replaces it."""
    anna, binh = site.client("anna"), site.client("binh")
    given = {"name": "  Đêm   qua ", "filter": "since=yesterday&node=&mark=new&mark=seen"}
    kept = {"name": "Đêm qua", "filter": "since=yesterday&mark=new&mark=seen"}
    reply = anna.send("PUT", PATH, given)
    assert (reply.status, reply.json) == (200, kept)
    anna.send("PUT", PATH, {"name": "Đêm qua", "filter": "min_duration=10s"})
    assert anna.get(PATH).json == [{"name": "Đêm qua", "filter": "min_duration=10s"}]
    assert binh.get(PATH).json == []


def test_a_filter_is_forgotten_by_its_own_user(site: Site) -> None:
    """404 for a name that is none of theirs."""
    anna, binh = site.client("anna"), site.client("binh")
    anna.send("PUT", PATH, {"name": "a/b", "filter": "kind=motion"})
    assert binh.request("DELETE", f"{PATH}?name=a/b").status == 404
    assert anna.request("DELETE", f"{PATH}?name=a/b").status == 204
    assert anna.get(PATH).json == []


def test_what_is_wrong_with_a_filter_is_named(site: Site) -> None:
    """By field; nothing of it is kept."""
    anna = site.client("anna")
    for given, field in (
        ({"name": "x", "filter": "since=soon"}, "body.since"),
        ({"name": "x", "filter": "colour=red"}, "body.colour"),
        ({"name": " ", "filter": ""}, "body.name"),
        ({"name": "x\ny\x07", "filter": ""}, "body.name"),
        ({"name": "x", "filter": "&".join(["kind=a"] * 99)}, "body.filter"),
    ):
        reply = anna.send("PUT", PATH, given)
        assert (reply.status, reply.get("fields", 0, "field")) == (422, field), given
    assert anna.get(PATH).json == []


def test_a_user_keeps_a_bounded_number(site: Site) -> None:
    """So that nobody fills the disk with names."""
    anna = site.client("anna")
    for number in range(saved.MAX_A_USER):
        site.archive.save_filter("anna", f"{number}", "kind=motion", site.clock.utc())
    assert anna.send("PUT", PATH, {"name": "one more", "filter": ""}).status == 422
    assert anna.send("PUT", PATH, {"name": "7", "filter": "kind=lost"}).status == 200
