"""What a question names and there is not; and that a good question costs little."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from edge.base import schema
from edge.contract import applied
from edge.contract.applied import Applied
from edge.contract.motion import MotionSettings, Zone
from edge.contract.settings import SettableCamera
from hub.archive import SqliteArchive
from hub.archive.registry_values import Area, Place, Registry
from hub.archive.scope import EVERYTHING, Scope
from hub.archive.settings_values import AppliedNote
from hub.archive.values import Batch, CameraKey, EventFilter
from hub.registry import edit
from hub.registry.known import KnownNames
from tests.hub.archive.conformance import batch
from tests.hub.journals import START_UTC, Journal

YARD = Zone("yard", ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9)))


class Counted(SqliteArchive):
    """An archive that counts how often its registry is asked for."""

    asked = 0

    def registry(self) -> Registry:
        self.asked += 1
        return super().registry()


@pytest.fixture
def archive(tmp_path: Path) -> Counted:
    return Counted(tmp_path / "archive.sqlite")


def test_a_zone_is_known_once_an_event_touched_it_or_a_node_watches_it(archive: Counted) -> None:
    """Whether or not anything moved there yet; a label, once a model gave it."""
    journal = Journal("gate-1")
    lines = journal.event(zones=("path",))
    archive.write(batch([*lines, journal.labels(lines[0], bicycle=0.9)]))
    has = SettableCamera(
        name="door", source="rtsp://192.0.2.7/", motion=MotionSettings(zones=(YARD,))
    )
    said = Applied(
        v=1, node="gate-1", version=0, state="applied", seen=0, at_utc=START_UTC,
        settings={"cameras": {"door": schema.dump(has)}},
    )  # fmt: skip
    archive.write(Batch(applied=(AppliedNote(said, applied.encode(said), START_UTC),)))
    names = KnownNames(archive)
    for where in (
        EventFilter(zone="path"), EventFilter(zone="yard"), EventFilter(label="bicycle"),
        EventFilter(label="animal"),
    ):  # fmt: skip
        assert names.problems(where) == {}
    assert names.problems(EventFilter(zone="yrd", label="bicycl")) == {
        "zone": "there is no zone yrd; yard?",
        "label": "there is no label bicycl; bicycle?",
    }


def test_who_sees_a_part_learns_no_zone_or_label_of_the_rest(archive: Counted) -> None:
    """Nor of the time when a camera was elsewhere."""
    edit.change(archive, lambda registry: edit.put_area(registry, Area("south", "town", "South")))
    edit.change(archive, lambda registry: edit.put_area(registry, Area("north", "town", "North")))
    for node, zone in (("gate-1", "path"), ("gate-2", "lane")):
        journal = Journal(node)
        lines = journal.event(zones=(zone,))
        archive.write(batch([*lines, journal.labels(lines[0], **{f"{zone}er": 0.9})]))
    later = Place(START_UTC + timedelta(days=1), "south")
    for key, place in (("gate-1", Place(None, "north")), ("gate-2", Place(None, "south"))):
        door = CameraKey(key, "door")
        edit.change(archive, lambda before, door=door, place=place: edit.place_camera(  # type: ignore[misc]
            before, door, place))  # fmt: skip
    edit.change(
        archive, lambda before: edit.place_camera(before, CameraKey("gate-1", "door"), later)
    )
    south = Scope(areas=frozenset({"south"}))
    assert archive.tags("zone", south) == {"lane"}
    assert archive.tags("label", south) == {"laneer"}
    assert archive.tags("zone", EVERYTHING) == {"lane", "path"}
    said = KnownNames(archive).problems(EventFilter(zone="path", scope=south))
    assert said == {"zone": "there is no zone path; there is lane (or it is outside of your scope)"}


def test_names_are_gathered_again_for_one_that_is_new_only(archive: Counted) -> None:
    """What is known stays known; what is not may have come meanwhile."""
    names = KnownNames(archive)
    archive.write(batch([Journal("gate-1").booted()]))
    assert [names.problems(EventFilter(node="gate-1")) for _ in range(3)] == [{}, {}, {}]
    assert archive.asked == 1
    assert names.problems(EventFilter(node="gate-2")) == {
        "node": "there is no node gate-2; gate-1?"
    }
    archive.write(batch([Journal("gate-2").booted()]))
    assert names.problems(EventFilter(node="gate-2")) == {}
    assert names.problems(EventFilter(node="gate-1")) == {}
    assert archive.asked == 3
