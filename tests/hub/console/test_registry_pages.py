"""The registry's pages: areas, organisations, cameras, plans, and all of them as spreadsheets."""

from __future__ import annotations

import struct
from datetime import date, timedelta

import pytest

from hub.archive.audit import AuditFilter
from hub.archive.scope import Scope
from hub.archive.values import CameraKey
from hub.console import registry_faults, texts
from hub.registry import present
from tests.hub.console.test_now_page import camera, place, say
from tests.hub.people import Client, Reply
from tests.hub.site import Site

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 800, 600) + bytes(20)
DOOR = CameraKey("gate-1", "door")
BOUNDARY = "a-boundary"


def post_file(
    client: Client, path: str, field: str, content: bytes, accept: str = "text/html", **texts: str
) -> Reply:
    """A form with a file in it, as a browser sends it (RFC 7578)."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in texts.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="f"\r\n\r\n'
    body = b"".join(parts) + head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Accept": accept}
    return client.request("POST", path, body, kind)


def make_town(admin: Client) -> None:
    """A ward with two groups."""
    for fields in (
        {"name": "Phường Đông", "kind": "town"},
        {"name": "Tổ 1", "kind": "group", "parent": "phuong-dong"},
        {"name": "Tổ 2", "kind": "group", "parent": "phuong-dong"},
    ):
        assert admin.post_form("/registry/areas", **fields).status == 303


def test_areas_are_added_as_a_tree_and_each_change_is_in_the_trail(site: Site) -> None:
    """The code comes from the name; a viewer sees the tree without its forms."""
    admin, viewer = site.client("admin", "administrator"), site.client("anna")
    assert "Add the town or ward first" in admin.get("/registry").text
    make_town(admin)
    page = admin.get("/registry").text
    assert page.index("Phường Đông") < page.index("Tổ 1") < page.index("Tổ 2")
    assert 'href="/registry/areas/to-1"' in page and "<form" in page
    seen = viewer.get("/registry").text
    assert "Tổ 1" in seen and "/registry/areas" not in seen
    found = site.archive.audit.entries(AuditFilter(action="registry.change"), limit=9)
    assert [each.deed.user for each in found] == ["admin"] * 3


def test_what_an_area_cannot_be_is_said_by_field_and_what_was_typed_stays(site: Site) -> None:
    """And nothing is changed; the trail has the refusal."""
    admin = site.client("admin", "administrator")
    page = admin.post_form("/registry/areas", name="Tổ lẻ", kind="group")
    assert page.status == 422
    assert "Part of" in page.text and "a residential group needs one" in page.text
    assert 'value="Tổ lẻ"' in page.text
    wrong = {"name": "Phường", "kind": "town", "from": "31/01/2026"}
    assert "is not a day" in admin.post_form("/registry/areas", **wrong).text
    missing = admin.post_form("/registry/areas", code="none", name="x", kind="town")
    assert missing.status == 422 and "there is no area none" in missing.text
    assert site.archive.registry().areas == ()
    found = site.archive.audit.entries(AuditFilter(action="registry.change"), limit=9)
    assert [each.deed.outcome for each in found[:2]] == ["refused", "done"]


def test_an_area_ends_into_another_and_is_shown_when_asked_for(site: Site) -> None:
    """One that something needs is not removed; one that nothing needs is."""
    admin = site.client("admin", "administrator")
    make_town(admin)
    ended = {
        "code": "to-2", "name": "Tổ 2", "kind": "group", "parent": "phuong-dong",
        "until": date(2020, 1, 1).isoformat(), "into": "to-1",
    }  # fmt: skip
    assert admin.post_form("/registry/areas", **ended).status == 303
    assert "Tổ 2" not in admin.get("/registry").text
    page = admin.get("/registry?ended=1").text
    assert "Tổ 2" in page and "became part of Tổ 1" in page
    form = admin.get("/registry/areas/to-2").text
    assert 'value="2020-01-01"' in form and '<option value="to-1" selected>' in form
    say(site, "gate-1", "healthy", camera("door"))
    door = {"node": "gate-1", "camera": "door"}
    assert admin.post_form("/registry/cameras", area="to-2", **door).status == 303
    page = admin.get("/registry/cameras/gate-1/door").text
    assert '<option value="to-2" selected>' in page, "saving its name must not lose its area"
    assert admin.post_form("/registry/cameras/remove", **door).status == 303
    refused = admin.post_form("/registry/areas/remove", code="to-1")
    assert refused.status == 422 and "is needed by area to-2" in refused.text
    assert admin.post_form("/registry/areas/remove", code="to-2").status == 303
    assert site.archive.registry().area("to-2") is None


def test_organisations_are_added_changed_and_removed(site: Site) -> None:
    """With whom to call, as links that a phone dials."""
    admin = site.client("admin", "administrator")
    assert "No organisation yet" in admin.get("/registry/organisations").text
    school = {"name": "Trường Lê Văn Tám", "type": "school", "phone": "0236 3822 113"}
    assert admin.post_form("/registry/organisations", **school).status == 303
    page = admin.get("/registry/organisations").text
    assert 'href="tel:02363822113"' in page and "school" in page
    code = site.archive.registry().organisations[0].code
    assert "0236 3822 113" in admin.get(f"/registry/organisations/{code}").text
    wrong = admin.post_form("/registry/organisations", code=code, **school | {"email": "x"})
    assert wrong.status == 422 and "is no address" in wrong.text
    changed = admin.post_form("/registry/organisations", code=code, name="Tiểu học", type="firm")
    assert changed.status == 303
    assert site.archive.registry().organisations[0].name == "Tiểu học"
    assert admin.post_form("/registry/organisations/remove", code=code).status == 303
    assert site.archive.registry().organisations == ()


def test_a_camera_moves_from_now_from_a_day_or_always(site: Site) -> None:
    """Its past places stay unless they are corrected; a new name moves nothing."""
    admin = site.client("admin", "administrator")
    make_town(admin)
    say(site, "gate-1", "healthy", camera("door"))
    assert "no place yet" in admin.get("/registry/cameras").text

    def save(**fields: str) -> int:
        given = {"node": "gate-1", "camera": "door", "title": "Cổng"} | fields
        return admin.post_form("/registry/cameras", **given).status

    def areas() -> list[str | None]:
        found = site.archive.registry().camera(DOOR)
        assert found is not None and found.title == "Cổng"
        return [each.area for each in found.places]

    assert save(area="to-1") == 303
    assert areas() == ["to-1"]
    site.clock.advance(600.0)
    assert save(area="to-2") == 303
    assert areas() == ["to-1", "to-2"]
    assert save(area="to-2") == 303 and areas() == ["to-1", "to-2"]
    page = admin.get("/registry/cameras/gate-1/door").text
    assert "From the beginning" in page and '<option value="to-2" selected>' in page
    assert save(area="to-1", start="day", since="soon") == 422
    day = (site.clock.utc() - timedelta(days=400)).date().isoformat()
    assert save(area="phuong-dong", start="day", since=day) == 303
    assert areas() == ["to-1", "phuong-dong"]
    assert save(area="to-2", start="always") == 303
    assert areas() == ["to-2"]
    assert save(area="nowhere") == 422
    assert "Tổ 2" in admin.get("/registry/cameras").text


def test_a_camera_without_footage_is_removed_and_none_is_made_up(site: Site) -> None:
    """What was never heard of has no page."""
    admin = site.client("admin", "administrator")
    place(site, "gate-1", "door", "north")
    assert admin.post_form("/registry/cameras", node="gate-1", camera="none").status == 404
    assert admin.post_form("/registry/cameras/remove", node="gate-1", camera="none").status == 422
    assert admin.post_form("/registry/cameras/remove", node="gate-1", camera="door").status == 303
    assert site.archive.registry().cameras == ()


def test_a_plan_is_uploaded_and_cameras_are_marked_on_it_with_their_state(site: Site) -> None:
    """By percent of its sides, with a decimal comma too; the place keeps its time and area."""
    admin = site.client("admin", "administrator")
    make_town(admin)
    say(site, "gate-1", "healthy", camera("door", lost=True))
    moved = {"node": "gate-1", "camera": "door", "title": "Cổng", "area": "to-1"}
    assert admin.post_form("/registry/cameras", **moved).status == 303
    sent = post_file(admin, "/registry/plans", "picture", PNG, name="Sân trường", area="to-1")
    assert (sent.status, sent.headers["location"]) == (303, "/registry/plans/san-truong")
    put = {"camera": "gate-1/door", "x": "37,5", "y": "20"}
    assert admin.post_form("/registry/plans/san-truong/cameras", **put).status == 303
    found = site.archive.registry().camera(DOOR)
    assert found is not None
    assert [(p.area, p.plan, p.x, p.y) for p in found.places] == [
        ("to-1", "san-truong", 0.375, 0.2)
    ]
    page = admin.get("/registry/plans/san-truong").text
    assert 'x="37.5%" y="20.0%" class="mark bad"' in page and "Cổng: no pictures" in page
    assert "style=" not in page
    marks = admin.get("/registry/plans/san-truong/marks").text
    assert "Cổng: no pictures" in marks and "<html" not in marks
    assert admin.post_form("/registry/plans/remove", code="san-truong").status == 422
    off = {"camera": "gate-1/door", "what": "off"}
    assert admin.post_form("/registry/plans/san-truong/cameras", **off).status == 303
    assert 'class="mark bad"' not in admin.get("/registry/plans/san-truong").text
    assert admin.post_form("/registry/plans/remove", code="san-truong").status == 303


def test_a_plan_gets_another_name_or_picture_and_keeps_its_code(site: Site) -> None:
    """What is no picture, and what is beyond the plan's sides, is refused with the reason."""
    admin = site.client("admin", "administrator")
    place(site, "gate-1", "door", "north")
    no = post_file(admin, "/registry/plans", "picture", b"<svg/>", name="Sân")
    assert no.status == 422 and "neither PNG nor JPEG" in no.text and 'value="Sân"' in no.text
    assert post_file(admin, "/registry/plans", "picture", PNG, name="Sân").status == 303
    again = post_file(admin, "/registry/plans", "picture", b"", name="Sân mới", code="san")
    assert again.status == 303
    (plan,) = site.archive.registry().plans
    assert (plan.code, plan.name, plan.width) == ("san", "Sân mới", 800)
    other = PNG.replace(struct.pack(">I", 800), struct.pack(">I", 900))
    assert post_file(admin, "/registry/plans", "picture", other, name="x", code="san").status == 303
    assert site.archive.registry().plans[0].width == 900
    for x, told in (("101", "is not from 0 to 1"), ("here", "is not a number"), ("nan", "0 to 1")):
        put = {"camera": "gate-1/door", "x": x, "y": "2"}
        page = admin.post_form("/registry/plans/san/cameras", **put)
        assert page.status == 422 and told in page.text, x


def test_a_spreadsheet_is_taken_whole_or_all_its_faults_are_shown(site: Site) -> None:
    """Each with its line and column; a viewer downloads what an administrator uploaded."""
    admin = site.client("admin", "administrator")
    rows = "code,kind,name,parent,from\nw,town,Phường,,\n"
    wrong = rows + "a,group,Tổ A,nowhere,\nb,grou,Tổ B,w,\nc,group,,w,\n"
    page = post_file(admin, "/registry/files", "file", wrong.encode(), table="areas")
    assert page.status == 422 and "3 faults" in page.text
    for line, field in ((3, "parent"), (4, "kind"), (5, "name")):
        assert f"<td>{line}</td><td>{field}</td>" in page.text
    assert site.archive.registry().areas == ()
    right = post_file(admin, "/registry/files", "file", rows.encode(), table="areas")
    assert right.headers["location"] == "/registry/files?taken=1"
    assert "1 line was taken" in admin.get("/registry/files?taken=1").text
    assert post_file(admin, "/registry/files", "file", b"", table="nodes").status == 422
    viewer = site.client("anna")
    assert '<form method="post" action="/registry' not in viewer.get("/registry/files").text
    given = viewer.get("/registry/files/areas.csv")
    assert "Phường" in given.text and "attachment" in given.headers["content-disposition"]
    assert viewer.get("/registry/files/nodes.csv").status == 404
    (entry,) = site.archive.audit.entries(
        AuditFilter(action="registry.export", user="anna"), limit=9
    )
    assert entry.deed.target == "areas"


def test_those_of_an_area_see_its_part_of_the_registry_and_change_nothing(site: Site) -> None:
    """Administrators of an area neither; what is elsewhere is in no page and no file."""
    admin = site.client("admin", "administrator")
    make_town(admin)
    admin.post_form("/registry/organisations", name="Hợp tác xã", type="firm")
    say(site, "gate-1", "healthy", camera("door"))
    moved = {"node": "gate-1", "camera": "door", "area": "to-1", "organisation": "hop-tac-xa"}
    assert admin.post_form("/registry/cameras", **moved).status == 303
    post_file(admin, "/registry/plans", "picture", PNG, name="Sân")
    put = {"camera": "gate-1/door", "x": "1", "y": "1"}
    assert admin.post_form("/registry/plans/san/cameras", **put).status == 303
    inside = site.client("anna", "administrator", Scope(areas=frozenset({"to-1"})))
    outside = site.client("binh", "administrator", Scope(areas=frozenset({"to-2"})))
    seen = inside.get("/registry").text
    assert "Phường Đông" in seen and "Tổ 1" in seen and "Tổ 2" not in seen
    for path in ("organisations", "cameras", "plans", "files/cameras.csv", "files/areas.csv"):
        told = outside.get(f"/registry/{path}").text
        assert not any(name in told for name in ("gate-1", "Hợp tác xã", "Sân", "to-1")), path
    assert "Hợp tác xã" in inside.get("/registry/organisations").text
    link = 'href="/registry/plans/san"'
    assert link in inside.get("/").text and link not in outside.get("/").text
    for path in ("plans/san", "plans/san/marks"):
        assert inside.get(f"/registry/{path}").status == 200
        assert outside.get(f"/registry/{path}").status == 404
    for path in ("areas/to-1", "organisations/hop-tac-xa", "cameras/gate-1/door"):
        assert inside.get(f"/registry/{path}").status == 403
    for path in ("areas", "areas/remove", "cameras", "plans/san/cameras", "plans", "files"):
        assert inside.post_form(f"/registry/{path}", table="areas").status == 403, path
    now = site.clock.utc()
    whole = site.archive.registry()
    assert present.visible_registry(whole, Scope(True), now) is whole
    owner = present.visible_registry(whole, Scope(organisations=frozenset({"hop-tac-xa"})), now)
    assert [each.code for each in owner.areas] == ["phuong-dong", "to-1"]


def test_a_camera_s_own_name_is_shown_as_text(site: Site) -> None:
    """Nothing that somebody typed becomes markup, in the list or on a plan."""
    admin = site.client("admin", "administrator")
    place(site, "gate-1", "door", "north")
    evil = "<script>alert(1)</script>"
    admin.post_form("/registry/cameras", node="gate-1", camera="door", title=evil, area="north")
    post_file(admin, "/registry/plans", "picture", PNG, name="p")
    admin.post_form("/registry/plans/p/cameras", camera="gate-1/door", x="1", y="1")
    for path in ("cameras", "cameras/gate-1/door", "plans/p"):
        page = admin.get(f"/registry/{path}").text
        assert "<script>alert" not in page and "&lt;script&gt;" in page


def test_faults_are_told_in_the_reader_s_language(site: Site) -> None:
    """Those of a form, of a picture and of a spreadsheet; no English is left in them."""
    admin = site.client("admin", "administrator")
    admin.cookies["camwatch-language"] = "vi"
    page = admin.post_form("/registry/areas", name="Tổ lẻ", kind="group")
    assert "Trực thuộc: tổ dân phố phải có cấp trên" in page.text
    page = post_file(admin, "/registry/plans", "picture", b"<svg/>", name="Sân")
    assert "hình không phải PNG hoặc JPEG" in page.text
    rows = "code,kind,name,parent\na,group,Tổ A,nowhere\n"
    page = post_file(admin, "/registry/files", "file", rows.encode(), table="areas")
    assert "không có địa bàn &#39;nowhere&#39;" in page.text
    page = post_file(admin, "/registry/files", "file", b"code,kind,nam\n", table="areas")
    assert "không có cột &#39;nam&#39;; có phải name?" in page.text


SENTENCES = [
    "it is empty", "130 characters, at most 120",
    "'X' is none: lower-case letters, digits and -, at most 40", "'x' is none of town, group",
    "a cluster is not within a household", "it must be later than from",
    "its parent to-1 ends on 2026-01-31; end this one by then too, or give it another parent",
    "only an area that ends, with a day in until, goes into another", "it leads back to to-1",
    "'x' is no number such as 0236 3822 113", "it must be later than the place before",
    "plan, x and y are given together or not at all", "2.0 is not from 0 to 1",
    "line 3 has it already", "an earlier line calls it 'x'", "3 cells, 2 columns",
    "the column name is there twice", "it is not UTF-8", "there is footage of gate-1/door",
    "area to-1 is needed by area to-2", "picture: it has 20.0 MiB, at most 16 MiB are kept",
]  # fmt: skip


@pytest.mark.parametrize("sentence", SENTENCES)
def test_each_sentence_of_the_rules_has_its_translation(sentence: str) -> None:
    """With its own values in it."""
    told = registry_faults.FAULTS.said(texts.texts_in("vi"), sentence)
    assert told != sentence and "%(" not in told
