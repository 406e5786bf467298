"""A model sees what moved, large enough, and its boxes come back to where things are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.classify.tile import GREY, cut
from edge.contract.parts import Box

SIDE_PX = 96
places = st.floats(0, 0.95)
sizes = st.floats(0.002, 1)


@given(
    width=st.integers(16, 400), height=st.integers(16, 300),
    left=places, top=places, wide=sizes, high=sizes,
)  # fmt: skip
def test_what_moved_lies_in_the_tile_and_its_box_comes_back(
    width: int, height: int, left: float, top: float, wide: float, high: float
) -> None:
    """For pictures and boxes of any shape, to within a pixel or two."""
    moving: Box = (left, top, min(wide, 1 - left), min(high, 1 - top))
    tile = cut(np.zeros((height, width, 3), np.uint8), [moving], SIDE_PX)
    assert tile.pixels.shape == (SIDE_PX, SIDE_PX, 3)
    corners = (
        (moving[0] * width - tile.left) * tile.scale,
        (moving[1] * height - tile.top) * tile.scale,
        ((moving[0] + moving[2]) * width - tile.left) * tile.scale,
        ((moving[1] + moving[3]) * height - tile.top) * tile.scale,
    )
    slack = 2 + 2 * tile.scale
    assert min(corners) >= -slack and max(corners) <= SIDE_PX + slack
    box = tile.box(corners)
    if box is None:
        assert min(moving[2] * width, moving[3] * height) < 1
    else:
        assert box == pytest.approx(moving, abs=2 / min(width, height))


def test_a_small_thing_is_shown_enlarged_and_a_large_one_whole() -> None:
    """A far walker is doubled, no more; a near car is shrunk with what is around it."""
    picture = np.zeros((720, 1280, 3), np.uint8)
    assert cut(picture, [(0.5, 0.5, 0.01, 0.04)], 416).scale == pytest.approx(2, rel=0.01)
    near = cut(picture, [(0.2, 0.2, 0.3, 0.5)], 416)
    assert near.scale * 384 / 416 == pytest.approx(0.4, abs=0.1)


def test_a_thing_in_a_corner_is_shown_with_the_picture_around_it() -> None:
    """The tile is moved into the picture, not filled up with grey."""
    tile = cut(np.zeros((720, 1280, 3), np.uint8), [(0.98, 0.9, 0.02, 0.1)], 416)
    assert not (tile.pixels == GREY).any()


def test_pixels_of_the_picture_are_where_the_tile_says() -> None:
    """The colour at a place in the picture is found at its place in the tile."""
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[100:120, 200:220] = (0, 0, 255)
    tile = cut(picture, [(200 / 300, 0.5, 20 / 300, 0.1)], SIDE_PX)
    x, y = (210 - tile.left) * tile.scale, (110 - tile.top) * tile.scale
    assert tile.pixels[round(y), round(x)].tolist() == [0, 0, 255]


def test_a_whole_picture_is_shown_in_its_own_shape() -> None:
    """With grey below it, as the models' own letterboxes do."""
    tile = cut(np.zeros((50, 100, 3), np.uint8), [], SIDE_PX)
    assert (tile.pixels[:48] == 0).all() and (tile.pixels[48:] == GREY).all()
    assert tile.box((0, 0, SIDE_PX, SIDE_PX / 2)) == (0, 0, 1, 1)
    assert tile.box((10, 60, 20, 90)) is None  # in the grey


@pytest.mark.parametrize(
    ("box", "has_moved"),
    [
        ((0.4, 0.4, 0.2, 0.3), True),  # what moved
        ((0.35, 0.3, 0.3, 0.5), True),  # more of it than changed
        ((0.45, 0.45, 0.05, 0.2), True),  # its upper half
        ((0.0, 0.4, 0.2, 0.3), False),  # beside it
        ((0.0, 0.0, 1.0, 1.0), False),  # the house behind it
        ((0.58, 0.4, 0.3, 0.3), False),  # a parked car whose edge it passes
    ],
)
def test_what_stands_there_is_told_from_what_moved(box: Box, has_moved: bool) -> None:
    """Only what covers about the same place as something moving counts."""
    tile = cut(np.zeros((100, 100, 3), np.uint8), [(0.4, 0.4, 0.2, 0.3)], SIDE_PX)
    assert tile.has_moved(box) is has_moved


def test_parts_of_one_thing_count_together() -> None:
    """The detector often sees a walker as two pieces, of which each is small beside the whole."""
    head, legs = (0.45, 0.2, 0.02, 0.05), (0.45, 0.6, 0.03, 0.1)
    tile = cut(np.zeros((100, 100, 3), np.uint8), [head, legs], SIDE_PX)
    assert tile.has_moved((0.43, 0.2, 0.06, 0.5))


def test_without_anything_moving_all_counts() -> None:
    """As for a picture that an installer tries."""
    assert cut(np.zeros((9, 9, 3), np.uint8), [], SIDE_PX).has_moved((0, 0, 0.01, 0.01))
