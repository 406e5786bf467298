"""The operator's way to an event in a real browser: a real node, its footage, a real hub."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import PHONE, Desk, make_administrator
from tests.browser.faults import serious_faults
from tests.harness.patience import PATIENCE_S
from tests.harness.plugin import NodeFactory
from tests.system import stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("console")]

MOVED = "video => video.currentTime"
MEAN = """video => {
    const canvas = document.createElement("canvas");
    canvas.width = 64; canvas.height = 36;
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, 64, 36);
    const data = context.getImageData(0, 0, 64, 36).data;
    let sum = 0, squares = 0;
    for (let i = 0; i < data.length; i += 4) { sum += data[i]; squares += data[i] * data[i]; }
    const mean = sum / 2304;
    return [mean, Math.sqrt(squares / 2304 - mean * mean)];
}"""


def archived(desk: Desk, number: int) -> list[str]:
    """The ids of so many events with their clips, newest first, once they are there."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        told = desk.hub.command("query", "--json", "--camera", "street").stdout
        events = [json.loads(line) for line in told.splitlines()]
        done = [str(each["id"]) for each in events if each["clips_stored"]]
        if len(done) >= number:
            return done
        time.sleep(1)
    pytest.fail(f"no {number} events with clips came:\n{desk.hub.log_text[-2000:]}")


def wait_until(page: Page, what: str) -> None:
    """Until the page's own word for it is true; the pages' policy forbids Playwright's own way."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.evaluate(what):
        assert time.monotonic() < deadline, what
        page.wait_for_timeout(100)


@pytest.fixture
def watched(desk: Desk, node: NodeFactory, tmp_path: Path) -> Desk:
    """A desk whose hub has events with clips of a node that still watches."""
    cameras = [stage.camera("street", stage.car(tmp_path / "car.mp4"))]
    node("gate-1", cameras, desk.enrolment).start_ready()
    archived(desk, 2)
    make_administrator(desk)
    return desk


def test_an_operator_finds_plays_seeks_marks_and_notes(watched: Desk) -> None:
    """From the start page to a marked event, by mouse and keyboard."""
    desk, page = watched, watched.page
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Events").click()
    page.get_by_label("From").fill("1h")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("#grid .card").first).to_be_visible()
    expect(page.locator(".timeline .bar").first).to_be_attached()
    desk.shoot("events-en")
    assert serious_faults(page) == []

    page.keyboard.press("j")
    expect(page.locator("#grid .picture").first).to_be_focused()
    with_clip = page.locator('#grid .picture[data-clip^="/api/"]').first
    with_clip.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#player")).to_be_visible()
    wait_until(page, "() => document.querySelector('#player').readyState >= 2")
    page.keyboard.press(" ")
    wait_until(page, "() => document.querySelector('#player').currentTime > 0.3")
    player = page.locator("#player")
    player.evaluate("video => { video.pause(); video.currentTime = 1.5; }")
    wait_until(page, "() => !document.querySelector('#player').seeking")
    assert player.evaluate(MOVED) == pytest.approx(1.5, abs=0.3)
    mean, deviation = player.evaluate(MEAN)
    assert 20 < mean < 235 and deviation > 10  # the street: neither black nor one colour
    desk.shoot("event-en")
    assert serious_faults(page) == []

    page.get_by_label("Note", exact=True).fill("xe tải, đường Đào Duy Anh")
    page.get_by_role("button", name="confirmed").click()
    expect(page.get_by_text("xe tải, đường Đào Duy Anh")).to_be_visible()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Events").click()
    page.get_by_label("Words in notes and names").fill("duong dao")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("#grid .card")).to_have_count(1)
    expect(page.locator("#grid .card")).to_contain_text("confirmed")


def test_the_keyboard_marks_events_one_after_another(watched: Desk) -> None:
    """Without leaving the grid; the archive has it."""
    page = watched.page
    watched.open("/events")
    expect(page.locator("#grid .card").nth(1)).to_be_visible()
    cards = page.locator("#grid .card")
    page.locator('#grid .picture[data-clip^="/api/"]').first.focus()
    page.keyboard.press("p")
    expect(cards.locator("video")).to_be_visible()
    page.keyboard.press("f")
    expect(cards.filter(has_text="false alarm")).to_have_count(1)
    page.keyboard.press("s")
    expect(cards.filter(has_text="seen")).to_have_count(1)
    told = watched.hub.command("query", "--json", "--mark", "false_alarm")
    assert len(told.stdout.splitlines()) == 1, told


def test_the_pages_speak_vietnamese_and_fit_a_phone(watched: Desk) -> None:
    """Every page, with nothing wider than the screen and no fault that axe would find."""
    page = watched.page
    page.get_by_role("button", name="Tiếng Việt").click()
    (event, *_) = archived(watched, 1)
    pages = {"now": "/", "events": "/events", "event": f"/events/{event}", "nodes": "/nodes",
             "node": "/nodes/gate-1", "coverage": "/coverage", "lives": "/live",
             "coverage-camera": "/coverage/gate-1/street"}  # fmt: skip
    for name, path in pages.items():
        watched.open(path)
        expect(page.locator("h1")).to_be_visible()
        watched.shoot(f"{name}-vi")
        assert serious_faults(page) == [], name
        page.set_viewport_size(PHONE)
        watched.shoot(f"{name}-phone-vi")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
        page.set_viewport_size({"width": 1280, "height": 800})


def test_a_camera_is_watched_live_and_let_go(watched: Desk) -> None:
    """From the start page by a click; the pictures move; it stops and starts again."""
    page = watched.page
    page.locator("#cameras").get_by_role("link", name="street").first.click()
    state = page.locator("#live-state")
    expect(state).to_have_attribute("data-state", "playing")
    wait_until(page, "() => document.querySelector('#live video').currentTime > 1")
    watched.shoot("live-en")
    assert serious_faults(page) == []
    page.get_by_role("button", name="Stop").click()
    expect(state).to_have_attribute("data-state", "stopped")
    page.get_by_role("button", name="Watch again").click()
    expect(state).to_have_attribute("data-state", "playing")
