"""What every archive must find, against a plain reading of the filter's words."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from edge.contract.record import EventEnded, EventStarted
from hub.archive import Archive
from hub.archive.fold import words
from hub.archive.registry_values import Camera, Place, Registry
from hub.archive.scope import EVERYTHING, NOTHING, Scope
from hub.archive.values import (
    MARKS,
    Arrival,
    Batch,
    CameraKey,
    Count,
    Event,
    EventFilter,
    PageKey,
    Remark,
)
from tests.hub.archive.conformance import OpenArchive, arrival, batch
from tests.hub.archive.registry_conformance import put
from tests.hub.journals import START_UTC, Journal, Line

HOUR = timedelta(hours=1)
NOTES = (
    "Đường Đào trước cổng", "hai người, xe máy", "con mèo", "xe tải đỗ sai; đã nhắc",
    "Báo công an phường", "duong dien bien phu",
)  # fmt: skip
TEXTS = (
    "duong dao", "ĐƯỜNG", "xe may", "cong", "con*", "truong", '"cong an"', "lien chieu xe",
    "to 5", "cổng chính mèo", "khong-co", '"xe may" nguoi', "gate 2", ".", "d*",
)  # fmt: skip
CAMERAS = (
    Camera("gate-1", "door", "Cổng chính",
           (Place(None, "cum-2"), Place(START_UTC + 9 * HOUR, "to-6"))),
    Camera("gate-1", "yard", "", (Place(START_UTC + 4 * HOUR, "to-5", "le-van-tam"),)),
    Camera("gate-2", "door", "Đường sau", (Place(None, "to-6", "cong-an"),)),
    Camera("gate-2", "yard", "", (Place(None, None, "le-van-tam"),)),
    Camera("gate-3", "door"),
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """An event with what was said of it."""

    event: Event
    notes: tuple[str, ...]


def fill(archive: Archive, rng: random.Random) -> list[Told]:
    """Events of several cameras over a day, some within the same millisecond; newest first."""
    put(archive, *CAMERAS)
    journals = [Journal(node) for node in ("gate-1", "gate-2", "gate-3")]
    arrivals: list[Arrival] = []
    for _ in range(150):
        journal = rng.choice(journals)
        journal.now_utc += timedelta(minutes=rng.choice((0, 0, 5, 20)))
        zones = tuple(sorted(rng.sample(("path", "lawn", "wall"), rng.randrange(3))))
        duration_ms = rng.choice((1000, 9000, 61_000, 700_000))
        lines = journal.event(camera=_camera_of(journal, rng), zones=zones, duration_ms=duration_ms)
        kind = rng.choice(("motion", "motion", "motion", "tampered", "lost"))
        if rng.random() < 0.4:
            lines.append(journal.labels(lines[0], **{rng.choice(("person", "vehicle")): 0.5}))
        arrivals += [_of_kind(line, kind) for line in lines]
    rng.shuffle(arrivals)
    archive.write(Batch(arrivals=tuple(arrivals)))
    told = []
    for event in archive.events(EventFilter(), limit=1000):
        notes = []
        for _ in range(rng.choice((0, 0, 1, 2))):
            notes.append(rng.choice(NOTES))
            remark = Remark("lan", START_UTC, rng.choice((None, *MARKS)), notes[-1])
            event = archive.remark(event, remark)
        told.append(Told(event, tuple(notes)))
    return told


def _camera_of(journal: Journal, rng: random.Random) -> str:
    return "door" if journal.node == "gate-3" else rng.choice(("door", "door", "yard"))


def _of_kind(line: Line, kind: str) -> Arrival:
    found = arrival(line)
    if isinstance(found.record.body, EventStarted | EventEnded):
        body = replace(found.record.body, kind=kind)  # type: ignore[arg-type]  # kinds to come
        return replace(found, record=replace(found.record, body=body))
    return found


def fits(told: Told, where: EventFilter, registry: Registry) -> bool:
    """Whether the event fits, read word by word."""
    event = told.event
    camera = registry.camera(CameraKey(event.node, event.camera))
    place = (camera and camera.place_at(event.started_utc)) or Place()
    duration_ms = event.duration_ms or 0
    return (
        (where.since_utc is None or where.since_utc <= event.started_utc)
        and (where.until_utc is None or event.started_utc < where.until_utc)
        and where.node in (None, event.node)
        and where.camera in (None, event.camera)
        and where.not_of != CameraKey(event.node, event.camera)
        and (not where.kinds or event.kind in where.kinds)
        and (not where.marks or event.mark in where.marks)
        and (where.zone is None or where.zone in event.zones)
        and (where.label is None or where.label in [each.label for each in event.labels or ()])
        and duration_ms >= where.min_duration_ms
        and (where.max_duration_ms is None or duration_ms <= where.max_duration_ms)
        and (where.area is None or place.area in registry.within(where.area))
        and where.organisation in (None, place.organisation)
        and _is_in_scope(place, where.scope, registry)
        and _has_text(told, where.text, camera, place, registry)
    )


def _is_in_scope(place: Place, scope: Scope, registry: Registry) -> bool:
    areas = {code for area in scope.areas for code in registry.within(area)}
    return scope.is_everything or place.area in areas or place.organisation in scope.organisations


def _has_text(
    told: Told, text: str, camera: Camera | None, place: Place, registry: Registry
) -> bool:
    names = [told.event.node, told.event.camera, camera.title if camera else ""]
    names += [area.name for area in registry.above(place.area)] if place.area else []
    organisation = registry.organisation(place.organisation) if place.organisation else None
    names += [organisation.name] if organisation else []
    own = " ".join(f" {' '.join(words(name))} " for name in [*names, " ".join(told.notes)])
    parts = text.split('"')
    wanted = [part for index, part in enumerate(parts) if index % 2]
    wanted += [word for index, part in enumerate(parts) if not index % 2 for word in part.split()]
    terms = [(" ".join(words(each)), each.endswith("*")) for each in wanted if words(each)]
    if text and not terms:
        return False
    return all((f" {term}" if is_begun else f" {term} ") in own for term, is_begun in terms)


def random_filter(rng: random.Random) -> EventFilter:
    """A filter of some words; often of one, seldom of many."""
    some = rng.choice((0.1, 0.2, 0.4))

    def maybe(value: object, otherwise: object) -> object:
        return value if rng.random() < some else otherwise

    start = START_UTC + rng.randrange(12) * HOUR
    scopes = (
        NOTHING,
        Scope(areas=frozenset({"to-5"})),
        Scope(areas=frozenset({"to-6"}), organisations=frozenset({"le-van-tam"})),
    )
    return EventFilter(
        since_utc=maybe(start, None),  # type: ignore[arg-type]
        until_utc=maybe(start + rng.randrange(9) * HOUR, None),  # type: ignore[arg-type]
        node=maybe(rng.choice(("gate-1", "gate-2", "gate-3", "gate-4")), None),  # type: ignore[arg-type]
        camera=maybe(rng.choice(("door", "yard")), None),  # type: ignore[arg-type]
        kinds=maybe(tuple(rng.sample(("motion", "tampered", "lost"), 2)), ()),  # type: ignore[arg-type]
        zone=maybe(rng.choice(("path", "lawn", "x")), None),  # type: ignore[arg-type]
        min_duration_ms=maybe(rng.choice((5000, 60_000, 65_000, 300_000, 400_000)), 0),  # type: ignore[arg-type]
        max_duration_ms=maybe(rng.choice((5000, 100_000)), None),  # type: ignore[arg-type]
        marks=maybe(tuple(rng.sample(MARKS, rng.randrange(1, 3))), ()),  # type: ignore[arg-type]
        area=maybe(rng.choice(("lien-chieu", "to-5", "to-6", "cum-2", "x")), None),  # type: ignore[arg-type]
        organisation=maybe(rng.choice(("cong-an", "le-van-tam")), None),  # type: ignore[arg-type]
        label=maybe(rng.choice(("person", "vehicle", "x")), None),  # type: ignore[arg-type]
        text=maybe(rng.choice(TEXTS), ""),  # type: ignore[arg-type]
        scope=maybe(rng.choice(scopes), EVERYTHING),  # type: ignore[arg-type]
        not_of=maybe(CameraKey("gate-1", "door"), None),  # type: ignore[arg-type]
    )


class SearchConformance:
    """Subclasses give a fixture `open_archive`: each call opens the same store anew."""

    @pytest.fixture
    def archive(self, open_archive: OpenArchive) -> Archive:
        """The store, opened once."""
        return open_archive()

    @pytest.mark.parametrize("seed", range(3))
    def test_every_filter_finds_what_fits_page_by_page_both_ways(
        self, archive: Archive, seed: int
    ) -> None:
        """Whatever is asked together: pages back and forth, the count, and the changes agree."""
        rng = random.Random(seed)
        told = fill(archive, rng)
        registry = archive.registry()
        sizes = set()
        for _ in range(120):
            where = random_filter(rng)
            wanted = [each.event for each in told if fits(each, where, registry)]
            ids = [event.id for event in wanted]
            assert [event.id for event in archive.events(where, limit=1000)] == ids, where
            assert archive.count(where, limit=1000) == Count(len(ids), is_more=False), where
            assert _paged(archive, where, 7) == ids, where
            assert _paged_back(archive, where, 7) == ids, where
            sizes.add(len(ids))
        changed = archive.changes(where, after=0, limit=1000)
        assert {event.id for event in changed} == set(ids)
        assert len(sizes) > 12

    def test_changes_keep_to_every_filter(self, archive: Archive) -> None:
        """In pages by change number, with free text too."""
        rng = random.Random(9)
        told = fill(archive, rng)
        registry = archive.registry()
        for _ in range(40):
            where = random_filter(rng)
            wanted = {each.event.id for each in told if fits(each, where, registry)}
            found: list[Event] = []
            while page := archive.changes(where, after=found[-1].change if found else 0, limit=5):
                found += page
            assert [event.id for event in found] == [
                event.id for event in sorted(found, key=lambda each: each.change)
            ]
            assert {event.id for event in found} == wanted

    def test_a_count_stops_at_its_limit(self, archive: Archive) -> None:
        """More than that is told as more."""
        told = fill(archive, random.Random(4))
        assert archive.count(EventFilter(), limit=10) == Count(10, is_more=True)
        assert archive.count(EventFilter(), limit=len(told)) == Count(len(told), is_more=False)
        motions = EventFilter(kinds=("motion",), area="lien-chieu")
        assert archive.count(motions, limit=5) == Count(5, is_more=True)

    def test_vietnamese_is_found_with_and_without_its_marks(self, archive: Archive) -> None:
        """In notes and in every name; a name that changed is found by the new one at once."""
        put(archive, CAMERAS[0])
        archive.write(batch(Journal().event()))
        (event,) = archive.events(EventFilter(), limit=1)

        def is_found(*texts: str) -> bool:
            return all(archive.events(EventFilter(text=text), limit=1) for text in texts)

        assert is_found("cong chinh", "CỔNG", "cum dan cu 2", "lien chieu", "gate 1", "door")
        assert not is_found("duong dao")
        archive.remark(event, Remark("lan", START_UTC, None, "Ở đường Đào"))
        archive.remark(event, Remark("lan", START_UTC, None, "hoà giải xong"))
        assert is_found("duong dao", "đường đào", "hòa giai", "dao hoa", "o duong cong", "giai*")
        before = archive.registry()
        assert not is_found("cong truong")
        renamed = replace(before.cameras[0], title="Cổng trường")
        assert archive.replace_registry(before, replace(before, cameras=(renamed,)))
        assert is_found("cong truong dao")
        assert not is_found("chinh")

    def test_nothing_in_a_text_acts_on_the_index(self, archive: Archive) -> None:
        """Operators, quotes and brackets are only what parts words."""
        archive.write(batch(Journal().event()))
        (event,) = archive.events(EventFilter(), limit=1)
        archive.remark(event, Remark("lan", START_UTC, None, "NOT near a OR b"))
        for text in (
            '"',
            "(",
            "a NEAR b",
            "NOT",
            "text:a",
            "a AND OR",
            "^a",
            "'; --",
            "*",
            "+",
            "\0",
        ):
            archive.events(EventFilter(text=text), limit=1)
        assert archive.events(EventFilter(text="not near a or b"), limit=1)
        assert not archive.events(EventFilter(text="a OR zebra"), limit=1)

    def test_a_note_is_found_where_its_event_is_when_that_moves(self, archive: Archive) -> None:
        """A clock that was set later moves events; their notes go along."""
        journal = Journal()
        journal.reboot("c" * 32, clock="unsynced", wrong_by=timedelta(days=-9000))
        archive.write(batch([journal.booted(), *journal.event()]))
        (event,) = archive.events(EventFilter(), limit=1)
        archive.remark(event, Remark("lan", START_UTC, None, "đường đào"))
        journal.now_utc += HOUR
        archive.write(batch([journal.sync()]))
        (moved,) = archive.events(EventFilter(text="duong"), limit=2)
        assert moved.is_corrected
        span = EventFilter(
            text="duong", since_utc=moved.started_utc, until_utc=moved.started_utc + HOUR
        )
        assert archive.events(span, limit=2) == [moved]
        assert archive.events(span, limit=2, before=moved.key) == []

    def test_filters_are_kept_for_each_user(self, archive: Archive) -> None:
        """By name; the same name again replaces it."""
        archive.save_filter("lan", "Đêm qua", "kind=motion", START_UTC)
        archive.save_filter("lan", "cổng", "area=to-5", START_UTC)
        archive.save_filter("minh", "cổng", "area=to-6", START_UTC)
        archive.save_filter("lan", "cổng", "area=to-5&mark=new", START_UTC)
        assert archive.saved_filters("lan") == {
            "cổng": "area=to-5&mark=new",
            "Đêm qua": "kind=motion",
        }
        assert archive.remove_filter("lan", "cổng")
        assert not archive.remove_filter("lan", "cổng")
        assert archive.saved_filters("minh") == {"cổng": "area=to-6"}


def _paged(archive: Archive, where: EventFilter, size: int) -> list[str]:
    found: list[Event] = []
    before: PageKey | None = None
    while page := archive.events(where, limit=size, before=before):
        found += page
        before = page[-1].key
    return [event.id for event in found]


def _paged_back(archive: Archive, where: EventFilter, size: int) -> list[str]:
    """From before the oldest event towards the newest."""
    found: list[Event] = []
    after = PageKey(-(2**62), 0)
    while page := archive.events(where, limit=size, after=after):
        found = page + found
        after = page[0].key
    return [event.id for event in found]
