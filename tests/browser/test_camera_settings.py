"""The settings of a camera in a real browser: zones and masks by mouse, finger and keyboard, what
they would have dropped, versions. The hub's HTTP side is real; what the node says is made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from edge.base import schema
from edge.contract.applied import Failure, FieldProblem
from edge.contract.schedule import Schedule, in_force
from hub.archive.audit import AuditFilter
from hub.console.static_files import StaticFiles
from hub.registry import settings
from tests.browser.desk import PC, PHONE
from tests.browser.faults import serious_faults
from tests.harness.credentials import Authority
from tests.hub.api.test_trials import fill
from tests.hub.console.test_camera_settings_page import CAMERA, NODE, PAGE, make, tell
from tests.hub.console.test_now_page import camera, say
from tests.hub.site import PASSWORD, Site

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("console")]

WAIT_MS = 60_000


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Certificates for the loopback."""
    return Authority(tmp_path_factory.mktemp("authority"))


@dataclass
class Editor:
    """The page of the camera, and the hub behind it."""

    site: Site
    page: Page
    pictures: Path

    def open(self) -> None:
        """Until its script is ready."""
        self.page.goto(self.site.url + PAGE)
        expect(self.page.locator("#settings[data-ready]")).to_be_attached()

    def shoot(self, name: str) -> None:
        """A screenshot for a person to look at."""
        self.page.screenshot(path=self.pictures / f"{name}.png", full_page=True)

    @property
    def stage(self) -> Locator:
        """The picture with what is drawn on it."""
        return self.page.locator("#stage")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the picture is on the screen."""
        self.stage.scroll_into_view_if_needed()
        box = self.stage.bounding_box()
        assert box is not None
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def click(self, x: float, y: float) -> None:
        """On a point of the picture."""
        self.page.mouse.click(*self.at(x, y))

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """From a point of the picture to another."""
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=6)
        self.page.mouse.up()

    def points(self, name: str) -> list[list[float]]:
        """A drawn shape's, by the name that a screen reader says."""
        text = self.page.get_by_role("button", name=name, exact=True).get_attribute("points")
        return [[float(part) / 1000 for part in pair.split(",")] for pair in (text or "").split()]

    def save(self, note: str = "") -> None:
        """By the bar at the bottom."""
        if note:
            self.page.get_by_label("Why", exact=True).last.fill(note)
        self.page.get_by_role("button", name="Save").click()
        expect(self.page.locator("#said")).to_contain_text("Saved as version")

    @property
    def wanted(self) -> Any:
        """What the newest version sets of the camera."""
        return settings.content(self.site.archive, NODE)["cameras"][CAMERA]


@pytest.fixture
def editor(site: Site, browser: Browser, tmp_path: Path) -> Iterator[Editor]:
    """An administrator on the page of a camera with five events, a zone and a mask."""
    fill(site)
    say(site, NODE, "healthy", camera(CAMERA))
    tell(site)
    site.add_user("an", "administrator")
    pictures = Path(os.environ.get("CAMWATCH_SCREENSHOTS", tmp_path / "screenshots"))
    pictures.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(
        ignore_https_errors=True, locale="en-GB", viewport=PC, has_touch=True
    )
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda err: faults.append(str(err)))
    page.on("dialog", lambda dialog: dialog.accept())
    page.on(
        "console",
        lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None,
    )
    expect.set_options(timeout=WAIT_MS)
    page.goto(f"{site.url}/login")
    page.fill("input[name=name]", "an")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{site.url}/")
    made = Editor(site, page, pictures)
    made.open()
    yield made
    context.close()
    assert faults == []


@pytest.fixture
def site(tmp_path: Path, authority: Authority) -> Iterator[Site]:
    """The hub's HTTP side, answering."""
    folder = tmp_path / "site"
    folder.mkdir()
    made = Site(folder, authority)
    yield made
    made.close()


def test_a_mask_is_drawn_by_mouse_and_saved_as_a_version(editor: Editor) -> None:
    """Four clicks and the first point again; what it drops is told before it is saved."""
    page = editor.page
    page.get_by_role("button", name="+ Mask").click()
    for x, y in ((0.05, 0.6), (0.95, 0.6), (0.95, 0.9), (0.05, 0.9)):
        editor.click(x, y)
    page.get_by_role("button", name="Finish the shape").click()
    expect(page.locator("#said")).to_contain_text("A mask was added")
    assert editor.points("Mask 2") == [
        [pytest.approx(x, abs=0.01), pytest.approx(y, abs=0.01)]
        for x, y in ((0.05, 0.6), (0.95, 0.6), (0.95, 0.9), (0.05, 0.9))
    ]
    page.get_by_label("on the last").select_option("7")
    expect(page.locator("#trial")).to_contain_text("Of 5 events")
    expect(page.locator("#trial")).to_contain_text("no trace of them is here")
    expect(page.locator("svg.boxes rect")).not_to_have_count(0)
    editor.shoot("camera-settings-mask-en")
    assert serious_faults(page) == []
    editor.save("lá cây bên đường")
    assert len(editor.wanted["motion"]["masks"]) == 2 and "zones" not in editor.wanted["motion"]
    expect(page.locator("#history")).to_contain_text("lá cây bên đường")
    expect(page.locator("#history")).to_contain_text("Masks: the node’s own → 2")
    expect(page.locator("#save-bar")).to_be_hidden()
    (entry, *_) = editor.site.archive.audit.entries(AuditFilter(action="settings.change"), limit=9)
    assert (entry.deed.user, entry.deed.target) == ("an", f"node:{NODE}")


def test_points_and_shapes_are_dragged_added_removed_and_all_of_it_undone(editor: Editor) -> None:
    """A corner, the middle of an edge, a whole shape; Ctrl+Z as often as there were steps."""
    page = editor.page
    before = editor.points("Zone path")
    editor.click(0.4, 0.2)
    editor.drag((0.5, 0.5), (0.7, 0.55))
    assert editor.points("Zone path")[2] == pytest.approx([0.7, 0.55], abs=0.01)
    editor.drag((0.3, 0.1), (0.3, 0.02))
    assert len(editor.points("Zone path")) == 4
    editor.drag((0.45, 0.2), (0.55, 0.3))
    x, y = before[0]
    assert editor.points("Zone path")[0] == pytest.approx([x + 0.1, y + 0.1], abs=0.015)
    item = page.locator("#shapes li").first
    item.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator("#shapes li")).to_have_count(1)
    for _ in range(4):
        page.keyboard.press("Control+z")
    expect(page.locator("#undo")).to_be_disabled()
    assert editor.points("Zone path") == before
    for _ in range(4):
        page.keyboard.press("Control+Shift+z")
    expect(page.locator("#shapes li")).to_have_count(1)


def test_everything_is_done_by_the_keyboard_and_in_the_list(editor: Editor) -> None:
    """A new zone, its corners by arrow keys, its name and sensitivity, numbers in the list."""
    page = editor.page
    page.get_by_role("button", name="+ Zone").focus()
    page.keyboard.press("Enter")
    handle = page.get_by_role("button", name="Zone zone-1, corner 1 of 4", exact=False)
    expect(handle).to_be_focused()
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowUp", "Alt+ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator(".handle").first).to_be_focused()
    began = 0.35 + 0.08  # beside the two shapes that are there
    assert editor.points("Zone zone-1")[0] == pytest.approx([began - 0.01 + 0.001, began - 0.05])
    page.keyboard.press("Insert")
    assert len(editor.points("Zone zone-1")) == 5
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    expect(page.locator("#said")).to_contain_text("at least three corners")
    assert len(editor.points("Zone zone-1")) == 3
    item = page.locator("#shapes li").nth(1)
    item.get_by_label("Name").fill("Đường")
    item.get_by_label("Sensitivity").select_option("8")
    expect(item.locator(".wrong")).to_contain_text("small letters")
    item.get_by_label("Name").fill("path")
    page.keyboard.press("Tab")
    expect(item.locator(".wrong")).to_contain_text("Another zone has this name")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_contain_text("first mend")
    item.get_by_label("Name").fill("duong")
    item.get_by_text("Corners").click()
    item.get_by_label("Corner 1: From the left, %").fill("120")
    page.keyboard.press("Tab")
    expect(item.locator(".wrong")).to_contain_text("outside of the picture")
    item.get_by_label("Corner 1: From the left, %").fill("12.5")
    page.keyboard.press("Tab")
    expect(item.locator(".wrong")).to_be_hidden()
    editor.save()
    zone = editor.wanted["motion"]["zones"][1]
    assert (zone["name"], zone["sensitivity"], zone["points"][0][0]) == ("duong", 8, 0.125)


def test_a_shape_that_crosses_itself_or_is_tiny_is_told(editor: Editor) -> None:
    """At once, in words, and it is neither tried nor saved."""
    page = editor.page
    editor.click(0.4, 0.2)
    page.get_by_role("button", name="+ Mask").click()
    for x, y in ((0.1, 0.6), (0.5, 0.9), (0.5, 0.6), (0.1, 0.9)):
        editor.click(x, y)
    page.keyboard.press("Enter")
    expect(page.locator("#shapes .wrong:visible")).to_contain_text("sides cross each other")
    expect(page.locator("#trial")).to_contain_text("once all zones and masks are in order")
    page.keyboard.press("Control+z")
    page.get_by_role("button", name="+ Mask").click()
    for x, y in ((0.2, 0.7), (0.21, 0.7), (0.21, 0.71)):
        editor.click(x, y)
    page.get_by_role("button", name="Finish the shape").click()
    expect(page.locator("#shapes .wrong:visible")).to_contain_text("too small")


def test_fields_schedules_and_clips_are_saved_with_what_else_is_set(editor: Editor) -> None:
    """What the hub set before stays; only what changed is added."""
    page = editor.page
    make(editor.site, motion={"min_frames": 5}, clips={"post_roll_s": 9})
    editor.open()
    page.get_by_role("slider", name="Sensitivity").fill("3")
    page.get_by_role("button", name="+ Time").click()
    row = page.locator("#schedules fieldset").first
    row.get_by_label("Sat").check()
    row.get_by_label("From").fill("18:00")
    row.get_by_label("Until").fill("06:00")
    expect(row.get_by_text("on the next day")).to_be_visible()
    sunday = page.locator("#week svg").nth(6).locator("rect")
    expect(sunday).to_have_count(2)  # off until 6:00, by Saturday's rule; then it watches
    assert [each.get_attribute("width") for each in sunday.all()] == ["360", "1080"]
    row.get_by_label("Why").fill("trường học")
    page.keyboard.press("Tab")
    page.get_by_label("Before, seconds").fill("8")
    page.get_by_label("With the camera’s sound").uncheck()
    page.locator("[data-path=armed]").select_option("false")
    page.get_by_label("Who wants that, and why").fill("bảo trì")
    page.keyboard.press("Tab")
    editor.save()
    assert editor.wanted == {
        "armed": False, "disarmed_by": "bảo trì",
        "motion": {"min_frames": 5, "sensitivity": 3},
        "clips": {"post_roll_s": 9.0, "pre_roll_s": 8.0, "audio": False},
        "schedules": [{
            "starts": "18:00", "ends": "06:00", "armed": False, "note": "trường học",
            "days": ["mon", "tue", "wed", "thu", "fri", "sat"],
        }],
    }  # fmt: skip


WEEK = "async ([url, camera]) => (await import(url)).week(camera)"
RULES = (
    Schedule("18:00", "06:00", ("sat", "mon"), armed=False),
    Schedule("00:00", "24:00", ("wed",), sensitivity=8),
    Schedule("07:15", "07:15", armed=True, sensitivity=2),
    Schedule("11:00", "13:30", armed=False),
)


@pytest.mark.parametrize("is_armed", [True, False])
def test_the_week_that_is_drawn_is_the_one_that_the_node_keeps(
    editor: Editor, is_armed: bool
) -> None:
    """At every quarter of an hour, by the contract's own function."""
    drawn = editor.page.evaluate(
        WEEK,
        [
            StaticFiles().url("week.js"),
            {
                "armed": is_armed,
                "motion": {"sensitivity": 5},
                "schedules": [schema.dump(each) for each in RULES],
            },
        ],
    )
    monday = datetime(2026, 3, 2)
    for quarter in range(7 * 96):
        local = monday + timedelta(minutes=15 * quarter)
        holds = in_force(RULES, local, armed=is_armed, disarmed_by=None, sensitivity=5)
        minute = local.hour * 60 + local.minute
        (bar,) = [each for each in drawn[local.weekday()] if each["from"] <= minute < each["to"]]
        assert (bar["armed"], bar["sensitivity"]) == (holds.armed, holds.sensitivity), local


def test_what_somebody_else_saved_meanwhile_is_not_overwritten(editor: Editor) -> None:
    """It is noticed without a save, and the way to their version is offered."""
    page = editor.page
    page.get_by_role("slider", name="Sensitivity").fill("2")
    make(editor.site, motion={"sensitivity": 9})
    expect(page.locator("#failed")).to_contain_text("Somebody saved version 1 meanwhile")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#failed")).to_contain_text("Somebody saved version 1 meanwhile")
    assert editor.wanted == {"motion": {"sensitivity": 9}}
    page.get_by_role("link", name="Load the page with the newer version", exact=False).click()
    expect(page.locator("output").first).to_have_text("9")


def test_a_version_is_brought_back_by_a_click(editor: Editor) -> None:
    """As a new version."""
    page = editor.page
    make(editor.site, motion={"sensitivity": 4})
    make(editor.site, motion={"sensitivity": 7})
    editor.open()
    page.get_by_role("button", name="Bring it back").click()
    expect(page.locator("#said")).to_contain_text("Brought back as version 3")
    assert editor.wanted == {"motion": {"sensitivity": 4}}
    expect(page.locator("#history")).to_contain_text("Brought back version 1")


def test_what_the_node_refuses_stands_at_its_field_without_reloading(editor: Editor) -> None:
    """And the way back is a button beside the reason."""
    page = editor.page
    page.get_by_role("slider", name="Sensitivity").fill("9")
    editor.save()
    where = f"cameras.{CAMERA}.motion.sensitivity"
    wrong = FieldProblem(where, "is more than this node can look at", "give 8")
    at_utc = editor.site.clock.utc()
    refused = Failure(1, "refused", "invalid", "1 field is wrong", at_utc, (wrong,))
    tell(editor.site, failure=refused)
    field = page.locator("label", has=page.locator("[data-path='motion.sensitivity']"))
    expect(field.locator(".wrong")).to_contain_text("is more than this node can look at")
    expect(page.locator("#state")).to_contain_text("The node refused version 1")
    editor.shoot("camera-settings-refused-en")
    assert serious_faults(page) == []
    page.locator("#state").get_by_role("button", name="Undo it").click()
    expect(page.locator("#said")).to_contain_text("Brought back as version 2")
    assert settings.content(editor.site.archive, NODE) == {}


def test_the_page_fits_a_phone_in_both_languages(editor: Editor) -> None:
    """And shuts nobody out; a finger moves a corner."""
    page = editor.page
    editor.shoot("camera-settings-en")
    assert serious_faults(page) == []
    page.get_by_role("button", name="Tiếng Việt").click()
    page.set_viewport_size(PHONE)
    editor.open()
    page.get_by_role("slider", name="Độ nhạy").fill("3")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert serious_faults(page) == []
    editor.shoot("camera-settings-phone-vi")
    page.touchscreen.tap(*editor.at(0.4, 0.2))
    expect(page.locator(".handle")).to_have_count(3)
    page.emulate_media(color_scheme="dark")
    editor.shoot("camera-settings-phone-dark-vi")


def test_operators_change_motion_and_viewers_nothing(editor: Editor) -> None:
    """The fields say so before the API does."""
    page = editor.page
    editor.site.add_user("binh", "operator")
    editor.site.add_user("chi", "viewer")
    for name in ("binh", "chi"):
        page.context.clear_cookies()
        page.goto(f"{editor.site.url}/login")
        page.fill("input[name=name]", name)
        page.fill("input[name=password]", PASSWORD)
        page.click("main button")
        page.wait_for_url(f"{editor.site.url}/")
        editor.open()
        expect(page.get_by_label("Before, seconds")).to_be_disabled()
        slider = page.get_by_role("slider", name="Sensitivity")
        if name == "binh":
            slider.fill("4")
            editor.save()
            assert editor.wanted == {"motion": {"sensitivity": 4}}
        else:
            expect(slider).to_be_disabled()
            expect(page.get_by_role("button", name="+ Zone")).to_have_count(0)
            assert serious_faults(page) == []
