"""Every camera and what it does now: what that costs an archive of many cameras."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from hub.archive import SqliteArchive
from hub.archive.registry_values import Area, Camera, Place
from hub.archive.scope import Scope
from hub.archive.values import EventFilter
from hub.registry import edit
from hub.registry.present import cameras_now
from tests.hub.archive.conformance import batch
from tests.hub.journals import START_UTC, Journal

NORTH = Scope(areas=frozenset({"north"}))


def fill(archive: SqliteArchive, count: int) -> None:
    """So many cameras of one node, in one area, each with a picture."""
    edit.change(archive, lambda known: edit.put_area(known, Area("north", "town", "North")))
    journal = Journal()
    for number in range(count):
        archive.write(batch(journal.event(camera=f"cam-{number}", snapshot=b"%d" % number)))
        camera = Camera(journal.node, f"cam-{number}", places=(Place(area="north"),))
        edit.change(archive, lambda known, put=camera: edit.put_camera(known, put))  # type: ignore[misc]
    for event in archive.events(EventFilter(), limit=count, before=None):
        archive.snapshots_stored(archive.snapshots_of(event), START_UTC)


def questions(folder: Path, count: int) -> int:
    """How many statements the archive is asked, for who sees an area."""
    folder.mkdir()
    archive = SqliteArchive(folder / "archive.sqlite")
    try:
        fill(archive, count)
        asked: list[str] = []
        with archive.reading() as db:
            db.set_trace_callback(asked.append)
        found = cameras_now(archive, NORTH, START_UTC + timedelta(hours=1))
        assert [each.picture is not None for each in found] == [True] * count
        return len(asked)
    finally:
        archive.close()


def test_who_sees_an_area_asks_the_archive_no_more_for_more_cameras(tmp_path: Path) -> None:
    """A page of a thousand cameras asked a thousand times where each had been."""
    assert questions(tmp_path / "few", 3) == questions(tmp_path / "many", 12) > 0
