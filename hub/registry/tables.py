"""The registry as spreadsheets: each table written as CSV, and read back with its line numbers.

Reading makes a change of the registry out of a file. What the file does not name stays; a camera
that it names is afterwards in just the places that the file tells. All problems are told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from edge.base.clock import utc_text
from hub.archive import Archive
from hub.archive.registry_values import Area, Camera, Organisation, Place, Registry
from hub.archive.scope import Scope
from hub.archive.values import CameraKey
from hub.registry import edit, present, spreadsheet
from hub.registry.edit import RegistryError
from hub.registry.rules import Entry, camera_text
from hub.registry.spreadsheet import Fault, Row, SpreadsheetError

AREA_COLUMNS = ("code", "kind", "name", "parent", "from", "until", "into")
ORGANISATION_COLUMNS = ("code", "name", "type", "contact", "phone", "email", "note")
CAMERA_COLUMNS = (
    "node", "camera", "title", "area", "organisation", "since", "plan", "x", "y",
)  # fmt: skip

COLUMNS: dict[str, tuple[str, ...]] = {
    "areas": AREA_COLUMNS, "organisations": ORGANISATION_COLUMNS, "cameras": CAMERA_COLUMNS,
}  # fmt: skip
"""Of every table, by its name."""

Lines = dict[Entry, int]
Reader = Callable[["_Reading", Registry], Registry]


def export_table(
    archive: Archive, table: str, scope: Scope, now_utc: datetime, zone: ZoneInfo
) -> str:
    """The table of that name, one of COLUMNS: what of it the scope holds, as CSV."""
    registry = present.visible_registry(archive.registry(), scope, now_utc)
    if table == "areas":
        return areas_csv(registry)
    return organisations_csv(registry) if table == "organisations" else cameras_csv(registry, zone)


def import_table(archive: Archive, table: str, content: bytes, zone: ZoneInfo) -> int:
    """Take the table of that name from CSV; how many lines. Raises SpreadsheetError."""
    if table == "areas":
        return import_areas(archive, content)
    if table == "organisations":
        return import_organisations(archive, content)
    return import_cameras(archive, content, zone)


def areas_csv(registry: Registry) -> str:
    """All areas."""
    return spreadsheet.write(
        AREA_COLUMNS,
        [
            dict(
                zip(
                    AREA_COLUMNS,
                    (a.code, a.kind, a.name, a.parent, a.from_day, a.until_day, a.into),
                    strict=True,
                )
            )
            for a in registry.areas
        ],
    )


def organisations_csv(registry: Registry) -> str:
    """All organisations."""
    return spreadsheet.write(
        ORGANISATION_COLUMNS,
        [
            {column: getattr(each, column) for column in ORGANISATION_COLUMNS}
            for each in registry.organisations
        ],
    )


def cameras_csv(registry: Registry, zone: ZoneInfo) -> str:
    """All cameras, a line for each place; times in the zone."""
    return spreadsheet.write(
        CAMERA_COLUMNS,
        [
            dict(
                zip(
                    CAMERA_COLUMNS,
                    (
                        camera.node, camera.name, camera.title, place.area, place.organisation,
                        since_text(place.since_utc, zone), place.plan, place.x, place.y,
                    ),
                    strict=True,
                )
            )
            for camera in registry.cameras
            for place in camera.places or (Place(),)
        ],
    )  # fmt: skip


def import_areas(archive: Archive, content: bytes) -> int:
    """Take areas from CSV; how many. Raises SpreadsheetError, and nothing is taken then."""
    rows = spreadsheet.read(content, AREA_COLUMNS, ("code", "kind", "name"))
    return _import(archive, rows, _Reading.areas)


def import_organisations(archive: Archive, content: bytes) -> int:
    """Take organisations from CSV; how many. Raises SpreadsheetError."""
    rows = spreadsheet.read(content, ORGANISATION_COLUMNS, ("code", "name", "type"))
    return _import(archive, rows, _Reading.organisations)


def import_cameras(archive: Archive, content: bytes, zone: ZoneInfo) -> int:
    """Take cameras and their places from CSV; how many lines. Raises SpreadsheetError."""
    rows = spreadsheet.read(content, CAMERA_COLUMNS, ("node", "camera"))
    return _import(archive, rows, lambda reading, registry: reading.cameras(registry, zone))


def since_text(since: datetime | None, zone: ZoneInfo) -> str:
    """A day where it is the beginning of one, else the moment in UTC; empty for always."""
    if since is None:
        return ""
    local = since.astimezone(zone)
    is_day = (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)
    return local.date().isoformat() if is_day else utc_text(since)


def since_in(text: str, zone: ZoneInfo) -> datetime | None:
    """What `since_text` was given. Raises ValueError."""
    if not text:
        return None
    if len(text) == len("2026-01-31"):
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=zone)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _import(archive: Archive, rows: Sequence[Row], how: Reader) -> int:
    reading = _Reading(rows)
    try:
        edit.change(archive, lambda registry: reading.checked(how(reading, registry)))
    except RegistryError as err:
        if not err.problems:
            raise
        raise SpreadsheetError(reading.told(err)) from err
    return len(rows)


class _Reading:
    """One file on its way into the registry: its rows, which line told what, what is wrong."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self._lines: Lines = {}
        self._wrong: list[Fault] = []

    def checked(self, registry: Registry) -> Registry:
        """The registry, unless some cell could not be read. Raises SpreadsheetError."""
        if self._wrong:
            raise SpreadsheetError(self._wrong)
        return registry

    def told(self, err: RegistryError) -> Iterator[Fault]:
        """The problems with their lines, where the file told the entry."""
        for problem in err.problems:
            line = self._lines.get(problem.entry)
            if line is None:
                yield Fault(None, "", str(problem))
            else:
                yield Fault(line, problem.field, problem.message)

    def areas(self, registry: Registry) -> Registry:
        """The registry with the file's areas."""
        self._begin()
        for row in self._rows:
            cells = row.cells
            self._note(row, Entry("area", cells["code"]))
            area = Area(
                cells["code"],
                cells["kind"],  # type: ignore[arg-type]  # the rules look at it
                cells["name"],
                cells["parent"] or None,
                self._day(row, "from"),
                self._day(row, "until"),
                cells["into"] or None,
            )
            registry = edit.put_area(registry, area)
        return registry

    def organisations(self, registry: Registry) -> Registry:
        """The registry with the file's organisations."""
        self._begin()
        for row in self._rows:
            self._note(row, Entry("organisation", row.cells["code"]))
            organisation = Organisation(**row.cells)  # type: ignore[arg-type]
            registry = edit.put_organisation(registry, organisation)
        return registry

    def cameras(self, registry: Registry, zone: ZoneInfo) -> Registry:
        """The registry with the file's cameras, each in the file's places alone."""
        self._begin()
        found: dict[CameraKey, Camera] = {}
        for row in self._rows:
            cells = row.cells
            key = CameraKey(cells["node"], cells["camera"])
            camera = found.get(key) or Camera(*key, title=cells["title"])
            if cells["title"] != camera.title:
                self._say(row, "title", f"an earlier line calls it {camera.title!r}")
            self._lines[Entry("camera", camera_text(camera), len(camera.places))] = row.line
            places = (*camera.places, self._place(row, zone))
            found[key] = replace(camera, places=places)
        for camera in found.values():
            is_bare = camera.places == (Place(),)
            registry = edit.put_camera(registry, replace(camera, places=()) if is_bare else camera)
        return registry

    def _place(self, row: Row, zone: ZoneInfo) -> Place:
        cells = row.cells
        since = None
        try:
            since = since_in(cells["since"], zone)
        except ValueError:
            self._say(row, "since", f"{cells['since'][:40]!r} is not a day such as 2026-01-31")
        return Place(
            since, cells["area"] or None, cells["organisation"] or None, cells["plan"] or None,
            self._number(row, "x"), self._number(row, "y"),
        )  # fmt: skip

    def _begin(self) -> None:
        self._lines.clear()
        self._wrong.clear()

    def _note(self, row: Row, entry: Entry) -> None:
        if entry in self._lines:
            self._say(row, "code", f"line {self._lines[entry]} has it already")
        self._lines[entry] = row.line

    def _say(self, row: Row, field: str, message: str) -> None:
        self._wrong.append(Fault(row.line, field, message))

    def _day(self, row: Row, field: str) -> date | None:
        text = row.cells[field]
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            self._say(row, field, f"{text[:40]!r} is not a day such as 2026-01-31")
            return None

    def _number(self, row: Row, field: str) -> float | None:
        text = row.cells[field].replace(",", ".")
        if not text:
            return None
        try:
            return float(text)
        except ValueError:
            self._say(row, field, f"{text[:40]!r} is not a number from 0 to 1")
            return None
