"""The registry over the API."""

from __future__ import annotations

import struct

from hub.archive.audit import AuditFilter
from hub.archive.scope import Scope
from tests.hub.archive.conformance import batch
from tests.hub.journals import Journal
from tests.hub.people import API
from tests.hub.site import Site

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 800, 600) + bytes(20)
CAMERA = f"{API}/nodes/gate-1/cameras/door"


def test_areas_cameras_and_plans_are_put_in_place_and_scopes_follow(site: Site) -> None:
    """From an empty registry to a camera on a plan, which only its area's people see."""
    site.archive.write(batch(Journal("gate-1").event()))
    admin = site.client("admin", "administrator")
    town = {"kind": "town", "name": "Phường Đông"}
    assert admin.send("PUT", f"{API}/areas/dong", town).get("name") == "Phường Đông"
    group = {"kind": "group", "name": "Tổ 1", "parent": "dong"}
    assert admin.send("PUT", f"{API}/areas/to-1", group).status == 200
    school = {"name": "Trường Tiểu học", "type": "school", "phone": "024"}
    assert admin.send("PUT", f"{API}/organisations/truong", school).status == 200
    sent = admin.request("PUT", f"{API}/plans/so-do?name=S%C6%A1%20%C4%91%E1%BB%93&area=to-1", PNG)
    assert (sent.get("width"), sent.get("media_type")) == (800, "image/png")
    put = {"area": "to-1", "organisation": "truong", "plan": "so-do", "x": 0.5, "y": 0.25}
    assert admin.send("POST", f"{CAMERA}/places", put).get("places", 0, "x") == 0.5
    assert admin.send("PUT", f"{CAMERA}/title", {"title": "Cổng"}).get("title") == "Cổng"
    inside = site.client("anna", "viewer", Scope(areas=frozenset({"dong"})))
    outside = site.client("binh", "viewer", Scope(areas=frozenset({"tay"})))
    assert inside.get(f"{API}/registry").get("cameras", 0, "title") == "Cổng"
    picture = inside.get(f"{API}/plans/so-do/picture")
    assert (picture.body, picture.headers["content-type"]) == (PNG, "image/png")
    assert outside.get(f"{API}/registry").get("cameras") == []
    assert outside.get(f"{API}/plans/so-do/picture").status == 404
    assert len(inside.get(f"{API}/events").get("events")) == 1  # type: ignore[arg-type]
    assert outside.get(f"{API}/events").get("events") == []


def test_what_the_registry_cannot_be_is_refused_with_the_reason(site: Site) -> None:
    """And the trail says both that it was tried and that it was refused."""
    admin = site.client("admin", "administrator")
    lost = admin.send("PUT", f"{API}/areas/to-1", {"kind": "group", "name": "x", "parent": "no"})
    assert (lost.status, lost.get("error")) == (422, "registry")
    assert "parent" in str(lost.get("message"))
    assert admin.send("POST", f"{CAMERA}/places", {"area": "nowhere"}).status == 422
    assert admin.send("POST", f"{CAMERA}/places", {"x": 2}).status == 422
    assert admin.request("PUT", f"{API}/plans/p?name=x", b"<svg/>").status == 422
    assert admin.request("DELETE", f"{API}/areas/none").status == 422
    found = site.archive.audit.entries(AuditFilter(action="registry.change"), limit=99)
    assert [each.deed.outcome for each in found] == ["refused", "done"] * 4
    assert admin.get(f"{API}/registry").get("areas") == []


def test_a_plan_may_be_large_but_no_other_body(site: Site) -> None:
    """16 MiB of a picture; 64 KiB of a document."""
    admin = site.client("admin", "administrator")
    assert admin.request("PUT", f"{API}/plans/p?name=x", PNG + bytes(3_000_000)).status == 200
    note = {"name": "x", "type": "firm", "note": "x" * 70_000}
    assert admin.send("PUT", f"{API}/organisations/o", note).get("error") == "too_large"
