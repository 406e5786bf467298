"""The console in a real browser, on a real hub over HTTPS with a scripted node."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from tests.browser import chromium
from tests.browser.desk import OUTLINES, PC, PHONE, Desk, make_administrator
from tests.browser.faults import serious_faults
from tests.harness.plugin import PublisherFactory
from tests.hub.people import first_link

LIST = "/now/cameras"

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("console")]


def test_the_first_administrator_logs_in_out_and_in_again(desk: Desk) -> None:
    """By link, by button, by form; a wrong password is told."""
    make_administrator(desk)
    page = desk.page
    expect(page.get_by_text("Nguyễn Thị Ngọc Ánh")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(desk.hub.url + "/login")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    desk.shoot("login-wrong-en")
    desk.log_in()
    expect(page.get_by_text("No camera yet")).to_be_visible()


def test_an_event_appears_without_reloading(desk: Desk, publisher: PublisherFactory) -> None:
    """The node comes, an event begins and ends, the node goes and comes again; the page says it by
    itself."""
    make_administrator(desk)
    page = desk.page
    node = publisher("gate-1", enrolment=desk.enrolment)
    expect(page.get_by_text("Nothing has happened yet")).to_be_visible()
    for made in node.make_event(camera="door", zones=("path",)):
        node.send(made)
    expect(page.locator("#events").get_by_text("path")).to_be_visible()
    desk.shoot("now-en")
    cameras = page.locator("#cameras")
    node.vanish()
    expect(cameras.get_by_text("not connected", exact=True).first).to_be_visible()
    node.connect()
    expect(cameras.get_by_text("no word", exact=True).first).to_be_visible()  # but connected
    expect(cameras.get_by_text("not connected", exact=True)).to_have_count(0)
    desk.open("/nodes")
    expect(page.get_by_text("connected", exact=True)).to_be_visible()


def test_the_pages_of_people_shut_nobody_out(desk: Desk) -> None:
    """No fault that axe would find in those about logging in, users and updates, nor where
    something went wrong; in both languages, on a PC and a phone."""
    check(desk, "/login", first_link(desk.hub.log_text))
    make_administrator(desk)
    check(desk, "/users", "/audit", "/account", "/updates", "/no-such-page")


def check(desk: Desk, *paths: str) -> None:
    """Each page in each language and size, with nothing wider than the screen."""
    page = desk.page
    for language in ("Tiếng Việt", "English"):
        for path in paths:
            desk.open(path)
            if (button := page.get_by_role("button", name=language)).count():
                button.click()
            for size in (PHONE, PC):
                page.set_viewport_size(size)
                expect(page.locator("h1")).to_be_visible()
                assert serious_faults(page) == [], (path, language)
                width = page.evaluate("document.documentElement.scrollWidth")
                assert width <= size["width"], (path, language)


def test_seven_tabs_load_and_the_one_that_is_shown_hears_news(
    desk: Desk, publisher: PublisherFactory
) -> None:
    """A browser has six connections to the hub: a tab that nobody looks at holds none."""
    make_administrator(desk)
    tabs = [desk.page]
    for number in range(7):
        chromium.hide(tabs[-1])
        tabs.append(tab := desk.page.context.new_page())
        tab.set_default_timeout(20_000)
        tab.goto(f"{desk.hub.url}/events" if number % 2 else desk.hub.url)
        expect(tab.get_by_role("navigation").first).to_be_visible()
    chromium.hide(tabs[-1])
    node = publisher("gate-1", enrolment=desk.enrolment)
    for made in node.make_event(camera="door", zones=("path",)):
        node.send(made)
    first = tabs[0]
    chromium.show(first)
    expect(first.locator("#events").get_by_text("path")).to_be_visible()
    node.close()


def test_a_long_list_is_loaded_again_the_less_often_the_longer_it_is(desk: Desk) -> None:
    """At once, and for all that came meanwhile once more; none is left out."""
    make_administrator(desk)
    page = desk.page
    with page.expect_request(f"**{LIST}"):  # what it loads when the stream of news has begun
        page.reload()
    page.wait_for_timeout(3000)
    loads: list[float] = []
    page.on("request", lambda each: loads.append(time.monotonic()) if LIST in each.url else None)
    page.route(f"**{LIST}", lambda each: each.fulfill(body="<ul>" + "<li></li>" * 300 + "</ul>"))
    for _ in range(5):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('camwatch:node'))")
        page.wait_for_timeout(100)
    page.wait_for_timeout(3000)
    assert len(loads) == 2
    page.evaluate("document.body.dispatchEvent(new CustomEvent('camwatch:picture'))")
    page.wait_for_timeout(7000)
    assert len(loads) == 3
    assert loads[1] - loads[0] >= 1.9 and loads[2] - loads[1] >= 5.9


def test_pages_turn_vietnamese_and_fit_a_phone_in_the_dark(desk: Desk) -> None:
    """The choice stays; nothing is wider than the screen; dark is a button away."""
    make_administrator(desk)
    page = desk.page
    page.get_by_role("button", name="Tiếng Việt").click()
    expect(page.get_by_role("heading", name="Camera hiện tại")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "vi"
    desk.shoot("now-empty-vi")
    page.set_viewport_size(PHONE)
    page.get_by_role("button", name="Nền sáng hoặc nền tối").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    desk.shoot("now-empty-phone-dark-vi")
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    expect(page.get_by_role("button", name="English")).to_be_visible()


def test_an_administrator_adds_a_user_and_sees_it_in_the_trail(desk: Desk) -> None:
    """And the pages fit a phone, in both languages."""
    make_administrator(desk)
    page = desk.page
    page.get_by_role("link", name="Users").click()
    form = page.get_by_role("region", name="Add a user")
    form.get_by_label("User name").fill("ngoc.anh")
    form.get_by_label("Full name").fill("Trần Ngọc Anh")
    form.get_by_label("Role").select_option("operator")
    form.get_by_role("button", name="Add, and make a link").click()
    expect(page.get_by_role("status")).to_contain_text("/welcome/")
    expect(page.get_by_role("cell", name="Trần Ngọc Anh")).to_be_visible()
    desk.shoot("users-en")
    page.get_by_role("link", name="Who did what").click()
    expect(page.get_by_role("cell", name="added a user")).to_be_visible()
    desk.shoot("audit-en")
    desk.open("/account")
    page.get_by_label("For what").fill("screen in the hall")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_role("status")).to_contain_text("cwt_")
    desk.shoot("account-en")
    page.get_by_role("button", name="Tiếng Việt").click()
    page.set_viewport_size(PHONE)
    for path in ("/users", "/audit", "/account"):
        desk.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        desk.shoot(f"{path[1:]}-phone-vi")


def test_the_keyboard_alone_is_enough(desk: Desk) -> None:
    """The first stop skips the navigation; every stop shows where it is."""
    make_administrator(desk)
    page = desk.page
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    outlines = page.evaluate(OUTLINES)
    assert outlines and set(outlines) == {"solid"}
