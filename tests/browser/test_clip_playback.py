"""What an operator does with a clip: play it and jump about in it, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from edge.base.durable import part_path
from edge.media.packet import Packet
from edge.mux.mp4 import ClipWriter
from edge.mux.recovery import recover
from tests.browser.range_server import serving
from tests.edge.mux.streams import FPS, WIDTH, encode, head, steady

pytestmark = pytest.mark.system

# Loads a clip, seeks to each time, and reads along one row where the bright square is.
SEEK = """async ([url, times]) => {
  const video = document.querySelector('video');
  const next = (event) => new Promise((done, fail) => {
    video.addEventListener(event, done, {once: true});
    video.addEventListener('error', () => fail(new Error(video.error.message)), {once: true});
  });
  let ready = next('canplay');
  video.src = url;
  await ready;
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  const seen = [];
  for (const time of times) {
    ready = next('seeked');
    const shown = new Promise((done) => video.requestVideoFrameCallback((_, it) => done(it)));
    video.currentTime = time;
    await ready;
    await shown;
    pen.drawImage(video, 0, 0);
    const row = pen.getImageData(0, 48, canvas.width, 1).data;
    let at = 0;
    while (at < canvas.width && row[4 * at] < 190) at += 1;
    seen.push([video.currentTime, at]);
  }
  return {duration: video.duration, seekable: video.seekable.end(0), seen};
}"""

PLAY = """async (url) => {
  const video = document.querySelector('video');
  const times = [];
  video.addEventListener('timeupdate', () => times.push(video.currentTime));
  const over = new Promise((done, fail) => {
    video.addEventListener('ended', done, {once: true});
    video.addEventListener('error', () => fail(new Error(video.error.message)), {once: true});
  });
  video.src = url;
  video.playbackRate = 8;
  await video.play();
  await over;
  return {first: times[0], last: video.currentTime};
}"""


@dataclass
class Player:
    """A page with a video element, and the folder its server serves."""

    page: Page
    url: str
    folder: Path

    def seek(self, name: str, times_s: list[float]) -> list[tuple[float, int]]:
        """Where the video landed, and the number of the frame that it showed there."""
        result = self.page.evaluate(SEEK, [f"{self.url}/{name}", times_s])
        assert result["seekable"] == result["duration"]
        return [(landed_s, at // 2) for landed_s, at in result["seen"]]


@pytest.fixture
def player(browser: Browser, tmp_path: Path) -> Iterator[Player]:
    """An empty player in a page of its own."""
    with serving(tmp_path) as url:
        page = browser.new_page()
        page.goto(f"{url}/player.html")
        yield Player(page, url, tmp_path)
        page.close()


def write_clip(path: Path, packets: list[Packet], *, closes: bool = True) -> None:
    """A clip of all packets; without `closes` as a crash leaves it."""
    writer = ClipWriter(path, packets[0], head(packets[0]))
    for packet in packets:
        writer.write(packet)
    writer.flush()
    if closes:
        writer.close()
    else:
        writer.leave()


TIMES_S = [0.0, 0.05, 1.55, 4.21, 3.0, 0.95, 4.95]  # not only forwards; not only on keyframes
FRAMES = [int(time_s * FPS + 1e-6) for time_s in TIMES_S]
assert max(FRAMES) * 2 < WIDTH - 16, "each frame's square must stand elsewhere"


@pytest.mark.parametrize("b_frames", [0, 3])
def test_a_browser_shows_the_right_frame_after_each_seek(b_frames: int, player: Player) -> None:
    """currentTime lands where it was put, and the pixels are those of the frame of that time."""
    write_clip(player.folder / "clip.mp4", encode(times_s=steady(5), gop=20, b_frames=b_frames))
    seen = player.seek("clip.mp4", TIMES_S)
    assert [landed_s for landed_s, _ in seen] == TIMES_S
    assert [frame for _, frame in seen] == FRAMES


def test_a_browser_plays_a_clip_to_its_end(player: Player) -> None:
    """Playback begins at 0 and ends with the clip, which has no more to come."""
    write_clip(player.folder / "clip.mp4", encode(times_s=steady(5), b_frames=2))
    result = player.page.evaluate(PLAY, f"{player.url}/clip.mp4")
    assert 0 <= result["first"] < 5
    assert result["last"] == 5


def test_a_browser_seeks_in_a_clip_with_its_index_at_the_end(player: Player) -> None:
    """A long clip's index does not fit in front; ranges make that no difference."""
    times_s = [n / 400 + n % 3 / 10_000 for n in range(2000)]
    write_clip(player.folder / "clip.mp4", encode(times_s=times_s, gop=100))
    assert [landed_s for landed_s, _ in player.seek("clip.mp4", [4.5, 0.5])] == [4.5, 0.5]


def test_a_browser_seeks_in_a_clip_recovered_after_a_crash(player: Player) -> None:
    """A recovered clip is a clip like any other."""
    path = player.folder / "clip.mp4"
    write_clip(path, encode(times_s=steady(5), b_frames=2), closes=False)
    assert recover(part_path(path)) is not None
    assert player.seek("clip.mp4", TIMES_S) == list(zip(TIMES_S, FRAMES, strict=True))
