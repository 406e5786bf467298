"""Zones and masks: which pixels are watched, and which zones a region touches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contract.motion import MotionSettings, Point, Polygon, Zone
from edge.motion.zones import ZoneMap, rasterise

LEFT = Zone("left", ((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
RIGHT = Zone("right", ((0.5, 0), (1, 0), (1, 1), (0.5, 1)))
TOP = Polygon(((0, 0), (1, 0), (1, 0.25), (0, 0.25)))
ALL = np.ones((180, 320), np.bool_)


def everything(zones: ZoneMap) -> tuple[str, ...]:
    """The zones that a region over the whole picture touches."""
    return zones.names(zones.touched(slice(0, 180), slice(0, 320), ALL))


def test_without_zones_the_whole_picture_is_watched() -> None:
    """An installer who draws nothing gets everything."""
    zones = ZoneMap(MotionSettings(), 180, 320)
    assert zones.is_whole
    assert zones.watched_px == 180 * 320
    assert everything(zones) == ()


def test_only_the_zones_are_watched_where_there_are_some() -> None:
    """A zone over the left half leaves the right half unwatched."""
    zones = ZoneMap(MotionSettings(zones=(LEFT,)), 180, 320)
    assert not zones.is_whole
    assert zones.watched_px == pytest.approx(180 * 160, rel=0.02)
    assert zones.watched[90, 40] == 255
    assert zones.watched[90, 280] == 0


def test_a_mask_takes_pixels_from_every_zone() -> None:
    """The sky is masked once, not zone by zone."""
    zones = ZoneMap(MotionSettings(zones=(LEFT, RIGHT), masks=(TOP,)), 180, 320)
    assert not zones.watched[10].any()
    assert zones.watched[100].all()


def test_a_region_names_the_zones_it_touches_in_the_order_of_the_settings() -> None:
    """A region inside one zone names that one; one across the border names both."""
    zones = ZoneMap(MotionSettings(zones=(RIGHT, LEFT)), 180, 320)
    window = np.ones((20, 40), np.bool_)
    rows = slice(50, 70)
    assert zones.names(zones.touched(rows, slice(20, 60), window)) == ("left",)
    assert zones.names(zones.touched(rows, slice(140, 180), window)) == ("right", "left")


def test_only_the_region_itself_counts_not_its_bounding_box() -> None:
    """A thin diagonal's empty corner touches nothing."""
    corner = Zone("corner", ((0, 0), (0.1, 0), (0.1, 0.1), (0, 0.1)))
    zones = ZoneMap(MotionSettings(zones=(corner,)), 180, 320)
    region = np.ones((100, 100), np.bool_)
    region[:40, :40] = False
    assert zones.touched(slice(0, 100), slice(0, 100), region) == 0


@given(
    left=st.floats(0, 0.8), top=st.floats(0, 0.8), width=st.floats(0.05, 0.2),
    height=st.floats(0.05, 0.2),
)  # fmt: skip
def test_a_rectangle_covers_its_share_of_the_picture(
    left: float, top: float, width: float, height: float
) -> None:
    """Relative coordinates mean the same at every picture size, to within a pixel all round."""
    corners: tuple[Point, ...] = (
        (left, top), (left + width, top), (left + width, top + height), (left, top + height),
    )  # fmt: skip
    for rows, columns in ((180, 320), (240, 320), (360, 320)):
        drawn = np.count_nonzero(rasterise(corners, rows, columns))
        wanted = width * columns * height * rows
        assert abs(drawn - wanted) <= 2 * (width * columns + height * rows) + 4


def test_a_zone_thinner_than_a_pixel_still_watches_something() -> None:
    """A line drawn along a fence is not lost in the small picture."""
    fence = ((0.1, 0.5), (0.9, 0.5), (0.9, 0.5005))
    assert np.count_nonzero(rasterise(fence, 180, 320)) >= 200
