"""What a camera sees now, or saw last, as one picture."""

from __future__ import annotations

from hub.archive.audit import AuditFilter
from tests.hub.api.test_media import store
from tests.hub.console.test_now_page import camera, say
from tests.hub.people import API
from tests.hub.site import Site

PATH = f"{API}/nodes/gate-1/cameras/door/picture"


def test_the_last_stored_picture_comes_with_its_time(site: Site) -> None:
    """While the node is away, which is said to those who ask for one of now."""
    stored = store(site)
    client = site.client("anna")
    reply = client.get(f"{PATH}?stored=true")
    assert reply.status == 200 and reply.headers["content-type"] == "image/jpeg"
    assert reply.body == client.get(stored.picture).body
    assert reply.headers["x-camwatch-taken"].startswith("20")
    away = client.get(PATH)
    assert (away.status, away.get("error")) == (503, "offline")


def test_looking_is_in_the_trail(site: Site) -> None:
    """By whom, at which camera, and whether the camera was asked."""
    store(site)
    client = site.client("anna")
    for query in ("?stored=true", ""):
        client.get(PATH + query)
    for action in ("snapshot.view", "camera.picture"):
        where = AuditFilter(action=action, target="camera:gate-1/door")
        (entry,) = site.archive.audit.entries(where, limit=9)
        assert entry.deed.user == "anna"


def test_a_camera_without_a_picture_says_so(site: Site) -> None:
    """404 with a word of its own; a camera that is not there has another."""
    say(site, "gate-1", "healthy", camera("door"))
    client = site.client("anna")
    assert client.get(f"{PATH}?stored=true").get("error") == "not_here"
    elsewhere = client.get(f"{API}/nodes/gate-1/cameras/yard/picture?stored=true")
    assert (elsewhere.status, elsewhere.get("error")) == (404, "not_found")
