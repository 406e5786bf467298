"""The registry in a real browser: from nothing to a camera on a plan, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import PC, PHONE, Desk, make_administrator
from tests.browser.faults import serious_faults
from tests.harness.plugin import PublisherFactory

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("console")]

PAGES = {
    "areas": "/registry", "area": "/registry/areas/to-dan-pho-5",
    "organisations": "/registry/organisations", "cameras": "/registry/cameras",
    "camera": "/registry/cameras/gate-1/door", "plans": "/registry/plans",
    "plan": "/registry/plans/san-truong", "files": "/registry/files", "join": "/join",
}  # fmt: skip

PLAN = """<body style="margin:0;background:#f4f1ea;font:20px sans-serif">
<svg width="960" height="600"><g fill="#fff" stroke="#555" stroke-width="4">
<rect x="60" y="60" width="520" height="140"/><rect x="60" y="200" width="140" height="300"/>
<rect x="640" y="380" width="240" height="160"/></g>
<text x="250" y="140">Nhà A</text><text x="95" y="360">Nhà B</text>
<text x="690" y="470">Nhà đa năng</text><text x="360" y="380">Sân</text></svg>"""


def draw_plan(desk: Desk, path: Path) -> None:
    """A plan of a school as a PNG, drawn by the browser."""
    context = desk.page.context.browser
    assert context is not None
    page = context.new_page(viewport={"width": 960, "height": 600})
    page.set_content(PLAN)
    page.screenshot(path=path)
    page.close()


def add_area(page: Page, name: str, kind: str, under: str = "") -> None:
    """By the form beside the tree."""
    form = page.get_by_role("region", name="Add an area")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Level").select_option(label=kind)
    form.get_by_label("Part of").select_option(under)
    form.get_by_role("button", name="Add the area").click()
    expect(page.locator(".tree").get_by_role("link", name=name)).to_be_visible()


def place_by_click(desk: Desk) -> None:
    """The camera onto the yard: a click fills the fields, saving draws its mark."""
    page = desk.page
    picture = page.locator("#plan img")
    expect(picture).to_have_js_property("naturalWidth", 960)
    box = picture.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.6)
    across = float(page.get_by_label("From the left, %").input_value())
    down = float(page.get_by_label("From the top, %").input_value())
    assert across == pytest.approx(40, abs=0.6) and down == pytest.approx(60, abs=0.6)
    desk.shoot("registry-plan-aimed-en")
    page.get_by_role("button", name="Save the position").click()
    mark = page.locator("#plan").get_by_role("link", name="Cổng trường")
    expect(mark).to_be_visible()
    drawn = mark.locator(".shape").bounding_box()
    assert drawn is not None
    centre = drawn["x"] + drawn["width"] / 2 - box["x"]
    assert centre / box["width"] == pytest.approx(0.4, abs=0.01)


def test_an_area_a_plan_and_a_camera_on_it_are_made_by_hand(
    desk: Desk, publisher: PublisherFactory, tmp_path: Path
) -> None:
    """Nothing is shut to anybody, nothing is wider than a phone, in either language."""
    make_administrator(desk)
    page = desk.page
    node = publisher("gate-1", enrolment=desk.enrolment)
    for made in node.make_event(camera="door", zones=("path",)):
        node.send(made)
    expect(page.locator("#events").get_by_text("path")).to_be_visible()
    page.get_by_role("link", name="Registry").click()
    desk.shoot("registry-empty-en")
    add_area(page, "Phường Hải Châu", "town or ward")
    add_area(page, "Tổ dân phố 5", "residential group", "phuong-hai-chau")
    page.get_by_role("link", name="Organisations").click()
    page.get_by_label("Name").fill("Trường Tiểu học Lê Văn Tám")
    page.get_by_label("Type").select_option("school")
    page.get_by_label("Telephone").fill("0236 3822 113")
    page.get_by_role("button", name="Add the organisation").click()
    page.get_by_role("link", name="Cameras").click()
    page.get_by_role("link", name="Change door").click()
    page.get_by_label("What people call it").fill("Cổng trường")
    page.get_by_label("Area").select_option("to-dan-pho-5")
    page.get_by_label("Organisation").select_option(label="Trường Tiểu học Lê Văn Tám")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="Tổ dân phố 5")).to_be_visible()
    picture = tmp_path / "plan.png"
    draw_plan(desk, picture)
    page.get_by_role("link", name="Plans").click()
    page.get_by_label("Name").fill("Sân trường")
    page.get_by_label("Picture file").set_input_files(picture)
    page.get_by_role("button", name="Upload").click()
    place_by_click(desk)
    wrong = tmp_path / "areas.csv"
    wrong.write_text("code,kind,name,parent\na,group,Tổ A,nowhere\nb,grou,Tổ B,a\n", "utf-8")
    page.get_by_role("link", name="Spreadsheets").click()
    page.get_by_label("File").set_input_files(wrong)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("2 faults")
    desk.shoot("registry-faults-en")
    assert serious_faults(page) == []
    look_at_all(desk)
    node.close()


def look_at_all(desk: Desk) -> None:
    """Every page in English on a desk's screen, in Vietnamese on a phone, and for its faults."""
    page = desk.page
    for name, path in PAGES.items():
        desk.open(path)
        desk.shoot(f"registry-{name}-en")
        assert serious_faults(page) == [], name
    page.get_by_role("button", name="Tiếng Việt").click()
    for name, path in PAGES.items():
        page.set_viewport_size(PC)
        desk.open(path)
        desk.shoot(f"registry-{name}-vi")
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
        desk.shoot(f"registry-{name}-phone-vi")
        assert serious_faults(page) == [], name
