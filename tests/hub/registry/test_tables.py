"""The registry as spreadsheets: out and in again, and what a bad file is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge.base.errors import CamwatchError
from hub.archive import Archive, SqliteArchive
from hub.archive.registry_values import Camera, Organisation, Place, Registry
from hub.registry import tables
from hub.registry.spreadsheet import SpreadsheetError
from tests.hub.archive.registry_conformance import SCHOOL, YARD, town

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
JULY = datetime(2025, 7, 1, tzinfo=ZONE)
CAMERAS = (
    Camera("gate-1", "door", "Cổng =chính, \"số 5\"", (
        Place(None, "cum-2", "le-van-tam"),
        Place(JULY, "to-6", None, "yard", 0.125, 0.75),
        Place(JULY.replace(hour=8), "to-5"),
    )),
    Camera("gate-2", "door", "+1", ()),
)  # fmt: skip


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive with a small town."""
    found = SqliteArchive(tmp_path / "archive.sqlite")
    odd = replace(SCHOOL, code="odd", phone="", note="=HYPERLINK(1)", contact="'quoted")
    before = town(*CAMERAS)
    whole = replace(before, organisations=(*before.organisations, odd))
    assert found.replace_registry(Registry(), whole)
    yield found
    found.close()


def test_what_is_exported_is_imported_as_it_was(archive: Archive, tmp_path: Path) -> None:
    """Into the same registry without a change, and into an empty one."""
    before = archive.registry()
    files = (
        tables.areas_csv(before).encode(),
        tables.organisations_csv(before).encode(),
        tables.cameras_csv(before, ZONE).encode(),
    )
    empty = SqliteArchive(tmp_path / "empty.sqlite")
    assert empty.replace_registry(
        Registry(), replace(Registry(), plans=(replace(YARD, area=None),))
    )
    for each in (archive, empty):
        tables.import_areas(each, files[0])
        tables.import_organisations(each, files[1])
        assert tables.import_cameras(each, files[2], ZONE) == 4
    found = empty.registry()
    empty.close()
    assert replace(archive.registry(), version=0) == replace(before, version=0)
    assert (found.areas, found.organisations, found.cameras) == (
        before.areas, before.organisations, before.cameras,
    )  # fmt: skip


def test_a_spreadsheet_runs_nothing_and_reads_vietnamese(archive: Archive) -> None:
    """A byte order mark for Excel; no cell begins like a formula."""
    registry = archive.registry()
    for text in (
        tables.areas_csv(registry),
        tables.organisations_csv(registry),
        tables.cameras_csv(registry, ZONE),
    ):
        assert text.startswith("\ufeff")
        cells = [cell.strip('"') for line in text.splitlines() for cell in line.split(",")]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert "Nguyễn Thị Đào" in tables.organisations_csv(registry)
    assert ",2025-07-01," in tables.cameras_csv(registry, ZONE)


def test_a_file_of_another_hand_is_taken(archive: Archive) -> None:
    """Semicolons, columns in another order, some absent, blank lines, no byte order mark."""
    content = "Name;Kind;Parent;Code\nTổ 7;group;lien-chieu;to-7\n;;;\n".encode()
    assert tables.import_areas(archive, content) == 1
    area = archive.registry().area("to-7")
    assert area is not None and (area.name, area.parent, area.from_day) == (
        "Tổ 7", "lien-chieu", None,
    )  # fmt: skip
    assert len(archive.registry().areas) == 5


def test_all_that_is_wrong_is_told_with_line_and_field(archive: Archive) -> None:
    """And nothing of the file is taken."""
    before = archive.registry()
    content = (
        "code,kind,name,parent,from,until,into\n"
        "to-7,group,Tổ 7,lien-chieu,1.7.2025,,\n"
        "to-7,group,Tổ 7,lien-chieu,,2025-13-01,\n"
    )
    assert problems_of(archive, content) == [
        "line 2, from: '1.7.2025' is not a day such as 2026-01-31",
        "line 3, code: line 2 has it already",
        "line 3, until: '2025-13-01' is not a day such as 2026-01-31",
    ]
    content = (
        "code,kind,name,parent\n"
        "To 7,group,Tổ 7,lien-chieu\n"
        "to-8,ward,,lien-chieu\n"
        "to-9,cluster,Cụm,to-99\n"
    )
    assert [line.split(": ")[0] for line in problems_of(archive, content)] == [
        "line 2, code", "line 3, name", "line 3, kind", "line 4, parent",
    ]  # fmt: skip
    assert archive.registry() == before


def test_a_bad_line_of_cameras_is_told_by_its_own_number(archive: Archive) -> None:
    """Also the second place of a camera."""
    content = (
        b"node,camera,title,area,organisation,since,plan,x,y\n"
        b"gate-1,door,A,to-5,,,,,\n"
        b"gate-1,door,A,to-77,,2026-01-01,yard,0.5,2\n"
        b"gate-1,door,B,to-5,,soon,,,x\n"
    )
    with pytest.raises(SpreadsheetError) as told:
        tables.import_cameras(archive, content, ZONE)
    assert str(told.value).splitlines() == [
        "line 4, title: an earlier line calls it 'A'",
        "line 4, since: 'soon' is not a day such as 2026-01-31",
        "line 4, y: 'x' is not a number from 0 to 1",
    ]
    with pytest.raises(SpreadsheetError) as told:
        tables.import_cameras(archive, b"\n".join(content.splitlines()[:3]), ZONE)
    assert [line.split(": ")[0] for line in str(told.value).splitlines()] == [
        "line 3, area", "line 3, y",
    ]  # fmt: skip


def test_a_camera_of_the_file_is_only_where_the_file_says(archive: Archive) -> None:
    """Places that it had before go; other cameras keep theirs."""
    tables.import_cameras(archive, b"node,camera,area,since\ngate-2,door,to-5,2026-01-01\n", ZONE)
    one, two = archive.registry().cameras
    assert one == CAMERAS[0]
    assert two.places == (Place(datetime(2026, 1, 1, tzinfo=ZONE), "to-5"),)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "line 1: the column code is missing"),
        (b"code,kind,name,nmae\n", "line 1: the column 'nmae' is not known; name?"),
        (b"code,code,kind,name\n", "line 1: the column code is there twice"),
        (b"code,kind,name\na,b,c,d\n", "line 2: 4 cells, 3 columns"),
        (b'code,kind,name\na,b,"c\n', "line 2: unexpected end of data"),
        ("code,kind,name\nto-7,group,Tổ\n".encode("utf-16"), "line 1: it is not UTF-8"),
        (b"x" * (8 * 2**20 + 1), "at most 8388608 are taken"),
    ],
)
def test_a_file_that_is_no_table_is_told_why(archive: Archive, content: bytes, told: str) -> None:
    """By its line."""
    with pytest.raises(SpreadsheetError, match=told.replace("?", r"\?")):
        tables.import_areas(archive, content)


def test_an_area_that_ends_too_early_names_the_area_below(archive: Archive) -> None:
    """Also where the problem is not in the file."""
    content = b"code,kind,name,until\nlien-chieu,town,LC,2026-01-01\n"
    told = problems_of(archive, content.decode())
    assert "area cum-2, until: its parent to-5 ends" not in told
    assert [line.split(":")[0] for line in told] == ["area to-5, until", "area to-6, until"]


def test_days_are_those_of_the_zone() -> None:
    """A moment that is no midnight there is written in full."""
    assert tables.since_in("2025-07-01", ZONE) == JULY
    assert tables.since_text(JULY, ZONE) == "2025-07-01"
    late = JULY.replace(hour=8)
    assert tables.since_in(tables.since_text(late, ZONE), ZONE) == late
    assert tables.since_in("2025-07-01T08:00", ZONE) == late


def problems_of(archive: Archive, content: str) -> list[str]:
    """What importing these areas is told."""
    with pytest.raises(CamwatchError) as told:
        tables.import_areas(archive, content.encode())
    return str(told.value).splitlines()


def test_an_organisation_is_changed_by_its_code(archive: Archive) -> None:
    """The file is the newer truth."""
    tables.import_organisations(archive, "code,name,type\ncong-an,Công an,agency\n".encode())
    assert archive.registry().organisation("cong-an") == Organisation(
        "cong-an", "Công an", "agency"
    )
