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


def test_a_table_is_given_and_taken_as_csv_and_written_down(site: Site) -> None:
    """What comes out goes in again; all of it or nothing, with what is wrong by its line."""
    admin = site.client("admin", "administrator")
    areas = "code,kind,name,parent\ndong,town,Phường Đông,\nto-1,group,Tổ 1,dong\n".encode()
    taken = admin.request("PUT", f"{API}/registry/areas", areas)
    assert (taken.status, taken.get("lines")) == (200, 2)
    given = admin.get(f"{API}/registry/areas")
    assert given.headers["content-type"] == "text/csv; charset=utf-8"
    assert "to-1,group,Tổ 1,dong" in given.text
    assert admin.request("PUT", f"{API}/registry/areas", given.body).get("lines") == 2
    wrong = admin.request("PUT", f"{API}/registry/areas", areas + b"x,group,X,nowhere\n")
    assert (wrong.status, wrong.get("error")) == (422, "spreadsheet")
    assert wrong.get("fields", 0, "field") == "line 4, parent"
    assert admin.request("PUT", f"{API}/registry/areas", b"\xff").get("fields", 0, "field")
    assert len(site.archive.registry().areas) == 2
    for table, lines in (
        ("organisations", "code,name,type\ntruong,Trường,school\n"),
        ("cameras", "node,camera,title,area\ngate-1,door,Cổng,to-1\n"),
    ):
        assert admin.request("PUT", f"{API}/registry/{table}", lines.encode()).get("lines") == 1
        given = admin.get(f"{API}/registry/{table}")
        assert admin.request("PUT", f"{API}/registry/{table}", given.body).get("lines") == 1
    entries = site.archive.audit.entries(AuditFilter(target="table:areas"), limit=9)
    assert [each.deed.outcome for each in entries].count("refused") == 2
    exports = site.archive.audit.entries(AuditFilter(action="registry.export"), limit=9)
    assert "areas" in {each.deed.target for each in exports}


def test_a_table_holds_what_the_visitor_may_see_and_only_all_may_write_it(site: Site) -> None:
    """As the registry itself."""
    site.archive.write(batch(Journal("gate-1").event()))
    admin = site.client("admin", "administrator")
    for code in ("dong", "tay"):
        assert admin.send("PUT", f"{API}/areas/{code}", {"kind": "town", "name": code}).status < 300
    admin.send("POST", f"{CAMERA}/places", {"area": "dong"})
    outside = site.client("binh", "administrator", Scope(areas=frozenset({"tay"})))
    assert "gate-1,door" in admin.get(f"{API}/registry/cameras").text
    assert "gate-1" not in outside.get(f"{API}/registry/cameras").text
    assert outside.request("PUT", f"{API}/registry/areas", b"code,kind,name\n").status == 403


def test_a_camera_that_was_registered_by_mistake_is_taken_out(site: Site) -> None:
    """One that there is footage of stays; both are in the trail."""
    site.archive.write(batch(Journal("gate-1").event()))
    admin = site.client("admin", "administrator")
    wrong = f"{API}/nodes/gate-1/cameras/dor"
    assert admin.send("PUT", f"{wrong}/title", {"title": "Cổng"}).status == 200
    assert admin.request("DELETE", wrong).status == 204
    assert admin.request("DELETE", wrong).status == 422
    kept = admin.request("DELETE", CAMERA)
    assert kept.status == 422 and "footage" in str(kept.get("message"))
    assert [each.name for each in site.archive.registry().cameras] == ["door"]
    assert site.client("anna", "operator").request("DELETE", CAMERA).status == 403
    entries = site.archive.audit.entries(AuditFilter(target="camera:gate-1/dor"), limit=9)
    assert [each.deed.outcome for each in entries] == ["refused", "done", "done", "done"]
