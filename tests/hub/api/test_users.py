"""Users, tokens and the trail over the API."""

from __future__ import annotations

import pytest

from edge.base.clock import utc_text
from hub.archive.audit import AuditFilter, AuditHead
from hub.archive.registry_values import Area, Camera, Place, Registry
from hub.archive.scope import Scope
from hub.registry import edit
from tests.hub.api.test_media import store
from tests.hub.people import API, Client
from tests.hub.site import PASSWORD, Site

USERS, TOKENS, SESSION = f"{API}/users", f"{API}/tokens", f"{API}/session"


def actions(site: Site, user: str) -> list[str]:
    """What a user did, newest first, without coming and going."""
    found = site.archive.audit.entries(AuditFilter(user=user), limit=1000)
    return [each.deed.action for each in found if each.deed.action != "login"]


def put_areas(site: Site) -> None:
    """Register a town with north, in which north-5 is, and south."""

    def how(registry: Registry) -> Registry:
        registry = edit.put_area(registry, Area("town", "town", "Town"))
        registry = edit.put_area(registry, Area("north", "group", "North", "town"))
        registry = edit.put_area(registry, Area("north-5", "cluster", "North 5", "north"))
        return edit.put_area(registry, Area("south", "group", "South", "town"))

    edit.change(site.archive, how)


def put_camera(site: Site, area: str) -> None:
    """Place the camera of the stored event there, always."""
    camera = Camera("gate-1", "door", places=(Place(area=area),))
    edit.change(site.archive, lambda registry: edit.put_camera(registry, camera))


def test_an_administrator_adds_a_user_who_chooses_a_password_by_link(site: Site) -> None:
    """Nobody but the user ever has the password; each step is in the trail."""
    admin = site.client("admin", "administrator")
    edit.change(site.archive, lambda now: edit.put_area(now, Area("phuong-1", "town", "Phường 1")))
    scope = {"everything": False, "areas": ["phuong-1"], "organisations": []}
    new = {"name": "anna", "full_name": " Trần  Thị Anna ", "role": "operator", "scope": scope}
    added = admin.send("POST", USERS, new)
    assert (added.status, added.get("full_name")) == (201, "Trần Thị Anna")
    assert (added.get("state"), added.get("scope")) == ("no password yet", scope)
    assert admin.send("POST", USERS, new).get("error") == "name_taken"
    link = admin.send("POST", f"{USERS}/anna/link", {})
    assert link.get("expires_utc") == "2026-01-02T00:00:00.000Z"
    anna = site.stranger()
    path = str(link.get("path"))
    assert anna.post_form(path, password=PASSWORD, again=PASSWORD).status == 303
    assert anna.get(SESSION).get("scope") == scope
    assert admin.get(f"{USERS}/anna").get("state") == "active"
    assert actions(site, "admin") == ["user.invite", "user.add"]
    assert actions(site, "anna") == ["user.password"]


def test_changes_of_a_user_hold_at_once(site: Site) -> None:
    """Role, scope, and whether they may come in at all."""
    admin, anna = site.client("admin", "administrator"), site.client("anna", "viewer")
    path = f"{USERS}/anna"
    put_areas(site)
    assert admin.send("PATCH", path, {"role": "operator", "full_name": "Anna"}).status == 200
    assert anna.get(SESSION).get("role") == "operator"
    admin.send("PATCH", path, {"scope": {"areas": ["north"]}})
    assert anna.get(SESSION).get("scope", "areas") == ["north"]
    off = admin.send("PATCH", path, {"is_disabled": True})
    assert (off.get("state"), off.get("role")) == ("disabled", "operator")
    assert anna.get(SESSION).status == 401
    assert admin.send("PATCH", path, {"is_disabled": False}).get("state") == "active"
    assert actions(site, "admin") == ["user.enable", "user.disable", "user.change", "user.change"]
    assert admin.send("PATCH", f"{USERS}/nobody", {}).status == 404
    for wrong in (
        {"role": "king"},
        {"password": "x"},
        {"scope": {"everything": True, "areas": ["a"]}},
    ):
        assert admin.send("PATCH", path, wrong).status == 422, wrong


def test_the_last_administrator_cannot_take_the_key_away(site: Site) -> None:
    """Neither by another role nor by disabling; with a second one it is possible."""
    admin = site.client("admin", "administrator")
    path = f"{USERS}/admin"
    for change in ({"role": "viewer"}, {"is_disabled": True}, {"scope": {"areas": ["a"]}}):
        assert admin.send("PATCH", path, change).get("error") == "last_administrator"
    site.add_user("second", "administrator", Scope(areas=frozenset({"north"})))
    assert admin.send("PATCH", path, {"role": "viewer"}).get("error") == "last_administrator"
    site.add_user("third", "administrator")
    assert admin.send("PATCH", path, {"role": "viewer"}).status == 200


def test_a_token_is_shown_once_and_is_its_maker_s_to_revoke(site: Site) -> None:
    """Others see neither it nor its secret; an administrator sees that it is there."""
    anna, binh = site.client("anna", "operator"), site.client("binh", "operator")
    admin = site.client("admin", "administrator")
    made = anna.send("POST", TOKENS, {"name": "screen in the hall", "days": 30})
    secret = str(made.get("secret"))
    assert made.get("token", "expires_utc") == "2026-01-31T00:00:00.000Z"
    program = Client(site.url, site.ca_file, token=secret)
    assert (program.get(SESSION).get("role"), program.get(SESSION).get("name")) == (
        "viewer",
        "anna",
    )
    assert program.send("POST", TOKENS, {"name": "more"}).get("error") == "token"
    assert secret not in anna.get(TOKENS).text and "screen" in anna.get(TOKENS).text
    assert anna.get(TOKENS).get(0, "used_utc") == utc_text(site.clock.utc())
    assert binh.get(TOKENS).json == []
    assert binh.get(f"{TOKENS}?of_all=true").status == 403
    assert admin.get(f"{TOKENS}?of_all=true").get(0, "user") == "anna"
    one = f"{TOKENS}/{made.get('token', 'id')}"
    assert binh.request("DELETE", one).status == 404
    assert anna.request("DELETE", one).status == 204
    assert anna.request("DELETE", one).status == 404
    assert program.get(SESSION).status == 401


def test_a_token_is_never_more_than_its_user(site: Site) -> None:
    """Not by role, not by scope, and not for ever."""
    north = Scope(areas=frozenset({"north"}))
    anna = site.client("anna", "operator", north)
    assert anna.send("POST", TOKENS, {"name": "x", "role": "administrator"}).status == 422
    assert anna.send("POST", TOKENS, {"name": "x", "days": 10_000}).status == 422
    put_areas(site)
    for scope in ({"everything": True}, {"areas": ["north"]}, {"areas": ["town"]}):
        made = anna.send("POST", TOKENS, {"name": "x", "role": "operator", "scope": scope})
        program = Client(site.url, site.ca_file, token=str(made.get("secret")))
        assert program.get(SESSION).get("scope", "areas") == ["north"]
        assert program.get(SESSION).get("scope", "everything") is False


def test_a_token_for_an_area_inside_its_user_s_sees_that_area(site: Site) -> None:
    """And no more of the user's; its user's scope is asked at each use."""
    put_areas(site)
    event = store(site).event
    put_camera(site, "north-5")
    anna = site.client("anna", "viewer", Scope(areas=frozenset({"north"})))
    made = anna.send("POST", TOKENS, {"name": "x", "scope": {"areas": ["north-5"]}})
    program = Client(site.url, site.ca_file, token=str(made.get("secret")))
    assert program.get(SESSION).get("scope", "areas") == ["north-5"]
    assert program.get(f"{API}/events").get("events", 0, "id") == event
    put_camera(site, "north")
    assert program.get(f"{API}/events").get("events") == []
    assert anna.get(f"{API}/events").get("events", 0, "id") == event


@pytest.mark.parametrize(
    ("scope", "field"),
    [
        ({"areas": ["north", "nowhere"]}, "areas"),
        ({"areas": ["south"]}, "areas"),
        ({"organisations": ["school"]}, "organisations"),
    ],
)
def test_a_token_that_would_see_nothing_is_not_made(
    site: Site, scope: dict[str, list[str]], field: str
) -> None:
    """Whether the code is not there or only not theirs is told by the same words."""
    put_areas(site)
    anna = site.client("anna", "viewer", Scope(areas=frozenset({"north"})))
    reply = anna.send("POST", TOKENS, {"name": "x", "scope": scope})
    assert (reply.status, reply.get("fields", 0, "field")) == (422, f"body.scope.{field}")
    what, code = field.removesuffix("s"), scope[field][-1]
    said = f"there is no {what} {code} in the scope of its user"
    assert reply.get("fields", 0, "message") == said
    assert anna.get(TOKENS).json == []


def test_a_user_of_what_is_not_registered_is_neither_added_nor_made(site: Site) -> None:
    """A mistyped code would show them nothing, with 200; all that is wrong is told at once."""
    put_areas(site)
    admin = site.client("admin", "administrator")
    wrong = {"areas": ["nroth", "north"], "organisations": ["school"]}
    reply = admin.send("POST", USERS, {"name": "anna", "scope": wrong})
    assert reply.status == 422
    assert reply.get("fields") == [
        {"field": "body.scope.areas", "message": "there is no area nroth"},
        {"field": "body.scope.organisations", "message": "there is no organisation school"},
    ]
    assert site.archive.people.user_named("anna") is None
    site.add_user("anna", "viewer", Scope(areas=frozenset({"gone"})))
    path = f"{USERS}/anna"
    assert admin.send("PATCH", path, {"scope": {"areas": ["nroth"]}}).status == 422
    assert admin.send("PATCH", path, {"scope": {"areas": ["gone", "north"]}}).status == 200
    assert admin.send("PATCH", path, {"is_disabled": True}).status == 200


def test_the_trail_is_read_by_administrators_and_so_is_its_head(site: Site) -> None:
    """Filtered and paged; the look at it is in it as well."""
    admin = site.client("admin", "administrator")
    for _ in range(3):
        site.stranger().log_in("anna", "wrong")
    found = admin.get(f"{API}/audit?outcome=refused&limit=2")
    assert [each["user"] for each in found.get("entries")] == ["anna", "anna"]  # type: ignore[attr-defined]
    rest = admin.get(f"{API}/audit?outcome=refused&limit=2&before={found.get('next')}")
    assert (len(rest.get("entries")), rest.get("next")) == (1, None)  # type: ignore[arg-type]
    assert actions(site, "admin") == ["audit.view"]
    head = AuditHead.parse(str(admin.get(f"{API}/audit/head").get("head")))
    assert head == site.archive.audit.head()
