"""The page of one camera's settings: what it shows of versions and nodes' answers, and trials."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from edge.base import schema
from edge.contract import applied, names
from edge.contract.applied import Applied, Failure, FieldProblem
from edge.contract.motion import MotionSettings, Polygon, Zone
from edge.contract.settings import SettableCamera
from hub.archive.scope import Scope
from hub.archive.settings_values import AppliedNote
from hub.archive.values import Batch
from hub.registry import settings
from hub.registry.settings import Author
from tests.hub.api.test_trials import MASKED, fill
from tests.hub.console.test_now_page import camera, place, say
from tests.hub.site import Site

NODE, CAMERA = "gate-1", "door"
PAGE = f"/nodes/{NODE}/cameras/{CAMERA}"
PATH = Zone("path", ((0.1, 0.1), (0.5, 0.1), (0.5, 0.5)))
TREE = Polygon(((0.6, 0.6), (0.9, 0.6), (0.9, 0.9)))
MOTION = MotionSettings(zones=(PATH,), masks=(TREE,))


def tell(
    site: Site, version: int = 0, *, state: str = "applied", failure: Failure | None = None,
    from_hub: tuple[str, ...] = (), **part: Any,
) -> None:  # fmt: skip
    """The node says what it has."""
    motion = part.pop("motion", MOTION)
    has = SettableCamera(name=CAMERA, source="rtsp://192.0.2.7/", motion=motion, **part)
    seen = max(version, failure.version if failure else 0)
    said = Applied(
        v=names.VERSION, node=NODE, version=version, state=state, seen=seen,  # type: ignore[arg-type]
        at_utc=site.clock.utc(), failure=failure, from_hub=from_hub,
        settings={"time_zone": "Asia/Ho_Chi_Minh", "cameras": {CAMERA: schema.dump(has)}},
    )  # fmt: skip
    note = AppliedNote(said, applied.encode(said), site.clock.utc())
    site.archive.write(Batch(applied=(note,)))


def make(site: Site, note: str | None = None, **part: Any) -> int:
    """A new version that sets this of the camera; its number."""
    author = Author("lan", site.clock.utc(), note)
    return settings.make(site.archive, NODE, {"cameras": {CAMERA: part}}, author).version


def come(site: Site) -> None:
    """The node with its camera is there, and said what it has."""
    say(site, NODE, "healthy", camera(CAMERA))
    tell(site)


def document(page: str) -> Any:
    """What the page's script starts from."""
    found = re.search(r'data-document="([^"]*)"', page)
    assert found is not None
    return json.loads(html.unescape(found[1]))


def test_the_page_starts_from_what_holds_and_what_is_wanted_of_it(site: Site) -> None:
    """The node's own zones stay where the hub sets nothing; no address is in it."""
    come(site)
    make(site, motion={"sensitivity": 3}, clips={"audio": False})
    page = site.client("an", "administrator").get(PAGE).text
    found = document(page)
    assert found["motion"]["zones"][0]["name"] == "path" and found["motion"]["sensitivity"] == 3
    assert found["clips"]["audio"] is False and found["armed"] is True
    assert "source" not in found and "192.0.2.7" not in page
    assert 'data-version="1"' in page and "Asia/Ho_Chi_Minh" in page


def test_before_a_node_told_its_settings_the_page_says_so(site: Site) -> None:
    """There is nothing that could be changed."""
    say(site, NODE, "healthy", camera(CAMERA))
    page = site.client("an", "administrator").get(PAGE).text
    assert "has not told its settings yet" in page and "camera-settings.js" not in page


def test_what_a_role_may_change_is_what_the_api_takes_of_it(site: Site) -> None:
    """All, motion alone, or nothing; an administrator of a part is an operator here."""
    come(site)
    place(site, NODE, CAMERA, "north")
    north = Scope(areas=frozenset({"north"}))
    for name, client in {
        "all": site.client("an", "administrator"),
        "motion": site.client("binh", "administrator", north),
        "nothing": site.client("chi", "viewer", north),
    }.items():
        assert f'data-may="{name}"' in client.get(PAGE).text
    assert (
        site.client("dung", "operator", Scope(areas=frozenset({"south"}))).get(PAGE).status == 404
    )


def test_a_refusal_is_told_with_its_fields_and_a_way_back(site: Site) -> None:
    """And a version that was taken back with the reason; what is in effect is said."""
    come(site)
    client = site.client("an", "administrator")
    make(site, motion={"sensitivity": 3})
    tell(site, 1, from_hub=("cameras.door.motion.sensitivity",))
    make(site, motion={"sensitivity": 4})
    wrong = FieldProblem("cameras.door.motion.sensitivity", "is too much", "give less")
    refused = Failure(2, "refused", "invalid", "1 field is wrong", site.clock.utc(), (wrong,))
    tell(site, 1, failure=refused)
    state = client.get(f"{PAGE}/state").text
    assert "The node refused version 2" in state and "Version 1 is in effect" in state
    assert 'data-field="cameras.door.motion.sensitivity"' in state and "is too much" in state
    assert 'data-undo="1"' in state
    make(site, motion={"sensitivity": 5})
    lost = Failure(3, "rolled_back", "stream", "door: no packet in time", site.clock.utc())
    tell(site, 1, failure=lost)
    state = client.get(f"{PAGE}/state").text
    assert "took version 3 back by itself" in state and "pictures stopped" in state


def test_who_does_not_see_all_cameras_is_not_told_of_the_others(site: Site) -> None:
    """Not by what a node says of its refusal either, which may name any camera."""
    come(site)
    place(site, NODE, CAMERA, "north")
    make(site, motion={"sensitivity": 4})
    wrong = FieldProblem("cameras.yard.source", "is no address")
    said = f"1 field is wrong: {wrong.path}"
    client = site.client("binh", "operator", Scope(areas=frozenset({"north"})))
    for problems in ((wrong,), ()):
        tell(site, failure=Failure(1, "refused", "invalid", said, site.clock.utc(), problems))
        for path in (PAGE, f"{PAGE}/state", f"{PAGE}/history"):
            assert "yard" not in client.get(path).text
    assert wrong.path in site.client("an", "administrator").get(f"{PAGE}/history").text


def test_the_history_tells_each_change_in_words(site: Site) -> None:
    """From what to what, by whom and why; each can be brought back by those who may."""
    come(site)
    make(site, "gió to", motion={"sensitivity": 4, "zones": schema.dump((PATH,))})
    road = schema.dump(Zone("road", PATH.points))
    make(site, motion={"sensitivity": 6, "zones": [road]}, armed=False, disarmed_by="trường")
    page = site.client("an", "administrator").get(f"{PAGE}/history").text
    assert "Sensitivity: 4 → 6" in page and "Zones: new road, without path" in page
    assert "Camera: the node’s own → is switched off" in page and "gió to" in page
    assert 'data-undo="1"' in page and 'data-undo="2"' not in page
    assert "data-undo" not in site.client("binh", "operator").get(f"{PAGE}/history").text


def test_a_trial_comes_line_by_line_as_it_is_drawn(site: Site) -> None:
    """With the events themselves and where they moved."""
    found = fill(site)
    client = site.client("binh", "operator")
    reply = client.send("POST", f"{PAGE}/trial", {"motion": MASKED, "days": 7})
    lines = [json.loads(line) for line in reply.text.splitlines()]
    assert reply.status == 200 and len(lines) >= 2, reply.text
    told = lines[-1]["html"]
    assert "Of 5 events" in told and "the 1 confirmed one is kept" in told
    assert f"/events/{found[0]}" in told and "no trace of them is here" in told
    assert sorted(outcome for outcome, _ in lines[-1]["boxes"]) == ["gone"] * 2 + ["kept"] * 2
    bad = client.send("POST", f"{PAGE}/trial", {"motion": {"sensitivity": 99}, "days": 7})
    assert bad.status == 422 and "motion.sensitivity" in bad.text


def test_a_trial_without_traces_says_that_nothing_can_be_said(site: Site) -> None:
    """And why that may be."""
    come(site)
    client = site.client("binh", "operator")
    reply = client.send("POST", f"{PAGE}/trial", {"motion": {}, "days": 1})
    assert "nothing can be said" in json.loads(reply.text.splitlines()[-1])["html"]
