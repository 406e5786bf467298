"""A thing brings gradients of its own; light scales those that are there."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.motion.background import Mask, Plane
from edge.motion.texture import novelty, sharpness
from edge.motion.tracks import MIN_NOVELTY

SHAPE = (40, 60)


@pytest.fixture(scope="module")
def wall() -> Plane:
    """A textured still picture."""
    rng = np.random.default_rng(1)
    return (120 + 25 * rng.standard_normal(SHAPE)).astype(np.float32)


@pytest.fixture(scope="module")
def quiet() -> float:
    """A noise estimate of a picture by day."""
    return 0.6


def middle() -> Mask:
    """The region: all but the margin."""
    region = np.zeros(SHAPE, np.uint8)
    region[3:-3, 3:-3] = 1
    return region


@pytest.mark.parametrize("gain", [0.5, 0.75, 1.3, 1.8])
def test_the_old_thing_in_another_light_is_not_new(wall: Plane, quiet: float, gain: float) -> None:
    """Shadow or lamp: the wall's own gradients, scaled."""
    assert novelty(wall * np.float32(gain) + np.float32(5), wall, quiet, middle()) < 0.1


def test_another_texture_is_new(wall: Plane, quiet: float) -> None:
    """What stands before the wall looks different from it."""
    other = np.roll(wall, (7, 11), (0, 1))[::-1].copy()
    assert novelty(other, wall, quiet, middle()) > 0.5


def test_a_plain_thing_before_a_plain_wall_is_new_by_its_outline(quiet: float) -> None:
    """A grey coat before a grey wall: no texture, but an edge that was not there."""
    wall = np.full(SHAPE, 150, np.float32)
    frame = wall.copy()
    frame[8:32, 20:34] = 90
    region = (frame != wall).astype(np.uint8)
    assert novelty(frame, wall, quiet, region) > MIN_NOVELTY


def test_a_soft_patch_of_light_on_a_plain_wall_is_not_new(quiet: float) -> None:
    """A lamp's glow has no outline."""
    wall = np.full(SHAPE, 100, np.float32)
    y, x = np.mgrid[-1:1:40j, -1:1:60j]
    glow = 22 * np.exp(-2.5 * (x * x + y * y))
    assert novelty((wall + glow).astype(np.float32), wall, quiet, middle()) < MIN_NOVELTY


def test_noise_alone_is_not_new() -> None:
    """Night noise has gradients everywhere; the noise estimate accounts for them."""
    rng = np.random.default_rng(2)
    wall = np.full(SHAPE, 60, np.float32)
    grain = np.asarray(cv2.blur(rng.normal(0, 6, SHAPE).astype(np.float32), (3, 3)))
    noise = float(np.abs(grain).mean())
    frame = (wall + grain).astype(np.float32)
    assert novelty(frame, wall, noise, middle()) < MIN_NOVELTY


@pytest.mark.parametrize("contrast", [15.0, 60.0, -90.0])
def test_a_thing_in_focus_is_sharp_and_a_blurred_one_is_not(contrast: float) -> None:
    """Whatever its contrast; the difference is blurred as the background's planes are."""
    thing = np.zeros((60, 80), np.float32)
    thing[15:45, 25:55] = contrast
    region: Mask = (cv2.GaussianBlur(np.abs(thing), (21, 21), 0) > 2).astype(np.uint8)
    focused = np.asarray(cv2.blur(thing, (3, 3)), np.float32)
    blurred = np.asarray(cv2.GaussianBlur(thing, (21, 21), 0), np.float32)
    assert sharpness(focused, region) > 0.5
    assert sharpness(blurred, region) < 0.3
