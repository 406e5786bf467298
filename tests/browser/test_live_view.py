"""What an operator sees live: a real camera, node and hub, and a real browser that is logged in."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from hub.console.static_files import StaticFiles
from tests.harness.mjpeg_camera import MjpegCamera, jpeg, steady
from tests.harness.processes import ROOT, NodeProcess
from tests.harness.rtsp_camera import CameraStream
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.timeout(400), pytest.mark.xdist_group("live-view")]

NODE = "gate-3"
PASSWORD = "bốn từ không liên quan"
WAIT_MS = 90_000.0

# Starts a view in the page, with what it says kept in order.
START = """async ([url, camera, options]) => {
  const { LiveView } = await import(url);
  document.body.innerHTML = '<div id="live"></div>';
  const element = document.getElementById('live');
  window.said = [];
  element.addEventListener('live', (event) => window.said.push(event.detail));
  window.view = new LiveView(element, `/api/v1/nodes/${camera}/live`, options);
  window.view.start();
}"""
# A small copy of what is shown, as numbers.
PIXELS = """() => {
  const shown = document.querySelector('#live video, #live img');
  const canvas = document.createElement('canvas');
  canvas.width = 64; canvas.height = 36;
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  pen.drawImage(shown, 0, 0, 64, 36);
  return Array.from(pen.getImageData(0, 0, 64, 36).data);
}"""
HAS_STATE = "state => window.said.some(each => each.state === state)"
LASTS = "([from, more]) => document.querySelector('#live video').currentTime > from + more"


@dataclass(frozen=True)
class Street:
    """A hub with a user, and a node with cameras of three codecs."""

    town: Stage
    node: NodeProcess


@dataclass(frozen=True)
class Screen:
    """A page of the hub's in which a view can be started."""

    page: Page

    def start(self, camera: str, **options: object) -> None:
        url = StaticFiles().url("live.js")
        self.page.evaluate(START, [url, f"{NODE}/cameras/{camera}", options])

    def wait_for_state(self, state: str) -> None:
        try:
            self.page.wait_for_function(HAS_STATE, arg=state, timeout=WAIT_MS)
        except Exception as err:
            raise AssertionError(f"not {state}: {self.said}") from err

    @property
    def said(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate("window.said")
        return found

    def pixels(self) -> list[int]:
        found: list[int] = self.page.evaluate(PIXELS)
        return found

    def wait_until_it_moves(self) -> None:
        """Until what is shown differs from what was, in more than a pixel's noise."""
        before = self.pixels()
        stage.wait(lambda: _difference(before, self.pixels()) > 0.3, WAIT_MS / 1000, "movement")


def _difference(one: list[int], other: list[int]) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def hevc(film: Path) -> Path:
    """The film as a camera of H.265 sends it."""
    path = film.with_name("hevc.mp4")
    argv = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(film), "-c:v", "libx265", "-tag:v",
            "hvc1", "-x265-params", "log-level=none:keyint=20:bframes=0", "-preset", "ultrafast",
            str(path)]  # fmt: skip
    subprocess.run(argv, check=True)
    return path


def flicker(number: int) -> bytes:
    """Brighter for five seconds and dark again, for as long as anybody looks."""
    return jpeg(number % 50)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """Packets of all cameras arrive."""
    folder = tmp_path_factory.mktemp("live-view")
    with contextlib.ExitStack() as stack:
        town = stack.enter_context(stage.stage(folder, has_tls=True))
        film = stage.walker(folder / "walker.mp4")
        served = town.rtsp({"/gate": CameraStream(film, at_end="loop", joins="live")})
        pictures = stack.enter_context(MjpegCamera(steady(100_000, fps=10, make=flicker)))
        node = town.add_node(NODE, [
            stage.camera("gate", served.url("/gate")), stage.camera("hevc", hevc(film)),
            stage.camera("yard", pictures.url()),
            stage.camera("street", "synthetic:?width=320&height=180&fps=5"),
        ])  # fmt: skip
        assert town.hub.command("user", "add", "anna").returncode == 0
        argv = [sys.executable, "-m", "hub.cli", "user", "password", "anna", "--set", "--config"]
        subprocess.run(
            [*argv, str(town.hub.config_file)], input=f"{PASSWORD}\n", text=True, check=True,
            cwd=ROOT,
        )  # fmt: skip
        traffic = town.traffic()
        town.hub.start_ready()
        node.start_ready()
        traffic.wait_for_count(
            lambda m: stage.is_record(m, "camera.found", NODE), 4, WAIT_MS / 1000
        )
        yield Street(town, node)


@pytest.fixture
def screen(street: Street, browser: Browser) -> Iterator[Screen]:
    """A browser's page, logged in."""
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(f"{street.town.hub.url}/login")
    page.fill("input[name=name]", "anna")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{street.town.hub.url}/")
    yield Screen(page)
    context.close()


def test_the_cameras_own_stream_plays_and_moves(screen: Screen) -> None:
    """The video element's time advances, its size is the camera's, and its pixels change."""
    screen.start("gate")
    screen.wait_for_state("playing")
    assert screen.said[-1]["form"] == "fmp4"
    size = "() => [document.querySelector('#live video').videoWidth,"
    assert screen.page.evaluate(size + " document.querySelector('#live video').videoHeight]") == [
        stage.WIDTH,
        stage.HEIGHT,
    ]
    at = screen.page.evaluate("document.querySelector('#live video').currentTime")
    screen.page.wait_for_function(LASTS, arg=[at, 3], timeout=WAIT_MS)
    screen.wait_until_it_moves()


def test_what_the_browser_cannot_play_is_shown_a_picture_a_second(screen: Screen) -> None:
    """H.265, in a Chromium without a decoder for it: the page asks again by itself."""
    can = "MediaSource.isTypeSupported('video/mp4; codecs=\"hvc1.1.6.L63.90\"')"
    if screen.page.evaluate(can):
        pytest.skip("this Chromium plays H.265")
    screen.start("hevc")
    screen.wait_for_state("playing")
    assert screen.said[-1]["form"] == "jpeg"
    assert screen.page.evaluate("document.querySelector('#live img').naturalWidth") == stage.WIDTH
    screen.wait_until_it_moves()


def test_a_motion_jpeg_camera_is_shown_by_its_pictures(screen: Screen) -> None:
    """The hub answers with pictures at once."""
    screen.start("yard")
    screen.wait_for_state("playing")
    assert screen.said[-1]["form"] == "jpeg"
    assert screen.page.evaluate("document.querySelector('#live img').naturalWidth") == 320
    screen.wait_until_it_moves()


def test_stopping_ends_the_nodes_stream(screen: Screen, street: Street) -> None:
    """Nobody pays for a view that was closed."""
    screen.start("gate")
    screen.wait_for_state("playing")
    screen.page.evaluate("window.view.stop()")
    assert screen.said[-1]["state"] == "stopped"
    log = street.node
    stage.wait(
        lambda: log.log_text.count("(large, fmp4) began") == log.log_text.count(
            "(large, fmp4) ended"), WAIT_MS / 1000, "the end of all streams",
    )  # fmt: skip


def test_a_camera_that_is_not_there_is_refused_for_good(screen: Screen) -> None:
    """With the API's word and sentence for the page to show."""
    screen.start("nowhere")
    screen.wait_for_state("refused")
    last = screen.said[-1]
    assert (last["status"], last["error"]) == (404, "not_found")


def test_a_node_that_restarts_is_seen_again_without_a_click(screen: Screen, street: Street) -> None:
    """The view says that it tries again, and does."""
    screen.start("street")
    screen.wait_for_state("playing")
    street.node.kill()
    screen.wait_for_state("retrying")
    screen.page.evaluate("window.said = []")
    street.node.start_ready()
    screen.wait_for_state("playing")
    at = screen.page.evaluate("document.querySelector('#live video').currentTime")
    screen.page.wait_for_function(LASTS, arg=[at, 1], timeout=WAIT_MS)
