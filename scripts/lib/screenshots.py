"""The pictures of the operator's pages in docs/, and, if asked, every page for a person to look at:
a browser walks through the console of a small made town.

Called by scripts/write-screenshots.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from hub.console.pages import NAVIGATION
from scripts.lib.picture_town import PictureTown, wait_for
from tests.browser import chromium
from tests.harness.child import HarnessError
from tests.harness.processes import HubProcess

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "pictures"
PASSWORD = "bốn từ không liên quan"  # noqa: S105 - of a user who lives for minutes
PC: ViewportSize = {"width": 1280, "height": 800}
TALL: ViewportSize = {"width": 1280, "height": 1000}
SETTINGS: ViewportSize = {"width": 1280, "height": 1120}
PHONE: ViewportSize = {"width": 360, "height": 740}
WAIT_MS = 120_000
READY_LIMIT_S = 1200.0
EVENTS_WANTED = 12
TAMPERED_S = 40.0  # nodes give account every five minutes
SETTLE_MS, PLAY_MS = 700, 4000
INTO_CLIP_S = 5.0  # after the pre-roll of the town's cameras
NOTE = "đã xem lại cùng tổ trưởng, báo công an phường"
MASK = ((0.02, 0.87), (0.98, 0.86), (0.98, 0.99), (0.02, 0.99))  # over the pavement
MAX_BYTES = 150_000
QUALITIES = (82, 70, 55, 40)
LANGUAGES = {"vi": "Tiếng Việt", "en": "English"}


class Visited(Protocol):
    """What a walker needs of a town."""

    hub: HubProcess

    def invite(self, name: str, full_name: str, role: str) -> str:
        """The path of a one-time link."""


class Walker:
    """One person's browser on the town's console."""

    def __init__(self, town: Visited, browser: Browser) -> None:
        self._town = town
        context = browser.new_context(ignore_https_errors=True, locale="vi-VN", viewport=PC)
        context.set_default_timeout(WAIT_MS)
        self.page: Page = context.new_page()

    def open(self, path: str) -> None:
        """Go there, and wait for its pictures."""
        self.page.goto(self._town.hub.url + path, wait_until="load")

    def join(self, name: str, full_name: str, role: str) -> None:
        """Become a user by a one-time link."""
        self.open(self._town.invite(name, full_name, role))
        for field in self.page.locator("input[type=password]").all():
            field.fill(PASSWORD)
        self.page.locator("main form button").last.click()
        expect(self.page).to_have_url(self._town.hub.url + "/")

    def speak(self, language: str) -> None:
        """Switch the console's language, if it is another one."""
        if self.page.locator("html").get_attribute("lang") != language:
            self.page.get_by_role("button", name=LANGUAGES[language], exact=True).click()
            expect(self.page.locator("html")).to_have_attribute("lang", language)

    def seek(self, second: float) -> None:
        """Show the event's clip so far in."""
        player = self.page.locator("#player")
        wait_for(lambda: bool(player.evaluate("video => video.readyState >= 2")), READY_LIMIT_S)
        player.evaluate("(video, second) => { video.currentTime = second; }", second)
        wait_for(lambda: not player.evaluate("video => video.seeking"), READY_LIMIT_S)

    def mark(self, mark: str, note: str) -> None:
        """By the form of the event that is shown."""
        self.page.locator("#remark textarea").fill(note)
        self.page.locator(f"#remark button[value={mark}]").click()
        expect(self.page.locator("main .note")).to_have_text(note)

    def shoot(self, path: Path) -> None:
        """Write what is seen as a JPEG that is small enough. Raises HarnessError."""
        self.page.wait_for_timeout(SETTLE_MS)
        for quality in QUALITIES:
            self.page.screenshot(path=path, type="jpeg", quality=quality)
            if path.stat().st_size <= MAX_BYTES:
                print(path.relative_to(ROOT), flush=True)
                return
        raise HarnessError(f"{path} is larger than {MAX_BYTES} bytes")


def main(argv: Sequence[str] | None = None) -> int:
    """Make the town, write the pictures; 0 when all are there."""
    parser = argparse.ArgumentParser(prog="scripts/write-screenshots")
    parser.add_argument("--all", type=Path, help="every page, for a person to look at, to here")
    arguments = parser.parse_args(argv)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="camwatch-pictures-")))
        began = datetime.now(UTC)
        town = stack.enter_context(PictureTown(folder))
        browser = stack.enter_context(started_browser())
        walker = Walker(town, browser)
        walker.join("ngoc.anh", "Trần Ngọc Ánh", "administrator")
        print("The town runs; waiting until enough has happened to be shown.", flush=True)
        wait_for(lambda: has_enough(town), READY_LIMIT_S)
        draw_docs(walker, town, began)
        town.send_traces("gate-3")
        draw_settings(walker)
        if arguments.all is not None:
            walk(walker, town, arguments.all)
    return 0


@contextlib.contextmanager
def started_browser() -> Iterator[Browser]:
    """The distribution's own browser, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=chromium.ARGUMENTS
        )
        yield browser
        browser.close()


def has_enough(town: PictureTown) -> bool:
    """Whether so much has happened that the pages show something."""
    done = [event for event in town.events() if event["clips_stored"]]
    kinds = {str(event["kind"]) for event in done}
    return len(done) >= EVENTS_WANTED and "tampered" in kinds and tampered_s(town) >= TAMPERED_S


def tampered_s(town: PictureTown) -> float:
    """For how long the covered camera was so, as far as its node has given account."""
    told = town.hub.command("coverage", "--camera", "stalls", "--since", "1h", "--json").stdout
    return sum(float(json.loads(line)["causes"].get("tampered", 0)) for line in told.splitlines())


def draw_docs(walker: Walker, town: PictureTown, began: datetime) -> None:
    """The pictures that the operator's pages show, in both languages."""
    FOLDER.mkdir(exist_ok=True)
    found = town.events("--camera", "entrance", "--max-duration", "10s", "--min-duration", "3s")
    event = next(event for event in found if event["clips_stored"])
    walker.open(f"/events/{event['id']}")
    walker.mark("confirmed", NOTE)
    past_ms = round(began.timestamp() * 1000)
    for language in LANGUAGES:
        walker.page.set_viewport_size(PC)
        walker.open("/")
        walker.speak(language)
        walker.shoot(FOLDER / f"now-{language}.jpg")
        walker.open("/events?since=2h")
        walker.shoot(FOLDER / f"events-{language}.jpg")
        walker.open(f"/events/{event['id']}")
        walker.seek(INTO_CLIP_S)
        walker.page.set_viewport_size(TALL)
        walker.shoot(FOLDER / f"event-{language}.jpg")
        now_ms = round(datetime.now(UTC).timestamp() * 1000)
        walker.open(f"/coverage/market-1/stalls?since={past_ms}&until={now_ms}")
        walker.page.set_viewport_size(PC)
        walker.shoot(FOLDER / f"coverage-{language}.jpg")
        walker.open("/live/gate-3/road")
        expect(walker.page.locator("#live-state")).to_have_attribute("data-state", "playing")
        walker.page.wait_for_timeout(PLAY_MS)
        walker.shoot(FOLDER / f"live-{language}.jpg")


def draw_settings(walker: Walker) -> None:
    """A camera's settings while somebody tries a lower sensitivity and draws a mask."""
    for language in LANGUAGES:
        walker.page.set_viewport_size(SETTINGS)
        walker.open("/")
        walker.speak(language)
        walker.open("/nodes/gate-3/cameras/entrance")
        page = walker.page
        state = page.locator("#picture-state")
        expect(state).to_have_attribute("data-state", "fresh", timeout=WAIT_MS)
        page.locator("[data-path='motion.sensitivity']").fill("4")
        page.locator("[data-add=mask]").click()
        box = page.locator("#stage").bounding_box()
        if box is None:
            raise HarnessError("the picture of the camera's settings is not to be seen")
        for x, y in MASK:
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.keyboard.press("Enter")
        expect(page.locator("#trial[aria-busy]")).to_have_count(1)
        expect(page.locator("#trial[aria-busy]")).to_have_count(0, timeout=WAIT_MS)
        walker.shoot(FOLDER / f"settings-{language}.jpg")
        page.locator("#revert").click()


def walk(walker: Walker, town: PictureTown, folder: Path) -> None:
    """Every page in both languages, on a PC and a phone, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        for size_name, size in (("pc", PC), ("phone", PHONE)):
            walker.page.set_viewport_size(size)
            for theme in ("light", "dark"):
                walker.page.emulate_media(color_scheme=theme)
                walker.open("/")
                walker.speak(language)
                for name, path in paths(town).items():
                    walker.open(path)
                    walker.page.wait_for_timeout(SETTLE_MS)
                    file = folder / f"{name}-{language}-{size_name}-{theme}.png"
                    walker.page.screenshot(path=file, full_page=True)


def paths(town: PictureTown) -> dict[str, str]:
    """Each page of the navigation, and those below it."""
    motion = next(e for e in town.events("--kind", "motion") if e["clips_stored"])
    tampered = next(e for e in town.events("--kind", "tampered") if e["clips_stored"])
    below = {
        "event": f"/events/{motion['id']}", "event-tampered": f"/events/{tampered['id']}",
        "live-one": "/live/gate-3/entrance", "settings": "/nodes/gate-3/cameras/entrance",
        "coverage-one": "/coverage/gate-3/entrance",
        "coverage-lost": "/coverage/market-1/school", "node": "/nodes/gate-3",
        "node-troubled": "/nodes/market-1", "account": "/account", "missing": "/nothing",
    }  # fmt: skip
    return {entry.name: entry.path for entry in NAVIGATION} | below


if __name__ == "__main__":
    sys.exit(main())
