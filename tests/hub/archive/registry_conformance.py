"""What every archive must do with the registry, and with who may see what."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from edge.contract.status import Status
from hub.archive import Archive
from hub.archive.registry_values import Area, Camera, Organisation, Place, Plan, Registry
from hub.archive.scope import EVERYTHING, NOTHING, Scope
from hub.archive.values import Batch, CameraKey, EventFilter, StatusNote
from tests.hub.archive.conformance import OpenArchive, batch
from tests.hub.journals import BOOT, START_UTC, Journal

HOUR = timedelta(hours=1)
TOWN = (
    Area("lien-chieu", "town", "Phường Liên Chiểu"),
    Area("to-5", "group", "Tổ dân phố 5", "lien-chieu", date(2020, 1, 1)),
    Area("cum-2", "cluster", "Cụm dân cư 2", "to-5"),
    Area("to-6", "group", "Tổ dân phố 6", "lien-chieu"),
)
SCHOOL = Organisation(
    "le-van-tam", "Trường Tiểu học Lê Văn Tám", "school", "Nguyễn Thị Đào", "+84 236 3822 113"
)
POLICE = Organisation("cong-an", "Công an phường", "agency")
YARD = Plan("yard", "Sân trường", "cum-2", "ab" * 32, "image/png", 800, 600)


def town(*cameras: Camera) -> Registry:
    """A registry with some areas and organisations, and these cameras."""
    return Registry(
        0, tuple(sorted(TOWN, key=lambda a: a.code)), (POLICE, SCHOOL), (YARD,), cameras
    )


def put(archive: Archive, *cameras: Camera) -> None:
    """Make that the registry."""
    before = archive.registry()
    assert archive.replace_registry(before, replace(town(*cameras), version=before.version))


def one_event_each(archive: Archive, *nodes: str) -> None:
    """An event of the camera `door` of each node, an hour apart."""
    for number, node in enumerate(nodes):
        archive.write(batch(Journal(node, start_utc=START_UTC + number * HOUR).event()))


class RegistryConformance:
    """Subclasses give a fixture `open_archive`: each call opens the same store anew."""

    @pytest.fixture
    def archive(self, open_archive: OpenArchive) -> Archive:
        """The store, opened once."""
        return open_archive()

    def test_the_registry_comes_back_as_it_was_given(self, open_archive: OpenArchive) -> None:
        """Every field of every entry, after reopening too."""
        archive = open_archive()
        assert archive.registry() == Registry()
        places = (
            Place(None, "to-6"),
            Place(START_UTC, "cum-2", "le-van-tam", "yard", 0.25, 1.0),
        )
        cameras = (Camera("gate-1", "door", "Cổng chính", places), Camera("gate-1", "yard"))
        put(archive, *cameras)
        archive.close()
        assert open_archive().registry() == replace(town(*cameras), version=1)

    def test_entries_change_and_go(self, archive: Archive) -> None:
        """Also an area and its parent at once."""
        put(archive, Camera("gate-1", "door", "Cổng", (Place(None, "to-5", "cong-an"),)))
        before = archive.registry()
        areas = (
            Area("lien-chieu", "town", "Liên Chiểu"),
            Area("to-7", "group", "Tổ 7", "lien-chieu"),
        )
        after = Registry(0, areas, (POLICE,), (), (Camera("gate-1", "door", "Cổng sau"),))
        assert archive.replace_registry(before, after)
        assert archive.registry() == replace(after, version=2)

    def test_of_two_changes_at_once_one_is_told_to_look_again(self, archive: Archive) -> None:
        """So nobody overwrites what he never saw."""
        seen = archive.registry()
        assert archive.replace_registry(seen, town())
        assert not archive.replace_registry(seen, Registry())
        assert archive.registry().areas == town().areas

    def test_cameras_that_are_heard_of_are_in_the_registry(self, archive: Archive) -> None:
        """By an event, an account of their time, or their node's status; known ones once."""
        put(archive, Camera("gate-1", "door", "Cổng chính"))
        journal = Journal()
        account = journal.watched(START_UTC, START_UTC + HOUR, camera="lane")
        archive.write(batch([*journal.event(), *journal.event(camera="yard"), account]))
        status = Status(1, "online", BOOT, "0.1.0", "a" * 16, journal.key.public.text, ("roof",))
        archive.write(Batch(statuses=(StatusNote("gate-1", status, START_UTC),)))
        cameras = archive.registry().cameras
        assert [each.name for each in cameras] == ["door", "lane", "roof", "yard"]
        assert cameras[0].title == "Cổng chính"
        heard = {CameraKey("gate-1", name) for name in ("door", "lane", "yard")}
        assert archive.cameras_with_footage() == heard

    def test_a_camera_heard_of_during_a_change_stays(self, archive: Archive) -> None:
        """The change did not know of it."""
        before = archive.registry()
        archive.write(batch(Journal().event()))
        assert archive.replace_registry(before, town())
        assert [each.key for each in archive.registry().cameras] == [("gate-1", "door")]

    def test_an_area_finds_what_is_below_it(self, archive: Archive) -> None:
        """Of a town all that is placed in it, of a cluster its own; nothing that is nowhere."""
        one_event_each(archive, "gate-1", "gate-2", "gate-3", "gate-4")
        put(
            archive,
            Camera("gate-1", "door", "", (Place(None, "cum-2"),)),
            Camera("gate-2", "door", "", (Place(None, "to-6", "le-van-tam"),)),
            Camera("gate-3", "door", "", (Place(None, "lien-chieu", "cong-an"),)),
            Camera("gate-4", "door"),
        )

        def nodes(**where: object) -> list[str]:
            found = archive.events(EventFilter(**where), limit=9, before=None)  # type: ignore[arg-type]
            changed = archive.changes(EventFilter(**where), after=0, limit=9)  # type: ignore[arg-type]
            assert sorted(each.id for each in changed) == sorted(each.id for each in found)
            return [event.node for event in found]

        assert nodes(area="lien-chieu") == ["gate-3", "gate-2", "gate-1"]
        assert nodes(area="to-5") == nodes(area="cum-2") == ["gate-1"]
        assert nodes(organisation="le-van-tam") == nodes(area="to-6") == ["gate-2"]
        assert nodes(area="to-6", organisation="cong-an") == nodes(area="to-9") == []
        assert nodes(area="lien-chieu", since_utc=START_UTC + HOUR) == ["gate-3", "gate-2"]
        assert nodes(area="lien-chieu", zone="path", node="gate-2") == ["gate-2"]

    def test_footage_belongs_to_where_its_camera_was(self, archive: Archive) -> None:
        """A camera that moved away takes nothing along, and brings nothing."""
        journal = Journal()
        early = journal.event()
        journal.now_utc += 5 * HOUR
        archive.write(batch([*early, *journal.event()]))
        moved = START_UTC + HOUR
        put(archive, Camera("gate-1", "door", "", (Place(None, "cum-2"), Place(moved, "to-6"))))

        def times(area: str, scope: Scope = EVERYTHING) -> list[bool]:
            where = EventFilter(area=area, scope=scope)
            found = archive.events(where, limit=9, before=None)
            return [event.started_utc < moved for event in found]

        assert (times("to-5"), times("to-6")) == ([True], [False])
        assert times("lien-chieu") == [False, True]
        assert times("lien-chieu", Scope(areas=frozenset({"to-6"}))) == [False]

    def test_an_area_inherits_what_went_into_it(self, archive: Archive) -> None:
        """When areas are cut anew, the new one's people see the old one's footage."""
        one_event_each(archive, "gate-1", "gate-2")
        put(
            archive,
            Camera("gate-1", "door", "", (Place(None, "cum-2"),)),
            Camera("gate-2", "door", "", (Place(None, "to-6"),)),
        )
        before = archive.registry()
        ended = replace(TOWN[1], until_day=date(2026, 3, 1), into="to-6")
        areas = tuple(ended if area.code == "to-5" else area for area in before.areas)
        assert archive.replace_registry(before, replace(before, areas=areas))
        found = archive.events(EventFilter(area="to-6"), limit=9, before=None)
        assert [event.node for event in found] == ["gate-2", "gate-1"]
        assert len(archive.events(EventFilter(area="to-5"), limit=9, before=None)) == 1

    def test_a_scope_hides_everything_else(self, archive: Archive) -> None:
        """Whatever the filter asks for; a scope of nothing sees nothing."""
        one_event_each(archive, "gate-1", "gate-2", "gate-3", "gate-4")
        put(
            archive,
            Camera("gate-1", "door", "", (Place(None, "cum-2"),)),
            Camera("gate-2", "door", "", (Place(None, "to-6", "cong-an"),)),
            Camera("gate-3", "door", "", (Place(None, None, "le-van-tam"),)),
            Camera("gate-4", "door"),
        )
        events = archive.events(EventFilter(), limit=9, before=None)

        def seen(scope: Scope, **where: object) -> list[str]:
            asked = EventFilter(scope=scope, **where)  # type: ignore[arg-type]
            found = archive.events(asked, limit=9, before=None)
            if not where:
                assert [each for each in events if archive.may_see(scope, each)] == found
            return [event.node for event in found]

        group = Scope(areas=frozenset({"to-5"}))
        both = Scope(areas=frozenset({"to-5"}), organisations=frozenset({"cong-an"}))
        assert seen(EVERYTHING) == ["gate-4", "gate-3", "gate-2", "gate-1"]
        assert seen(group) == seen(group, area="lien-chieu") == ["gate-1"]
        assert seen(both) == ["gate-2", "gate-1"]
        assert seen(both, organisation="cong-an") == ["gate-2"]
        assert seen(Scope(organisations=frozenset({"le-van-tam"}))) == ["gate-3"]
        assert seen(group, area="to-6") == seen(group, node="gate-4") == seen(NOTHING) == []
        assert archive.changes(EventFilter(scope=NOTHING), after=0, limit=9) == []
