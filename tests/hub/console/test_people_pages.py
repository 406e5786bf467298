"""The pages of one's own account, of users and of who did what."""

from __future__ import annotations

import re

from hub.archive.audit import AuditFilter
from hub.archive.registry_values import Area
from hub.archive.scope import Scope
from hub.registry import edit
from tests.hub.people import API, Client
from tests.hub.site import PASSWORD, Site

NEW = "năm chữ khác nhau hẳn"


def shown_code(page: str) -> str:
    """What a page shows once, to be copied."""
    found = re.search(r"<code>([^<]+)</code>", page)
    assert found is not None, page
    return found[1]


def test_a_user_is_added_by_page_and_comes_in_by_the_link_shown(site: Site) -> None:
    """With the role and the area chosen; the link is not shown again."""
    admin = site.client("admin", "administrator")
    page = admin.post_form("/users/add", name="anna", full_name="Trần Anna", role="operator")
    assert page.status == 200
    link = shown_code(page.text)
    assert link.startswith(f"{site.url}/welcome/")
    path = link.removeprefix(site.url)
    assert path not in admin.get("/users").text
    anna = site.stranger()
    assert anna.post_form(path, password=PASSWORD, again=PASSWORD).status == 303
    assert anna.get(f"{API}/session").get("role") == "operator"
    again = admin.post_form("/users/add", name="anna")
    assert again.status == 422 and "already" in again.text
    missing = admin.post_form("/users/add", name="binh", scope="area:north")
    assert missing.status == 422 and "There is no such area or organisation." in missing.text
    assert site.archive.people.user_named("binh") is None
    edit.change(site.archive, lambda now: edit.put_area(now, Area("north", "town", "North")))
    limited = admin.post_form("/users/add", name="binh", scope="area:north")
    assert limited.status == 200
    user = site.archive.people.user_named("binh")
    assert user is not None and user.scope == Scope(areas=frozenset({"north"}))


def test_users_are_changed_by_page_and_the_last_administrator_stays(site: Site) -> None:
    """Role, disabled, enabled, a link for a new password."""
    admin, anna = site.client("admin", "administrator"), site.client("anna")

    def change(name: str, what: str, role: str = "") -> int:
        return admin.post_form("/users/change", name=name, what=what, role=role).status

    assert change("anna", "role", "operator") == 303
    assert anna.get(f"{API}/session").get("role") == "operator"
    assert change("anna", "disable") == 303
    assert anna.get(f"{API}/session").status == 401
    assert change("anna", "enable") == 303
    assert change("admin", "disable") == 422
    assert change("nobody", "disable") == 404
    page = admin.post_form("/users/change", name="anna", what="link")
    assert "/welcome/" in shown_code(page.text)


def test_an_administrator_of_an_area_sees_neither_users_nor_trail(site: Site) -> None:
    """Not in the navigation either."""
    north = site.client("anna", "administrator", Scope(areas=frozenset({"north"})))
    for path in ("/users", "/audit"):
        assert north.get(path, Accept="text/html").status == 403
        assert f'href="{path}"' not in north.get("/").text
    assert north.post_form("/users/add", name="eve", role="administrator").status == 403


def test_the_trail_is_a_page_with_links_filters_and_its_head(site: Site) -> None:
    """Newest first; what a stranger typed as a name is shown as text."""
    admin = site.client("admin", "administrator")
    site.stranger().log_in("<script>alert(1)</script>", "wrong")
    page = admin.get("/audit").text
    assert "&lt;script&gt;" in page and "<script>alert" not in page
    assert shown_code(page) == str(site.archive.audit.head())
    only = admin.get("/audit?action=login&user=admin").text
    assert "&lt;script&gt;" not in only and only.count("<tr>") == 2
    assert "Nothing fits" in admin.get("/audit?user=nobody").text


def test_a_password_is_changed_by_page(site: Site) -> None:
    """This browser stays in; what is wrong is told."""
    anna = site.client("anna")
    other = site.stranger()
    other.log_in("anna", PASSWORD)

    def change(old: str, new: str, again: str) -> tuple[int, str]:
        page = anna.post_form("/account/password", old=old, new=new, again=again)
        return page.status, page.text

    assert change(PASSWORD, NEW, "other")[0] == 422
    assert "too short" in change(PASSWORD, "ngắn", "ngắn")[1]
    assert "old password is wrong" in change("wrong", NEW, NEW)[1]
    assert change(PASSWORD, NEW, NEW)[0] == 303
    assert anna.get("/account?done=password").status == 200
    assert other.get("/account").status == 303


def test_a_token_is_made_used_and_ended_by_page(site: Site) -> None:
    """It is shown once; only one's own can be ended."""
    anna, binh = site.client("anna", "operator"), site.client("binh", "operator")
    page = anna.post_form("/account/tokens", name="màn hình", role="viewer", days="7")
    secret = shown_code(page.text)
    program = Client(site.url, site.ca_file, token=secret)
    assert program.get(f"{API}/session").get("role") == "viewer"
    listed = anna.get("/account").text
    assert "màn hình" in listed and secret not in listed
    assert anna.post_form("/account/tokens", name="x", role="administrator").status == 422
    anna.cookies["camwatch-language"] = "vi"
    refused = anna.post_form("/account/tokens", name="x", role="administrator").text
    assert "mã truy cập không thể có vai trò quản trị" in refused and "cannot be" not in refused
    assert binh.post_form("/account/tokens/revoke", id="1").status == 404
    assert anna.post_form("/account/tokens/revoke", id="1").status == 303
    assert program.get(f"{API}/session").status == 401
    found = site.archive.audit.entries(AuditFilter(action="token."), limit=9)
    assert [each.deed.action for each in found] == ["token.use", "token.revoke", "token.add"]
