"""From a mask drawn in a browser to a node that heeds it: a real browser, hub, broker and node."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import Desk, make_administrator
from tests.browser.faults import serious_faults
from tests.harness.patience import PATIENCE_S
from tests.harness.plugin import NodeFactory
from tests.system import stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("console"), pytest.mark.timeout(900)]

CORNERS = ((0.01, 0.02), (0.99, 0.02), (0.99, 0.98), (0.01, 0.98))
PAGE = "/nodes/gate-1/cameras/street"


def events(desk: Desk, camera: str, since: datetime) -> list[dict[str, Any]]:
    """The camera's motion that began after a moment."""
    told = desk.hub.command("query", "--json", "--camera", camera, "--kind", "motion").stdout
    found = [json.loads(line) for line in told.splitlines()]
    return [each for each in found if datetime.fromisoformat(each["started_utc"]) > since]


def wait_for_events(desk: Desk, camera: str, since: datetime, number: int) -> None:
    """Until so many began after a moment."""
    deadline = time.monotonic() + 2 * PATIENCE_S
    while len(events(desk, camera, since)) < number:
        assert time.monotonic() < deadline, desk.hub.log_text[-2000:]
        time.sleep(1)


def wait_for_state(page: Page, *states: str) -> None:
    """Until the page says that the newest version is so."""
    shown = page.locator("#state .state")
    deadline = time.monotonic() + 2 * PATIENCE_S
    while not any(state in (shown.first.text_content() or "") for state in states):
        assert time.monotonic() < deadline, page.locator("#state").text_content()
        page.wait_for_timeout(500)


def test_motion_under_a_mask_that_was_drawn_triggers_no_more(
    desk: Desk, node: NodeFactory, tmp_path: Path
) -> None:
    """Until the version is undone. A second camera with the same film shows that all else goes
    on."""
    film = stage.car(tmp_path / "car.mp4")
    cameras = [stage.camera("street", film), stage.camera("yard", film)]
    node("gate-1", cameras, desk.enrolment).start_ready()
    make_administrator(desk)
    page, begun = desk.page, datetime.now(UTC)
    wait_for_events(desk, "street", begun, 1)
    desk.open(PAGE)
    expect(page.locator("#picture-state")).to_have_attribute("data-state", "fresh")
    assert page.locator("#stage img").evaluate("image => image.naturalWidth") == stage.WIDTH
    see_what_moves(page)
    desk.shoot("camera-settings-live-en")
    draw_mask(page)
    desk.shoot("camera-settings-real-en")
    assert serious_faults(page) == []
    page.get_by_role("button", name="Save").click()
    wait_for_state(page, "in effect")
    masked = datetime.now(UTC)
    wait_for_events(desk, "yard", masked, 2)
    assert events(desk, "street", masked) == []
    desk.shoot("camera-settings-applied-en")
    page.get_by_role("button", name="Leave everything to the node’s own settings").click()
    expect(page.locator("#said")).to_contain_text("Brought back as version 2")
    expect(page.locator("#shapes li")).to_have_count(0)
    wait_for_events(desk, "street", datetime.now(UTC), 1)


def see_what_moves(page: Page) -> None:
    """The live picture under the drawing, with cells marked where the car is."""
    page.get_by_role("button", name="What moves now").click()
    expect(page.locator("#picture-state")).to_have_attribute("data-state", "live")
    moving = page.locator("#stage canvas:not([data-cells='0'])[data-cells]")
    expect(moving).to_be_visible()
    page.get_by_role("button", name="What moves now").click()
    expect(page.locator("#picture-state")).to_have_attribute("data-state", "fresh")


def draw_mask(page: Page) -> None:
    """Over nearly all of the picture."""
    page.get_by_role("button", name="+ Mask").click()
    box = page.locator("#stage").bounding_box()
    assert box is not None
    for x, y in CORNERS:
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.keyboard.press("Enter")
    expect(page.locator("#shapes li")).to_have_count(1)
