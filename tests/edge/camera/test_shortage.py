"""Too few pictures are told, and for which reason."""

from __future__ import annotations

import pytest

from edge.camera.load import EFFECT_S, LAG_S, STEPS, Load
from edge.camera.shortage import Looks, Shortage

TOO_FEW = Shortage("fewer than 0.8 pictures a second come", "stream_lost")


def shortage(fps: float, analysis_fps: float = 10.0, load: Load | None = None) -> Shortage:
    """Of a camera that sent so many pictures a second for half a minute."""
    looks = Looks(analysis_fps, load or Load())
    for number in range(round(30 * fps)):
        looks.note(round(number / fps * 1e9))
    return looks.shortage


@pytest.mark.parametrize("fps", [0.9, 0.96, 1.0, 2.0, 15.0, 30.0])
def test_a_camera_of_a_picture_a_second_is_watched(fps: float) -> None:
    """The detector sees with that."""
    assert shortage(fps) == Shortage()


@pytest.mark.parametrize("fps", [0.2, 0.5, 0.7])
def test_a_camera_of_fewer_is_not(fps: float) -> None:
    """Visits are lost."""
    assert shortage(fps) == TOO_FEW


@pytest.mark.parametrize("analysis_fps", [0.5, 0.7])
def test_settings_that_look_too_seldom_are_told(analysis_fps: float) -> None:
    """Whatever the camera sends."""
    said = Shortage("overload: fewer than 0.8 pictures a second are looked at", "overload")
    assert shortage(15.0, analysis_fps) == said
    assert shortage(15.0, 1.0) == Shortage()


def test_a_box_that_halves_a_low_rate_is_blind() -> None:
    """Half of 10 a second is watched; half of 1 is not."""
    load = Load()
    load.note(0.0, 2 * LAG_S)
    assert load.step is STEPS[1]
    assert shortage(15.0, 10.0, load) == Shortage("overload: looked at half as often", None)
    assert shortage(15.0, 1.0, load).blind == "overload"
    for step in (1, 2):
        load.note(2 * step * EFFECT_S, 2 * LAG_S)
    assert load.step is STEPS[3]
    assert shortage(15.0, 10.0, load).blind == "overload"


def test_a_pause_is_no_shortage() -> None:
    """The network's; coverage knows a silence by itself."""
    looks = Looks(10.0, Load())
    for at_s in (0.0, 0.1, 0.2, 4.2, 4.3, 4.4, 8.4, 8.5):
        looks.note(round(at_s * 1e9))
    assert looks.shortage == Shortage()
