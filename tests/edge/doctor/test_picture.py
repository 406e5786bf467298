"""The judgement of what a camera shows, on films that are really encoded and decoded."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.base.clock import SystemClock
from edge.base.findings import Finding
from edge.config.camera import CameraSettings
from edge.doctor import camera, picture
from edge.media.frame import Picture

FPS = 10
Draw = Callable[[int], Picture]


def film(path: Path, draw: Draw, *, seconds: int = 8, gop: int = 10) -> Path:
    """`draw` gives each frame's picture, blue green red."""
    height, width = draw(0).shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.gop_size, stream.max_b_frames = gop, 0
        stream.options = {"preset": "ultrafast", "qp": "20", "sc_threshold": "0"}
        for number in range(seconds * FPS):
            frame = av.VideoFrame.from_ndarray(draw(number % 7), format="bgr24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    return path


@functools.lru_cache(16)
def town(number: int) -> Picture:
    """Walls with sharp edges, and noise that is new in each of some frames."""
    random = np.random.default_rng(7)
    still = np.repeat(np.repeat(random.integers(0, 256, (9, 16, 3)), 40, axis=0), 40, axis=1)
    noise = np.random.default_rng(number % 7).normal(0, 4, still.shape)
    return np.asarray(np.clip(still + noise, 0, 255), np.uint8)


def dark(number: int) -> Picture:
    """A covered lens: black, with the sensor's noise."""
    return np.asarray(np.random.default_rng(number).integers(0, 3, (360, 640, 3)), np.uint8)


@functools.lru_cache(16)
def soft(number: int) -> Picture:
    """The same town through a lens that is not in focus."""
    return np.asarray(cv2.GaussianBlur(town(number), (0, 0), 5), np.uint8)


def examined(path: Path, *, seconds: float = 8) -> dict[str, Finding]:
    """What is said of a camera that shows that film."""
    settings = CameraSettings(name="gate", source=str(path), pace="fast")
    found = camera.examine(settings, SystemClock(), seconds=seconds, is_agent_running=False)
    return {each.check: each for each in found}


def test_a_good_camera_passes_every_check(tmp_path: Path) -> None:
    """What it sends, how often, how sharp: all well."""
    found = examined(film(tmp_path / "good.mp4", town))
    assert {each.outcome for each in found.values()} == {"pass"}, found
    assert "H.264" in found["camera.gate"].text
    assert "a keyframe every 1.0 s" in found["camera.gate.gop"].text


def test_a_black_picture_fails(tmp_path: Path) -> None:
    """Noise of a sensor in the dark is no light."""
    found = examined(film(tmp_path / "dark.mp4", dark))["camera.gate.picture"]
    assert found.outcome == "fail"
    assert "black" in found.text
    assert "lens" in found.remedy


def test_a_picture_that_stands_still_for_a_moment_is_a_warning(tmp_path: Path) -> None:
    """A few seconds are too short to be sure."""
    found = examined(film(tmp_path / "still.mp4", lambda _: town(1)))["camera.gate.picture"]
    assert found.outcome == "warn"
    assert "did not change" in found.text


def test_a_picture_that_stands_still_for_long_fails(tmp_path: Path) -> None:
    """Half a minute of the same picture is a frozen camera."""
    path = film(tmp_path / "frozen.mp4", lambda _: town(1), seconds=45, gop=50)
    found = examined(path, seconds=500)["camera.gate.picture"]
    assert (found.outcome, found.text) == ("fail", "the picture is frozen")


def test_a_lens_out_of_focus_is_a_warning(tmp_path: Path) -> None:
    """With what to do about the lens."""
    found = examined(film(tmp_path / "soft.mp4", soft))["camera.gate.focus"]
    assert found.outcome == "warn"
    assert "out of focus" in found.text
    assert "lens" in found.remedy


def test_text_that_the_camera_writes_does_not_make_a_soft_picture_sharp() -> None:
    """Only some parts of the picture have it."""
    shown = soft(0)
    cv2.putText(shown, "2026-01-31 23:59:59 GATE", (20, 40), 0, 1.2, (255, 255, 255), 2)
    plain, written = picture.sharpness(soft(0)), picture.sharpness(shown)
    assert plain is not None
    assert written is not None
    assert written < picture.SOFT
    assert picture.sharpness(town(0)) > picture.SOFT  # type: ignore[operator]


def test_nothing_is_said_of_the_focus_of_an_empty_wall() -> None:
    """There is no edge to be sharp."""
    assert picture.sharpness(np.full((720, 1280, 3), 120, np.uint8)) is None


def test_a_camera_with_one_keyframe_in_all_the_time_is_a_warning(tmp_path: Path) -> None:
    """Clips begin at keyframes."""
    found = examined(film(tmp_path / "long.mp4", town, gop=1000))["camera.gate.gop"]
    assert found.outcome == "warn"
    assert "keyframe" in found.remedy


def test_a_camera_that_is_not_there_fails_with_the_cause(tmp_path: Path) -> None:
    """And nothing else is said of it."""
    found = examined(tmp_path / "no.mp4")
    assert list(found) == ["camera.gate"]
    assert found["camera.gate"].outcome == "fail"
    assert "not_found" in found["camera.gate"].text


@pytest.mark.parametrize("is_running", [True, False])
def test_a_camera_for_one_viewer_is_left_to_the_running_agent(is_running: bool) -> None:
    """A second program would take the device away, or fail without a fault."""
    settings = CameraSettings(name="gate", source="exec:", command=("/nonexistent/program",))
    found = list(camera.examine(settings, SystemClock(), seconds=1, is_agent_running=is_running))
    assert [each.outcome for each in found] == (["skip"] if is_running else ["fail"])
