"""Which zones and masks held at a time in the past, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge.base import schema
from edge.contract.motion import MotionSettings, Polygon, Zone
from hub.archive import SqliteArchive
from hub.archive.values import CameraKey
from hub.registry import settings
from hub.registry.settings import Author
from hub.registry.settings_then import motion_then
from tests.hub.journals import START_UTC
from tests.hub.registry.test_settings import tell

KEY = CameraKey("gate-1", "door")
CORNERS = ((0.1, 0.1), (0.5, 0.1), (0.5, 0.5))
PATH, ROAD, TREE = Zone("path", CORNERS), Zone("road", CORNERS), Polygon(CORNERS)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[SqliteArchive]:
    """An empty archive."""
    made = SqliteArchive(tmp_path / "archive.sqlite")
    yield made
    made.close()


def make(archive: SqliteArchive, minutes: int, **motion: object) -> None:
    """A version so long after the start, which the node takes."""
    author = Author("lan", START_UTC + minutes * MINUTE)
    plain = {name: schema.dump(value) for name, value in motion.items()}
    made = settings.make(archive, "gate-1", {"cameras": {"door": {"motion": plain}}}, author)
    tell(archive, made.version, motion=MotionSettings(**motion))  # type: ignore[arg-type]


def test_what_the_node_has_of_its_own_is_told_as_it_is_now(archive: SqliteArchive) -> None:
    """Which may have been otherwise then, so it is not sure."""
    assert motion_then(archive, KEY, START_UTC) is None
    tell(archive, 0, motion=MotionSettings(zones=(PATH,)))
    found = motion_then(archive, KEY, START_UTC)
    assert found is not None and found.motion.zones == (PATH,) and not found.is_sure


def test_the_version_of_then_counts_not_that_of_now(archive: SqliteArchive) -> None:
    """Before the first one nothing is known once the hub hides it."""
    make(archive, 10, zones=(PATH,), masks=())
    make(archive, 20, zones=(ROAD,), masks=(TREE,))
    for minutes, zone in ((15, PATH), (25, ROAD)):
        found = motion_then(archive, KEY, START_UTC + minutes * MINUTE)
        assert found is not None and found.motion.zones == (zone,) and found.is_sure
    early = motion_then(archive, KEY, START_UTC + 15 * MINUTE)
    assert early is not None and early.motion.masks == ()


def test_a_version_that_was_never_in_effect_counts_for_nothing(archive: SqliteArchive) -> None:
    """Only wanted, refused or taken back."""
    make(archive, 10, zones=(PATH,), masks=())
    author = Author("lan", START_UTC + 20 * MINUTE)
    wish = {"cameras": {"door": {"motion": {"zones": [schema.dump(ROAD)]}}}}
    settings.make(archive, "gate-1", wish, author)
    found = motion_then(archive, KEY, START_UTC + 30 * MINUTE)
    assert found is not None and found.motion.zones == (PATH,)
