"""The synthetic street: known truth, the same for the same seed, like a camera's picture."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from edge.capture.street import NOISE_LEVELS, Street
from edge.contract.parts import Box

WIDTH, HEIGHT, FPS = 320, 180, 15.0
MINUTES_2 = round(120 * FPS)


@pytest.fixture(scope="module")
def street() -> Street:
    """A small street, whose scene is that of the large one."""
    return Street(WIDTH, HEIGHT, FPS, seed=3)


def luma(street: Street, number: int) -> npt.NDArray[np.float32]:
    """One frame's luma as float32."""
    return street.frame(number)[: street.height].astype(np.float32)


def test_a_frame_is_packed_yuv420p(street: Street) -> None:
    """A frame goes into an encoder as it is: three planes in one array of bytes."""
    frame = street.frame(0)
    assert frame.shape == (HEIGHT * 3 // 2, WIDTH)
    assert frame.dtype == np.uint8
    assert luma(street, 0).std() > 25, "a textured scene, not a flat one"
    assert frame[HEIGHT:].std() > 4, "coloured"


def test_the_same_seed_gives_the_same_frames_in_any_order() -> None:
    """Frame 400 is the same whether asked for first or after others."""
    one, other = Street(WIDTH, HEIGHT, FPS, seed=7), Street(WIDTH, HEIGHT, FPS, seed=7)
    for number in (0, 900, 3):
        other.frame(number)
    assert np.array_equal(one.frame(400), other.frame(400))
    assert one.intervals(3000) == other.intervals(3000)


def test_another_seed_gives_another_schedule(street: Street) -> None:
    """Two demo cameras do not show the same crossings."""
    other = Street(WIDTH, HEIGHT, FPS, seed=4)
    assert other.intervals(MINUTES_2) != street.intervals(MINUTES_2)


@pytest.mark.parametrize("seed", range(20))
def test_the_first_actor_comes_soon_and_gaps_are_quiet(seed: int) -> None:
    """Someone enters within 12 s, and crossings are at least 10 s apart."""
    intervals = Street(WIDTH, HEIGHT, FPS, seed=seed).intervals(round(600 * FPS))
    assert intervals[0][0] / FPS <= 12
    assert len(intervals) >= 15
    for (_, last), (first, _) in itertools.pairwise(intervals):
        assert 10 <= (first - last) / FPS <= 21


def test_intervals_are_the_frames_with_someone_in_view(street: Street) -> None:
    """The two forms of the truth say the same about every frame."""
    inside = {
        number
        for first, last in street.intervals(MINUTES_2)
        for number in range(first, last + 1)
        if number < MINUTES_2
    }
    seen = {number for number in range(MINUTES_2) if street.truth(number)}
    # On its first and last frame an actor may be less than a pixel inside.
    assert inside >= seen
    assert len(inside - seen) <= 2 * len(street.intervals(MINUTES_2))


def test_what_changes_lies_in_the_box_of_the_truth(street: Street) -> None:
    """The box holds the actor: large differences to the empty street are nowhere else."""
    for first, last in street.intervals(MINUTES_2)[:5]:
        number = (first + last) // 2
        empty = sum(luma(street, first - 10 + each) for each in range(8)) / 8
        difference = np.abs(luma(street, number) - empty) > 6 * NOISE_LEVELS
        (actor,) = street.truth(number)
        left, top, width, height = actor.box
        rows = slice(max(0, int(top * HEIGHT) - 3), int((top + height) * HEIGHT) + 6)
        columns = slice(max(0, int(left * WIDTH) - 3), int((left + width) * WIDTH) + 4)
        within = int(difference[rows, columns].sum())
        assert within >= 0.15 * width * WIDTH * height * HEIGHT
        assert difference.sum() - within <= 3


def test_people_and_vehicles_of_real_sizes_cross(street: Street) -> None:
    """People take a tenth to a quarter of the height; cars are wider than high."""
    seen: dict[str, Box] = {}
    for first, last in street.intervals(round(400 * FPS)):
        (actor,) = street.truth((first + last) // 2)
        seen.setdefault(actor.kind, actor.box)
    assert set(seen) == {"person", "car", "van", "motorbike"}
    assert 0.1 < seen["person"][3] < 0.3
    assert seen["car"][2] * WIDTH > 2 * seen["car"][3] * HEIGHT


def test_limbs_move_while_a_person_walks() -> None:
    """A walker is no sliding cardboard: cut out at his own place, two frames differ."""
    street = Street(1280, 720, FPS, seed=3)
    for first, last in street.intervals(MINUTES_2):
        if street.truth((first + last) // 2)[0].kind == "person":
            break
    cuts = []
    for number in range((first + last) // 2, (first + last) // 2 + 8):
        (actor,) = street.truth(number)
        left, top, width, height = actor.box
        x, y = round((left + width / 2) * 1280), round((top + 0.5 * height) * 720)
        cuts.append(luma(street, number)[y : y + round(0.45 * height * 720), x - 30 : x + 30])
    assert max(float(np.abs(cut - cuts[0]).mean()) for cut in cuts[1:]) > 2 * NOISE_LEVELS


def test_noise_is_fresh_in_every_frame(street: Street) -> None:
    """An encoder and a detector get sensor noise, not a still picture."""
    difference = luma(street, 11) - luma(street, 10)
    assert NOISE_LEVELS * 1.2 < difference.std() < NOISE_LEVELS * 1.6


def test_daylight_drifts_slowly(street: Street) -> None:
    """The light changes over minutes, by no visible step from frame to frame."""
    levels = [float(luma(street, number)[:20].mean()) for number in range(0, 2000, 5)]
    assert max(levels) - min(levels) > 8
    assert max(abs(b - a) for a, b in itertools.pairwise(levels)) < 1.0


@pytest.mark.parametrize("size", [(321, 180), (320, 182), (0, 0)])
def test_sizes_that_have_no_420_planes_are_refused(size: tuple[int, int]) -> None:
    """Odd sizes are an error at once, not a torn picture later."""
    with pytest.raises(ValueError, match="cannot draw"):
        Street(*size)
