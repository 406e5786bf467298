"""The console's log-in, one-time links and languages, as a browser sees them."""

from __future__ import annotations

import re

import pytest

from hub.registry import users
from tests.hub.people import API, Client
from tests.hub.site import PASSWORD, Site


def link_for(site: Site, name: str | None) -> str:
    """The path of a fresh one-time link."""
    people = site.archive.people
    user = None if name is None else people.user_named(name)
    secret = users.invite(people, user, site.clock.utc(), site.actor())
    return users.LINK_PATH + secret


def field(page: str, name: str) -> str:
    """A hidden field's value."""
    found = re.findall(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return str(found[-1])


def test_a_stranger_is_sent_to_the_log_in_and_back_to_where_they_were_going(site: Site) -> None:
    """With the query that they came with."""
    site.add_user("anna", "viewer")
    browser = site.stranger()
    away = browser.get("/?since=today", Accept="text/html")
    assert (away.status, away.headers["location"]) == (303, "/login?next=%2F%3Fsince%3Dtoday")
    page = browser.get(away.headers["location"])
    back = browser.post_form(
        "/login", name="Anna", password=PASSWORD, next=field(page.text, "next")
    )
    assert (back.status, back.headers["location"]) == (303, "/?since=today")
    assert browser.get("/").status == 200
    assert browser.get("/login").headers["location"] == "/"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_a_log_in_never_leads_to_another_site(site: Site, target: str) -> None:
    """Whatever a link to the log-in says."""
    site.add_user("anna", "viewer")
    browser = site.stranger()
    reply = browser.post_form("/login", name="anna", password=PASSWORD, next=target)
    assert reply.headers["location"] == "/"


def test_a_wrong_password_gets_the_form_again_with_the_name_kept(site: Site) -> None:
    """And in the end the word how long to wait."""
    site.add_user("anna", "viewer")
    browser = site.stranger()
    for _ in range(5):
        page = browser.post_form("/login", name="anna", password="wrong")
        assert page.status == 401
        assert 'value="anna"' in page.text and "wrong" in page.text
    page = browser.post_form("/login", name="anna", password=PASSWORD)
    assert page.status == 429
    assert "300" in page.text


def test_a_log_in_form_of_another_site_is_refused(site: Site) -> None:
    """So nobody is logged in as somebody else without noticing."""
    site.add_user("anna", "viewer")
    browser = site.stranger()
    browser.origin = "https://evil.example"
    page = browser.post_form("/login", name="anna", password=PASSWORD)
    assert page.status == 403
    assert browser.cookies == {}


def test_logging_out_needs_the_page_s_own_token(site: Site) -> None:
    """An image on another site cannot do it; the button can."""
    browser = site.client("anna")
    csrf, browser.csrf = browser.csrf, None
    assert browser.post_form("/logout").status == 403
    assert browser.get("/").status == 200
    page = browser.get("/")
    assert field(page.text, "csrf") == csrf
    gone = browser.post_form("/logout", csrf=str(csrf))
    assert (gone.status, gone.headers["location"]) == (303, "/login")
    assert browser.get("/").status == 303


def test_the_first_administrator_comes_in_by_a_one_time_link(site: Site) -> None:
    """No default password; the link works once, and not once there is somebody."""
    other, link = link_for(site, None), link_for(site, None)
    browser = site.stranger()
    assert "no administrator" in browser.get("/login").text
    assert browser.get(other).status == 404  # replaced by the newer one
    page = browser.get(link)
    assert page.status == 200 and 'name="full_name"' in page.text
    entered = browser.post_form(
        link, name="Admin", full_name="Nguyễn Văn An", password=PASSWORD, again=PASSWORD
    )
    assert (entered.status, entered.headers["location"]) == (303, "/")
    assert browser.get(f"{API}/session").get("role") == "administrator"
    assert site.stranger().get(link).status == 404
    assert "no administrator" not in site.stranger().get("/login").text
    late = link_for(site, None)
    again = site.stranger().post_form(late, name="eve", password=PASSWORD, again=PASSWORD)
    assert "does not work" in again.text
    assert [user.name for user in site.archive.people.users()] == ["admin"]


def test_an_invited_user_chooses_a_password_and_old_sessions_end(site: Site) -> None:
    """The link expires after a day."""
    before = site.client("anna", "operator")
    link = link_for(site, "anna")
    browser = site.stranger()
    for password, again, why in (
        ("ngắn", "ngắn", "too short"),
        (PASSWORD, "other", "not the same"),
        ("password123", "password123", "Too many people"),
    ):
        page = browser.post_form(link, password=password, again=again)
        assert page.status == 422 and why in page.text
    assert (
        browser.post_form(
            link, password="năm chữ khác nhau hẳn", again="năm chữ khác nhau hẳn"
        ).status
        == 303
    )
    assert browser.get(f"{API}/session").get("role") == "operator"
    assert before.get("/").status == 303
    late = link_for(site, "anna")
    site.clock.advance(24 * 3600)
    assert browser.get(late).status == 404


def test_pages_speak_the_chosen_language_else_the_browser_s(site: Site) -> None:
    """Before and after the log-in; the choice is kept in the browser."""
    browser = site.stranger()
    assert '<html lang="en">' in browser.get("/login").text
    vietnamese = browser.get("/login", Accept_Language="vi-VN,vi;q=0.9,en;q=0.8")
    assert '<html lang="vi">' in vietnamese.text
    assert "Đăng nhập" in vietnamese.text
    assert vietnamese.headers["content-language"] == "vi"
    assert browser.post_form("/language", language="vi", next="/login").status == 303
    assert '<html lang="vi">' in browser.get("/login").text
    assert browser.post_form("/language", language="xx", next="//evil").headers["location"] == "/"
    assert '<html lang="vi">' in browser.get("/login").text


def test_an_address_without_a_page_says_so_as_a_page_or_as_json(site: Site) -> None:
    """By what is asked for."""
    browser = site.stranger()
    page = browser.get("/nowhere", Accept="text/html")
    assert page.status == 404 and "<h1>Not found</h1>" in page.text
    assert browser.get("/nowhere").get("error") == "not_found"
    assert browser.get(f"{API}/nowhere", Accept="text/html").get("error") == "not_found"


def test_static_files_are_kept_for_a_year_under_names_that_change(site: Site) -> None:
    """Anyone may have them; the page names them with their content's hash."""
    browser = site.stranger()
    page = browser.get("/login").text
    urls = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(urls) >= 5
    for url in urls:
        file = browser.get(url)
        assert file.status == 200, url
        assert "immutable" in file.headers["cache-control"]
        assert re.match(r"/static/[0-9a-f]{10}/", url)
    assert browser.get("/static/0000000000/console.css").status == 404
    assert browser.get("/static/../pages.py").status == 404


def test_nothing_on_a_page_comes_from_another_site_or_stands_inline(site: Site) -> None:
    """A network without internet is enough, and the content policy holds."""
    browser: Client = site.client("anna", "administrator")
    for path in ("/", "/login", "/nowhere"):
        page = browser.get(path, Accept="text/html").text
        assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', page)
        assert not re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", page)
