"""One number, and what it means for pixels and things."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from edge.contract.motion import Expert, MotionSettings, Zone
from edge.motion.needs import of_camera, of_zone
from edge.motion.sensitivity import SensitivityMap

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
TOP = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5))
HEIGHT, WIDTH = 18, 32


def test_each_step_up_needs_less_of_everything() -> None:
    """From 1 to 10, without exception."""
    needs = [astuple(of_camera(MotionSettings(sensitivity=number))) for number in range(1, 11)]
    for less, more in zip(needs[1:], needs[:-1], strict=True):
        assert all(one < other for one, other in zip(less, more, strict=True))


def test_the_middle_is_what_the_documentation_says() -> None:
    """The settings' descriptions name these figures."""
    assert astuple(of_camera(MotionSettings())) == (3.5, 4.0, 0.0003, 0.012)


def test_an_expert_sets_one_part_and_leaves_the_others() -> None:
    """In place of what the number makes of it."""
    plain = of_camera(MotionSettings(sensitivity=7))
    set_ = of_camera(MotionSettings(sensitivity=7, expert=Expert(floor=9.0)))
    assert set_.floor == 9.0
    assert astuple(set_)[1:] == astuple(plain)[1:]
    assert of_camera(MotionSettings(min_area=0.01)).min_area == 0.01


def test_a_zone_has_the_cameras_needs_unless_it_says_otherwise() -> None:
    """Parts of its own go before the camera's; a number of its own takes the place of them all."""
    settings = MotionSettings(sensitivity=7, min_area=0.01, expert=Expert(noise_factor=9.0))
    assert of_zone(settings, Zone("a", LEFT)) == of_camera(settings)
    own = of_zone(settings, Zone("a", LEFT, min_area=0.02, expert=Expert(bulk_area=0.5)))
    assert (own.min_area, own.bulk_area, own.noise_factor) == (0.02, 0.5, 9.0)
    assert of_zone(settings, Zone("a", LEFT, sensitivity=2)) == of_camera(
        MotionSettings(sensitivity=2)
    )


def test_one_number_for_all_stays_one_number() -> None:
    """A plane costs two passes more a frame; it is made only where zones differ."""
    alike = MotionSettings(zones=(Zone("a", LEFT, sensitivity=5), Zone("b", TOP)))
    assert SensitivityMap(alike, HEIGHT, WIDTH).floor == 3.5


def test_zones_that_overlap_see_what_either_sees() -> None:
    """Each pixel by the more sensitive of its zones, each thing by those that it touches."""
    settings = MotionSettings(
        zones=(Zone("a", LEFT, sensitivity=8), Zone("b", TOP, sensitivity=2))
    )  # fmt: skip
    eight, two = (of_camera(MotionSettings(sensitivity=number)) for number in (8, 2))
    drawn = SensitivityMap(settings, HEIGHT, WIDTH)
    assert isinstance(drawn.floor, np.ndarray)
    assert isinstance(drawn.noise_factor, np.ndarray)
    assert drawn.floor[2, 2] == drawn.floor[15, 2] == pytest.approx(eight.floor)
    assert drawn.floor[2, 30] == pytest.approx(two.floor)
    assert drawn.noise_factor[2, 30] == pytest.approx(two.noise_factor)
    assert drawn.floor[15, 30] == pytest.approx(3.5)
    assert drawn.of(0b01) == drawn.of(0b11) == eight
    assert drawn.of(0b10) == two
    assert drawn.least == eight
