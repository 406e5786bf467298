"""A page that is only left open does not keep its session from ending."""

from __future__ import annotations

import importlib.resources
import re
import uuid

import pytest

from hub.registry.sessions import IDLE
from tests.hub.api.test_events import fill, stream
from tests.hub.console.test_now_page import camera, say
from tests.hub.people import API
from tests.hub.site import Site

CAMERA = "/nodes/gate-1/cameras/door"
PARTS = {
    "/now/cameras": "/now/cameras",
    "/now/events": "/now/events",
    "{{ page }}/state": f"{CAMERA}/state",
    "{{ page }}/history": f"{CAMERA}/history",
    "/registry/plans/{{ plan.code }}/marks": "/registry/plans/yard/marks",
}
"""What pages load again by themselves, as it stands in templates, with an example."""
PICTURE = f"{API}/events/{uuid.UUID(int=0)}/snapshots/{'0' * 64}"
LIVE = f"{API}/nodes/gate-1/cameras/yard/live"


def test_all_that_pages_load_by_themselves_is_tried_here() -> None:
    """A new part must not be forgotten."""
    folder = importlib.resources.files("hub.console").joinpath("templates")
    texts = [each.read_text("utf-8") for each in folder.iterdir() if each.name.endswith(".html")]
    assert {path for text in texts for path in re.findall(r'hx-get="([^"]*)"', text)} == set(PARTS)


@pytest.mark.parametrize("path", [*PARTS.values(), PICTURE, LIVE, f"{API}/live-updates"])
def test_what_an_open_page_loads_by_itself_is_no_use_of_its_session(site: Site, path: str) -> None:
    """After an idle hour they are out, however often it was loaded."""
    say(site, "gate-1", "healthy", camera("door"))
    client = site.client("anna")
    for _ in range(2):
        if path.endswith("live-updates"):
            with stream(client):
                pass
        else:
            assert client.get(path).status in (200, 404)
        site.clock.advance(IDLE.total_seconds() * 0.6)
    assert client.get("/").status == 303
    assert client.get(path).status in (303, 401)


@pytest.mark.parametrize("path", ["/", "/events", f"{API}/cameras"])
def test_what_somebody_opens_is_use_of_their_session(site: Site, path: str) -> None:
    """Also when it is the page that they are on, loaded again."""
    fill(site, "gate-1", 1)
    client = site.client("anna")
    for _ in range(3):
        assert client.get(path).status == 200
        site.clock.advance(IDLE.total_seconds() * 0.6)
