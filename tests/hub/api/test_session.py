"""Logging in and out over the API, and who is let in."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import replace
from datetime import timedelta

from hub.archive.audit import AuditFilter
from hub.registry import users
from hub.registry.sessions import IDLE, LONGEST
from tests.hub.people import API, Client
from tests.hub.site import PASSWORD, Site

SESSION = f"{API}/session"


def deeds(site: Site, action: str) -> list[tuple[str, str, str]]:
    """User, outcome and address of the trail's entries of an action, newest first."""
    found = site.archive.audit.entries(AuditFilter(action=action), limit=1000)
    return [(each.deed.user, each.deed.outcome, each.deed.address) for each in found]


def test_a_user_logs_in_and_is_known_until_they_log_out(site: Site) -> None:
    """The cookie is for this host, HTTPS and no script; the trail has both."""
    client = site.client("anna", "operator")
    me = client.get(SESSION)
    assert (me.status, me.get("name"), me.get("role")) == (200, "anna", "operator")
    assert client.request("DELETE", SESSION).status == 204
    assert client.cookies == {}
    assert client.get(SESSION).status == 401
    assert deeds(site, "login") == [("anna", "done", "127.0.0.1")]
    assert deeds(site, "logout") == [("anna", "done", "127.0.0.1")]


def test_the_cookie_is_secure_and_kept_from_scripts_and_other_hosts(site: Site) -> None:
    """RFC 6265bis: the __Host- prefix binds it to this host and HTTPS."""
    site.add_user("anna", "viewer")
    reply = site.stranger().log_in("anna", PASSWORD)
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith("__Host-camwatch=")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "secure", "samesite=lax", "path=/"}


def test_a_stolen_session_ends_with_its_log_out(site: Site) -> None:
    """The session is on the server: a copied cookie is worth nothing afterwards."""
    client = site.client("anna")
    thief = site.stranger()
    thief.cookies = dict(client.cookies)
    assert thief.get(SESSION).status == 200
    client.request("DELETE", SESSION)
    assert thief.get(SESSION).status == 401


def test_a_session_ends_when_idle_and_at_the_latest_after_its_longest_life(site: Site) -> None:
    """Use keeps it alive, but not for ever."""
    client = site.client("anna")
    site.clock.advance(IDLE.total_seconds() - 1)
    assert client.get(SESSION).status == 200
    site.clock.advance(IDLE.total_seconds() - 1)
    assert client.get(SESSION).status == 200
    left_s = (LONGEST - 2 * (IDLE - timedelta(seconds=1))).total_seconds()
    while left_s > 60:
        step_s = min(left_s - 30, IDLE.total_seconds() / 2)
        site.clock.advance(step_s)
        left_s -= step_s
        assert client.get(SESSION).status == 200
    site.clock.advance(60)
    assert client.get(SESSION).status == 401
    fresh = site.stranger()
    fresh.log_in("anna", PASSWORD)
    site.clock.advance(IDLE.total_seconds())
    assert fresh.get(SESSION).status == 401


def test_a_disabled_user_is_out_at_once_with_sessions_and_tokens(site: Site) -> None:
    """Also with what was given out before; enabling does not bring sessions back."""
    client, people = site.client("anna", "operator"), site.archive.people
    program = site.program("anna")
    assert program.get(SESSION).status == 200
    user = people.user_named("anna")
    assert user is not None
    users.change(site.archive, user, replace(user, disabled_utc=site.clock.utc()), site.actor())
    assert client.get(SESSION).status == 401
    assert program.get(SESSION).status == 401
    assert site.stranger().log_in("anna", PASSWORD).status == 401
    users.change(site.archive, user, replace(user, disabled_utc=None), site.actor())
    assert client.get(SESSION).status == 401
    assert site.stranger().log_in("anna", PASSWORD).status == 200


def test_a_new_password_ends_the_sessions_of_the_old_one(site: Site) -> None:
    """So somebody who had the old one is out within the second."""
    client, people = site.client("anna"), site.archive.people
    user = people.user_named("anna")
    assert user is not None
    users.set_password(people, user, "bốn chữ hoàn toàn khác", site.actor())
    assert client.get(SESSION).status == 401
    assert site.stranger().log_in("anna", PASSWORD).status == 401
    assert site.stranger().log_in("anna", "bốn chữ hoàn toàn khác").status == 200


def test_a_user_changes_their_own_password_for_the_old_one(site: Site) -> None:
    """This browser stays in, all others are out; a poor one is refused with the reason."""
    client = site.client("anna")
    elsewhere = site.stranger()
    elsewhere.log_in("anna", PASSWORD)
    new = "năm chữ khác nhau hẳn"
    path = f"{SESSION}/password"
    assert client.send("POST", path, {"old": "wrong", "new": new}).get("error") == "wrong"
    assert client.send("POST", path, {"old": PASSWORD, "new": "password1"}).get("error") == "common"
    assert client.get(SESSION).status == 200
    assert client.send("POST", path, {"old": PASSWORD, "new": new}).status == 200
    assert client.get(SESSION).status == 200
    assert elsewhere.get(SESSION).status == 401
    assert site.stranger().log_in("anna", PASSWORD).status == 401
    assert site.stranger().log_in("anna", new).status == 200
    assert site.program("anna").send("POST", path, {"old": new, "new": "x"}).status == 409


def test_the_old_password_cannot_be_tried_out_either(site: Site) -> None:
    """A borrowed browser is no way around the bound."""
    client = site.client("anna")
    path = f"{SESSION}/password"
    wrong = {"old": "wrong", "new": "năm chữ khác nhau hẳn"}
    assert [client.send("POST", path, wrong).status for _ in range(6)] == [401] * 5 + [429]


def test_what_expired_is_forgotten(site: Site) -> None:
    """So the tables do not grow for ever."""
    site.client("anna")
    user = site.archive.people.user_named("anna")
    assert user is not None
    users.invite(site.archive.people, user, site.clock.utc(), site.actor())
    people, now_utc = site.archive.people, site.clock.utc()
    people.drop_expired(now_utc, idle_since=now_utc - IDLE)
    assert len(people.sessions_of(user.id)) == 1
    people.drop_expired(now_utc + IDLE, idle_since=now_utc)
    assert people.sessions_of(user.id) == []


def test_a_body_that_trickles_is_ended(site: Site) -> None:
    """Nobody holds the hub with half a request, logged in or not."""
    line = http.client.HTTPSConnection(
        "127.0.0.1", int(site.url.rpartition(":")[2]), timeout=120,
        context=ssl.create_default_context(cafile=site.ca_file),
    )  # fmt: skip
    line.putrequest("POST", SESSION)
    line.putheader("Content-Type", "application/json")
    line.putheader("Content-Length", "100")
    line.endheaders(b'{"name": ')
    answer = line.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]) == (408, "slow")
    line.close()


def test_wrong_passwords_and_unknown_names_get_the_same_answer(site: Site) -> None:
    """Nobody learns who has an account; the trail says who was tried."""
    site.add_user("anna", "viewer")
    wrong = site.stranger().log_in("anna", "wrong")
    unknown = site.stranger().log_in("nobody", "wrong")
    assert (wrong.status, wrong.body) == (unknown.status, unknown.body)
    assert wrong.status == 401
    assert [user for user, _, _ in deeds(site, "login")] == ["nobody", "anna"]


def test_after_five_wrong_passwords_not_even_the_right_one_is_looked_at(site: Site) -> None:
    """For five minutes, for that user from that address; the answer says how long."""
    site.add_user("anna", "viewer")
    site.add_user("binh", "viewer")
    client = site.stranger()
    assert [client.log_in("anna", "wrong").status for _ in range(7)] == [401] * 5 + [429] * 2
    late = client.log_in("anna", PASSWORD)
    assert (late.status, late.headers["retry-after"]) == (429, "300")
    assert site.stranger().log_in("binh", PASSWORD).status == 200
    assert len(deeds(site, "login")) == 7  # five, once "too many", and binh's
    site.clock.advance(300)
    assert client.log_in("anna", PASSWORD).status == 200


def test_a_change_by_cookie_needs_the_page_s_token_and_our_own_origin(site: Site) -> None:
    """What another site makes a browser send changes nothing."""
    client = site.client("anna")
    csrf, client.csrf = client.csrf, None
    assert client.request("DELETE", SESSION).get("error") == "csrf"
    client.csrf = "0" * 64
    assert client.request("DELETE", SESSION).get("error") == "csrf"
    client.csrf = csrf
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        reply = client.request("DELETE", SESSION, headers=headers)
        assert (reply.status, reply.get("error")) == (403, "cross_site")
    assert client.get(SESSION).status == 200


def test_a_token_acts_for_its_user_but_never_above_its_own_role(site: Site) -> None:
    """And no session can be ended by it."""
    site.add_user("anna", "administrator")
    program = site.program("anna", "viewer")
    me = program.get(SESSION)
    assert (me.get("name"), me.get("role"), me.get("by")) == ("anna", "viewer", "token")
    assert program.request("DELETE", SESSION).get("error") == "token"
    site.clock.advance(timedelta(days=1).total_seconds())
    assert program.get(SESSION).status == 401


def test_a_token_that_is_not_one_is_refused_and_told_to_the_trail_once(site: Site) -> None:
    """Trying tokens out does not flood the trail."""
    for token in ("cwt_no", "x", "cwt_" + "a" * 5000):
        assert Client(site.url, site.ca_file, token=token).get(SESSION).status == 401
    assert len(deeds(site, "token.use")) == 1


def test_what_is_wrong_with_a_request_is_told_field_by_field(site: Site) -> None:
    """Unknown keys too."""
    reply = site.stranger().send("POST", SESSION, {"name": "", "passwort": "x"})
    assert reply.status == 422
    fields = reply.get("fields")
    assert isinstance(fields, list)
    assert {each["field"] for each in fields} == {"body.name", "body.password", "body.passwort"}


def test_an_answer_bears_the_headers_that_keep_other_sites_out(site: Site) -> None:
    """On API and pages alike."""
    for path in (SESSION, "/login", "/nowhere", "/healthz"):
        headers = site.stranger().get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert headers["strict-transport-security"] == "max-age=31536000"
        assert "server" not in headers
