"""The pictures of the installers' pages: how a node file is made in the console, in both languages.

A hub and a broker of their own on the loopback, no node and nobody real. Called by
scripts/write-screenshots.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize

from scripts.lib.screenshots import LANGUAGES, ROOT, Walker, started_browser
from tests.harness.broker import Broker, free_port
from tests.harness.credentials import Authority
from tests.harness.processes import HubProcess, enrol

FOLDER = ROOT / "docs" / "install"
SIZE: ViewportSize = {"width": 1000, "height": 720}


class EmptyTown:
    """A hub that nobody has joined yet."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        broker = Broker(folder / "broker", has_tls=True)
        stack.callback(broker.stop)
        broker.start()
        authority = Authority(folder / "tls")
        port = free_port()
        nodes = {
            "url": "https://hub.example.org:8443",
            "mqtt_host": "hub.example.org",
            "ca_file": str(authority.ca_file),
        }
        more = {"time_zone": "Asia/Ho_Chi_Minh", "nodes": nodes}
        self.hub = HubProcess(folder / "hub", broker.address, port, authority=authority, more=more)
        stack.callback(self.hub.stop)
        enrol(self.hub, broker, "gate-1")
        self.hub.start_ready()

    def invite(self, name: str, full_name: str, role: str) -> str:
        """The path of a one-time link."""
        done = self.hub.command("user", "add", name, "--role", role, "--full-name", full_name)
        return "/welcome/" + done.stdout.partition("/welcome/")[2].split()[0]


def draw(folder: Path) -> None:
    """Write join-LANGUAGE.jpg and file-LANGUAGE.jpg; `folder` is for what passes."""
    with contextlib.ExitStack() as stack:
        town = EmptyTown(folder, stack)
        walker = Walker(town, stack.enter_context(started_browser()))
        walker.join("ngoc.anh", "Trần Ngọc Ánh", "administrator")
        walker.page.set_viewport_size(SIZE)
        for number, language in enumerate(LANGUAGES, start=3):
            walker.open("/join")
            walker.speak(language)
            fill = walker.page.fill
            fill("input[name=node]", f"gate-{number}")
            fill("input[name=source0]", "rtsp://192.0.2.10/stream1")
            fill("input[name=camera0]", "gate")
            fill("input[name=user0]", "viewer")
            fill("input[name=password0]", "not-a-real-one")
            walker.page.evaluate("window.scrollTo(0, 0)")
            walker.shoot(FOLDER / f"join-{language}.jpg")
            walker.page.locator("form[action='/join'] button.primary").click()
            walker.page.locator("a[download]").wait_for()
            walker.shoot(FOLDER / f"file-{language}.jpg")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="camwatch-joining-") as passing:
        draw(Path(passing))
