"""A console on a real hub over HTTPS, in a real browser: what its tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.harness.broker import Broker
from tests.harness.plugin import HubFactory
from tests.harness.processes import Enrolment, HubProcess, enrol
from tests.hub.people import first_link

PASSWORD = "bốn từ không liên quan"
WAIT_MS = 60_000
PHONE: ViewportSize = {"width": 360, "height": 740}
OUTLINES = """() => [...document.querySelectorAll("a, button")].filter((e) => e.offsetParent)
    .map((e) => { e.focus({focusVisible: true}); return getComputedStyle(e).outlineStyle; })"""
PC: ViewportSize = {"width": 1280, "height": 800}


@dataclass
class Desk:
    """A running hub and a browser's page on it."""

    hub: HubProcess
    page: Page
    pictures: Path
    enrolment: Enrolment

    def open(self, path: str = "/") -> None:
        """Go there."""
        self.page.goto(self.hub.url + path)

    def shoot(self, name: str) -> None:
        """A screenshot for a person to look at."""
        self.page.screenshot(path=self.pictures / f"{name}.png", full_page=True)

    def log_in(self, name: str = "admin") -> None:
        """By the form."""
        self.open("/login")
        self.page.get_by_label("User name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("main").get_by_role("button", name="Log in").click()
        expect(self.page).to_have_url(self.hub.url + "/")


@pytest.fixture
def desk(hub: HubFactory, broker: Broker, browser: Browser, tmp_path: Path) -> Iterator[Desk]:
    """A hub that is ready, and a browser that speaks English and trusts its certificate."""
    process = hub(has_tls=True)
    enrolment = enrol(process, broker, "gate-1")
    process.start_until(lambda: "hub ready" in process.log_text)
    pictures = Path(os.environ.get("CAMWATCH_SCREENSHOTS", tmp_path / "screenshots"))
    pictures.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(ignore_https_errors=True, locale="en-GB", viewport=PC)
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda err: faults.append(str(err)))
    page.on(
        "console",
        lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None,
    )
    expect.set_options(timeout=WAIT_MS)
    yield Desk(process, page, pictures, enrolment)
    context.close()
    assert faults == []


def make_administrator(desk: Desk) -> None:
    """Through the one-time link in the log."""
    desk.open(first_link(desk.hub.log_text))
    page = desk.page
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Full name").fill("Nguyễn Thị Ngọc Ánh")
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_label("The same password again").fill(PASSWORD)
    desk.shoot("welcome-en")
    page.get_by_role("button", name="Go on").click()
    expect(page).to_have_url(desk.hub.url + "/")
