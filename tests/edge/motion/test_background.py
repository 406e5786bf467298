"""The background: learns noise, follows light, absorbs what stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.media.frame import Luma
from edge.motion.background import MAX_THRESHOLD, Background

SHAPE = (90, 160)
FRAME_S = 0.1


@pytest.fixture(scope="module")
def scene() -> Luma:
    """A textured scene with dark, middle and bright parts."""
    rng = np.random.default_rng(5)
    coarse = rng.uniform(30, 210, (9, 16)).astype(np.float32)
    fine = rng.normal(0, 6, SHAPE).astype(np.float32)
    large = np.asarray(cv2.resize(coarse, SHAPE[::-1], interpolation=cv2.INTER_CUBIC))
    luma: Luma = np.clip(large + fine, 5, 235).astype(np.uint8)
    return luma


def noisy(scene: Luma, rng: np.random.Generator, deviation: float, gain: float = 1.0) -> Luma:
    """A frame of the scene in another light, with fresh sensor noise."""
    frame = scene * np.float32(gain) + rng.normal(0, deviation, SHAPE)
    luma: Luma = np.clip(np.rint(frame), 0, 255).astype(np.uint8)
    return luma


def learnt(scene: Luma, deviation: float, frames: int = 100) -> Background:
    """A background that has seen `frames` frames of noise."""
    rng = np.random.default_rng(6)
    background = Background()
    background.start(noisy(scene, rng, deviation), floor=3.5, noise_factor=4.0)
    for _ in range(frames):
        background.compare(noisy(scene, rng, deviation))
        background.learn(FRAME_S)
    return background


def share(background: Background) -> float:
    """The changed part of the frame last compared."""
    return cv2.countNonZero(background.changed) / background.changed.size


@pytest.mark.parametrize("deviation", [1.0, 5.0, 15.0])
def test_noise_is_learnt_at_its_strength(scene: Luma, deviation: float) -> None:
    """The estimate is the mean deviation of the blurred picture, by day and by night."""
    background = learnt(scene, deviation, 300)
    expected = deviation / 3 * np.sqrt(2 / np.pi)  # of the mean of nine, normal distribution
    assert float(background.noise.mean()) == pytest.approx(expected, rel=0.25, abs=0.05)


@pytest.mark.parametrize("deviation", [0.0, 2.0, 8.0, 20.0])
def test_sensor_noise_changes_next_to_nothing(scene: Luma, deviation: float) -> None:
    """Once learnt, noise crosses the threshold in less than a pixel of a thousand."""
    background = learnt(scene, deviation)
    rng = np.random.default_rng(7)
    background.compare(noisy(scene, rng, deviation))
    assert share(background) < 0.001


@pytest.mark.parametrize("gain", [0.6, 0.85, 1.0, 1.08])
def test_a_step_of_the_light_leaves_no_difference(scene: Luma, gain: float) -> None:
    """A cloud or the exposure changes the whole picture at once; the background follows."""
    background = learnt(scene, 2.0)
    background.compare(noisy(scene, np.random.default_rng(8), 2.0, gain))
    assert share(background) < 0.01
    assert background.light_shift == pytest.approx(float(scene.mean()) * (gain - 1), abs=3)


def test_a_thing_in_the_picture_does_not_pass_for_light(scene: Luma) -> None:
    """A person who fills a tenth of the picture stays a difference, all of it."""
    background = learnt(scene, 2.0)
    frame = noisy(scene, np.random.default_rng(9), 2.0)
    frame[20:80, 60:84] = 255 - frame[20:80, 60:84] // 2
    background.compare(frame)
    assert background.changed[20:80, 60:84].mean() / 255 > 0.85
    outside = background.changed.copy()
    outside[18:82, 58:86] = 0
    assert cv2.countNonZero(outside) < 20


def test_what_passes_leaves_hardly_a_trace(scene: Luma) -> None:
    """A walker across a pixel for half a second does not burn in."""
    background = learnt(scene, 1.0)
    before = background.still.copy()
    rng = np.random.default_rng(10)
    for number in range(60):
        frame = noisy(scene, rng, 1.0)
        frame[30:60, 2 * number : 2 * number + 10] = 240
        background.compare(frame)
        background.learn(FRAME_S)
    assert float(np.abs(background.still - before).max()) < 6


def test_what_stays_is_absorbed_within_a_minute(scene: Luma) -> None:
    """A parked car becomes part of the still picture."""
    background = learnt(scene, 1.0)
    rng = np.random.default_rng(11)
    for number in range(600):
        frame = noisy(scene, rng, 1.0)
        frame[30:60, 40:90] = 200
        background.compare(frame)
        if number == 20:
            assert background.changed[35:55, 45:85].mean() > 100
        background.learn(FRAME_S)
    assert share(background) < 0.002


def test_a_thing_at_rest_is_told_from_one_that_moves(scene: Luma) -> None:
    """Seconds after it stopped, a changed pixel is no longer restless."""
    background = learnt(scene, 1.0)
    rng = np.random.default_rng(12)
    for number in range(40):
        frame = noisy(scene, rng, 1.0)
        frame[30:60, 40:70] = 250
        background.compare(frame)
        background.learn(FRAME_S)
        if number == 0:
            assert background.restless[32:58, 42:68].mean() > 100
    assert background.changed[32:58, 42:68].mean() > 100
    assert cv2.countNonZero(background.restless) < 10


def test_a_swaying_part_gets_a_higher_threshold_and_stays_bounded(scene: Luma) -> None:
    """Leaves that come and go every second stop being news; a bright thing still shows there."""
    background = learnt(scene, 1.0)
    rng = np.random.default_rng(13)
    counts = []
    for number in range(600):
        frame = noisy(scene, rng, 1.0)
        if number % 4 < 2:
            frame[30:60, 40:70] = np.clip(frame[30:60, 40:70].astype(int) + 22, 0, 255)
        background.compare(frame)
        background.learn(FRAME_S)
        counts.append(cv2.countNonZero(background.changed[30:60, 40:70]))
    assert np.mean(counts[:40]) > 200
    assert np.mean(counts[-100:]) < 45
    frame[35:55, 45:65] = np.where(scene[35:55, 45:65] > 128, 20, 240)
    background.compare(frame)
    assert cv2.countNonZero(background.changed[35:55, 45:65]) > 300
    assert MAX_THRESHOLD < 60


def test_relearning_takes_the_frame_as_it_is(scene: Luma) -> None:
    """After a cut to another picture nothing differs any more, and noise is still known."""
    background = learnt(scene, 5.0)
    noise = float(background.noise.mean())
    other = np.ascontiguousarray(scene[::-1])
    background.compare(other)
    background.relearn()
    background.compare(other)
    assert share(background) == 0
    assert float(background.noise.mean()) == pytest.approx(noise)


def test_places_where_things_come_and_go_are_told_from_a_passer_by(scene: Luma) -> None:
    """A bush that sways is haunted within seconds, and for a minute; a walker's way never is."""
    background = Background()
    background.start(scene, floor=3.5, noise_factor=4.0)
    for number in range(200):
        luma = scene.copy()
        luma[20:50, 20:60:4] = np.where(number % 3 == 0, 200, 60)
        if number >= 100:
            left = 70 + (number - 100)
            luma[60:90, left : left + 8] = 20
        background.compare(luma)
        background.learn(0.1)
    assert background.haunted[30:40, 30:50].mean() > 100
    assert not background.haunted[60:90].any()


def shifted(scene: Luma, dx: float, dy: float) -> Luma:
    """The scene as a camera sees it that was moved."""
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    moved = cv2.warpAffine(scene, matrix, SHAPE[::-1], borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def lens_blurred(scene: Luma) -> Luma:
    """As no lens is sharper."""
    return np.asarray(cv2.GaussianBlur(scene, (5, 5), 0), np.uint8)


@pytest.mark.parametrize(("dx", "dy"), [(2, 0), (0, -3), (3, 1)])
def test_a_picture_that_moved_as_a_whole_is_moved_back(scene: Luma, dx: int, dy: int) -> None:
    """A pole in the wind: the edges of the still picture are not taken for changes."""
    scene = lens_blurred(scene)
    background = learnt(scene, 1.0)
    rng = np.random.default_rng(8)
    background.compare(noisy(shifted(scene, dx, dy), rng, 1.0))
    before = np.count_nonzero(background.changed)
    assert background.steady(FRAME_S)
    assert background.is_shaking
    assert np.count_nonzero(background.changed) < before / 2


def test_somebody_in_a_picture_that_moved_is_seen(scene: Luma) -> None:
    """Shaking does not blind."""
    scene = lens_blurred(scene)
    background = learnt(scene, 1.0)
    rng = np.random.default_rng(8)
    somebody = scene.copy()
    somebody[30:60, 50:62] = 15
    background.compare(noisy(shifted(somebody, 2, 1), rng, 1.0))
    assert background.steady(FRAME_S)
    assert np.count_nonzero(background.changed[30:60, 50:62]) > 300
    assert np.count_nonzero(background.changed) < 900


def test_what_one_thing_in_the_picture_does_is_no_shaking(scene: Luma) -> None:
    """However large; and asking changes nothing."""
    scene = lens_blurred(scene)
    background = learnt(scene, 1.0)
    with_somebody = scene.copy()
    with_somebody[20:80, 40:80] = 15
    background.compare(noisy(with_somebody, np.random.default_rng(8), 1.0))
    still, changed = background.still.copy(), background.changed.copy()
    assert not background.steady(FRAME_S)
    assert np.array_equal(background.still, still)
    assert np.array_equal(background.changed, changed)


def test_a_shift_that_explains_too_little_leaves_the_comparison_as_it_was(scene: Luma) -> None:
    """Much of the picture moved with the pole, and far more changed for itself."""
    scene = lens_blurred(scene)
    background = learnt(scene, 1.0)
    frame = shifted(scene, 2, 1)
    rng = np.random.default_rng(9)
    for _ in range(60):
        top, left = rng.integers(0, SHAPE[0] - 8), rng.integers(0, SHAPE[1] - 8)
        frame[top : top + 8, left : left + 8] = rng.choice((10, 245))
    background.compare(frame)
    distance = background.distance.copy()
    assert not background.steady(FRAME_S)
    assert np.array_equal(background.distance, distance)


def test_a_camera_that_was_pushed_is_learnt_within_seconds(scene: Luma) -> None:
    """A shift that stays becomes the still picture."""
    scene = lens_blurred(scene)
    background = learnt(scene, 1.0)
    rng = np.random.default_rng(8)
    pushed = shifted(scene, 3, 0)
    for _ in range(100):
        background.compare(noisy(pushed, rng, 1.0))
        background.steady(FRAME_S)
        background.learn(FRAME_S)
    background.compare(noisy(pushed, rng, 1.0))
    assert share(background) < 0.02


def test_what_is_explained_teaches_no_noise_and_haunts_no_place(scene: Luma) -> None:
    """A busy pavement stays one on which a walker is seen."""
    background = learnt(scene, 1.0)
    noise = background.noise.copy()
    window = (slice(20, 50), slice(20, 60))
    for number in range(200):
        luma = scene.copy()
        luma[24:46, 24:56] = 200 if number % 3 == 0 else 60
        background.compare(luma)
        background.learn(FRAME_S, explained=[window])
    assert not background.haunted[window].any()
    assert float(background.noise[window].mean()) <= float(noise[window].mean()) + 0.1
