"""Users, tokens and the trail over the API."""

from __future__ import annotations

from edge.base.clock import utc_text
from hub.archive.audit import AuditFilter, AuditHead
from hub.archive.scope import Scope
from tests.hub.people import API, Client
from tests.hub.site import PASSWORD, Site

USERS, TOKENS, SESSION = f"{API}/users", f"{API}/tokens", f"{API}/session"


def actions(site: Site, user: str) -> list[str]:
    """What a user did, newest first, without coming and going."""
    found = site.archive.audit.entries(AuditFilter(user=user), limit=1000)
    return [each.deed.action for each in found if each.deed.action != "login"]


def test_an_administrator_adds_a_user_who_chooses_a_password_by_link(site: Site) -> None:
    """Nobody but the user ever has the password; each step is in the trail."""
    admin = site.client("admin", "administrator")
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
    for scope in ({"everything": True}, {"areas": ["north", "south"]}):
        made = anna.send("POST", TOKENS, {"name": "x", "role": "operator", "scope": scope})
        program = Client(site.url, site.ca_file, token=str(made.get("secret")))
        assert program.get(SESSION).get("scope", "areas") == ["north"]
        assert program.get(SESSION).get("scope", "everything") is False


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
