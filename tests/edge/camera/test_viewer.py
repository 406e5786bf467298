"""Which pictures the viewer decodes, on made streams with known truth and a real encoder."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from edge.base.clock import FakeClock
from edge.camera.coverage import Coverage
from edge.contract.motion import MotionSettings
from edge.media.packet import Packet
from tests.footage.gate_replay import Viewed, view

WIDTH, HEIGHT, FPS = 320, 192, 10
SECONDS = 60
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-bf", "0", "-g", "20")
Levels = npt.NDArray[np.float32]
Draw = Callable[[Levels, float], None]


def still() -> Levels:
    """A yard with edges and texture."""
    rng = np.random.default_rng(7)
    picture = np.full((HEIGHT, WIDTH), 110, np.float32)
    for _ in range(40):
        x, y = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        level = float(rng.uniform(50, 180))
        cv2.rectangle(picture, (x, y), (x + 40, y + 25), level, cv2.FILLED)
    return picture


def film(path: Path, draw: Draw, options: tuple[str, ...], noise: float = 1.0) -> Path:
    """A minute of the yard with fresh noise in each picture, and what `draw` puts into it."""
    rng = np.random.default_rng(3)
    yard = still()
    pictures = []
    for number in range(SECONDS * FPS):
        picture = yard.copy()
        draw(picture, number / FPS)
        picture += rng.normal(0, noise, picture.shape).astype(np.float32)
        pictures.append(np.clip(np.rint(picture), 0, 255).astype(np.uint8).tobytes())
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{WIDTH}x{HEIGHT}",
         "-r", str(FPS), "-i", "-", "-pix_fmt", "yuv420p", *options, str(path)],
        input=b"".join(pictures), check=True,
    )  # fmt: skip
    return path


def nothing(_picture: Levels, _at_s: float) -> None:
    """Nobody."""


def walker(height: int, speed: float, first_s: float) -> Draw:
    """Somebody so high who goes so many pixels a second, from left to right."""

    def draw(picture: Levels, at_s: float) -> None:
        x = round((at_s - first_s) * speed)
        if 0 <= x < WIDTH:
            cv2.rectangle(picture, (x, 90), (x + height // 3, 90 + height), 30.0, cv2.FILLED)

    return draw


def seen(path: Path) -> tuple[Viewed, Viewed]:
    """Decoding all, and decoding what the gate asks for."""
    return view(path, MotionSettings(decode="all")), view(path, MotionSettings())


def test_a_quiet_stream_is_hardly_decoded(tmp_path: Path) -> None:
    """After the learning, a keyframe now and then; nothing is found that is not there."""
    path = film(tmp_path / "quiet.mp4", nothing, (*X264, "-crf", "26"))
    viewed = view(path, MotionSettings())
    learning = 21 * FPS
    assert viewed.counts.decoded - learning < 0.08 * (viewed.counts.packets - learning)
    assert viewed.events == []
    assert viewed.counts.openings == 0


def test_a_walker_opens_it_and_the_onset_is_not_lost(tmp_path: Path) -> None:
    """Found by the sizes, and dated as full decoding dates it."""
    path = film(tmp_path / "walker.mp4", walker(40, 40.0, 42.0), (*X264, "-crf", "26"))
    everything, viewed = seen(path)
    assert len(everything.events) == 1
    assert not viewed.lost(everything.events)
    assert max(viewed.late_s(everything.events)) <= 0.11
    assert (viewed.counts.by_gate, viewed.counts.missed) == (1, 0)
    assert viewed.share < 0.75


def test_who_does_not_show_in_the_sizes_is_found_by_a_keyframe(tmp_path: Path) -> None:
    """Strong noise, finely coded: the viewer knows that it cannot rely on the sizes."""
    path = film(tmp_path / "noisy.mp4", walker(16, 16.0, 40.0), (*X264, "-qp", "20"), noise=6.0)
    everything, viewed = seen(path)
    assert len(everything.events) == 1
    assert viewed.modes["keyframes"] > 300
    assert not viewed.lost(everything.events)
    assert max(viewed.late_s(everything.events)) <= 0.11
    assert viewed.counts.missed == viewed.counts.events == 1


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((*X264, "-crf", "26", "-x264-params", "intra-refresh=1"), id="refresh"),
        pytest.param((*X264, "-crf", "26", "-g", "600", "-keyint_min", "600"), id="one keyframe"),
    ],
)
def test_a_stream_without_keyframes_that_help_is_decoded_whole(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Refreshed in parts, or with a keyframe a minute."""
    path = film(tmp_path / "whole.mp4", walker(40, 40.0, 42.0), options)
    viewed = view(path, MotionSettings())
    assert viewed.modes == {"all": SECONDS * FPS}
    assert viewed.share == 1.0
    assert len(viewed.events) == 1


def test_a_camera_that_stops_to_send_keyframes_is_decoded_whole_from_there(
    tmp_path: Path,
) -> None:
    """As cameras do that stretch their GOPs while they think that nothing happens."""
    options = (
        *X264, "-g", "600", "-keyint_min", "600", "-sc_threshold", "0", "-crf", "26",
        "-force_key_frames", "expr:lt(t,30)*gte(t,n_forced*2)",
    )  # fmt: skip
    viewed = view(film(tmp_path / "smart.mp4", nothing, options), MotionSettings())
    assert viewed.modes["all"] > 18 * FPS
    assert 0.4 < viewed.share < 0.95
    assert viewed.counts.openings >= 1


def test_one_event_that_runs_on_is_counted_once(tmp_path: Path) -> None:
    """However often the viewer opens while its quiet time runs."""

    def draw(picture: Levels, at_s: float) -> None:
        for first_s in (25.0, 36.0, 47.0):
            walker(40, 80.0, first_s)(picture, at_s)

    path = film(tmp_path / "three.mp4", draw, (*X264, "-crf", "26"))
    viewed = view(path, MotionSettings(quiet_s=20.0))
    assert viewed.counts.openings >= 3
    assert (viewed.counts.events, viewed.counts.missed, viewed.counts.false) == (1, 0, 0)


def test_a_ring_too_small_to_go_back_in_keeps_the_viewer_open(tmp_path: Path) -> None:
    """A second of packets, of GOPs of two."""
    path = film(tmp_path / "quiet.mp4", nothing, (*X264, "-qp", "20"), noise=4.0)
    second_bytes = path.stat().st_size // SECONDS
    viewed = view(path, MotionSettings(), ring_bytes=second_bytes)
    assert viewed.share == 1.0


def test_a_burst_of_bytes_that_fills_the_ring_does_not_keep_the_viewer_open(
    tmp_path: Path,
) -> None:
    """Once the ring holds a GOP again, it closes again."""
    path = film(tmp_path / "quiet.mp4", nothing, (*X264, "-crf", "26"))
    packets = 0

    def burst(packet: Packet) -> None:
        nonlocal packets
        packets += 1
        if 18 * FPS <= packets < 28 * FPS:
            filler = b"\x0c" + b"\xff" * 200_000
            packet.data += len(filler).to_bytes(4, "big") + filler

    viewed = view(path, MotionSettings(), ring_bytes=2**20, change=burst)
    assert 28 * FPS <= viewed.counts.decoded < 45 * FPS


def test_time_in_which_nothing_can_be_decoded_is_not_watched(tmp_path: Path) -> None:
    """From half a minute on, packets come as ever but hold no picture: a closed viewer claims only
    up to the last keyframe that it could decode."""
    path = film(tmp_path / "quiet.mp4", nothing, (*X264, "-crf", "26"))
    spoilt_s = 30.0

    def spoil(packet: Packet) -> None:
        if packet.pts * packet.time_base >= spoilt_s:
            size = len(packet.data) - 4
            packet.data = size.to_bytes(4, "big") + b"\x0c" + b"\xff" * (size - 1)  # filler

    clock = FakeClock(mono_ns=0)
    coverage = Coverage(clock, disarmed=None, is_storing=lambda: True)
    clock.advance(SECONDS)
    view(path, MotionSettings(), coverage=coverage, change=spoil)
    coverage.lost("stalled")
    assert 20.0 <= coverage.summary().watched_s <= spoilt_s


def test_a_hole_in_what_a_closed_viewer_let_pass_is_not_watched(tmp_path: Path) -> None:
    """Eight seconds of packets never came; the picture before and after is sound."""
    path = film(tmp_path / "quiet.mp4", nothing, (*X264, "-crf", "26"))
    hole_s = 8.0

    def shift(packet: Packet) -> None:
        if packet.pts * packet.time_base >= 33.0:
            packet.pts += round(hole_s / packet.time_base)
            packet.dts += round(hole_s / packet.time_base)

    clock = FakeClock(mono_ns=0)
    coverage = Coverage(clock, disarmed=None, is_storing=lambda: True)
    clock.advance(SECONDS + hole_s)
    view(path, MotionSettings(), coverage=coverage, change=shift)
    coverage.lost("stalled")
    assert SECONDS - 12 <= coverage.summary().watched_s <= SECONDS + 1


def test_the_settings_can_ask_for_every_picture(tmp_path: Path) -> None:
    """decode: all."""
    path = film(tmp_path / "quiet.mp4", nothing, (*X264, "-crf", "26"))
    viewed = view(path, MotionSettings(decode="all"))
    assert (viewed.share, viewed.counts.openings) == (1.0, 0)
