"""What a registry must be like."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from hub.archive.registry_values import Area, Camera, Organisation, Place, Plan, Registry
from hub.archive.values import CameraKey
from hub.registry import edit
from hub.registry.edit import RegistryError
from hub.registry.rules import problems

TOWN = Area("town", "town", "Phường")
GROUP = Area("to-5", "group", "Tổ 5", "town")
SCHOOL = Organisation("school", "Trường", "school")
PLAN = Plan("yard", "Sân", "to-5", "ab" * 32, "image/png", 800, 600)
PLACE = Place(None, "to-5", "school", "yard", 0.5, 0.5)
SOUND = Registry(
    1, (GROUP, TOWN), (SCHOOL,), (PLAN,), (Camera("gate-1", "door", "Cổng", (PLACE,)),)
)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def with_area(**fields: object) -> Registry:
    """The sound registry with the group changed."""
    return edit.put_area(SOUND, replace(GROUP, **fields))  # type: ignore[arg-type]


def with_organisation(**fields: object) -> Registry:
    """The sound registry with the school changed."""
    return edit.put_organisation(SOUND, replace(SCHOOL, **fields))  # type: ignore[arg-type]


def with_places(*places: Place) -> Registry:
    """The sound registry with the camera there."""
    return edit.put_camera(SOUND, Camera("gate-1", "door", "", places))


def test_a_sound_registry_has_no_problems() -> None:
    """Nor has an empty one, nor a household right under a town."""
    assert problems(SOUND) == problems(Registry()) == []
    assert problems(with_area(kind="household")) == []


@pytest.mark.parametrize(
    ("registry", "told"),
    [
        (with_area(code="Tổ 5"), "area Tổ 5, code: 'Tổ 5' is none"),
        (with_area(name=" "), "area to-5, name: it is empty"),
        (with_area(name="x" * 121), "area to-5, name: 121 characters"),
        (with_area(name="a\nb"), "area to-5, name: line breaks"),
        (with_area(kind="ward"), "area to-5, kind: 'ward' is none of town"),
        (with_area(parent=None), "area to-5, parent: a group needs one"),
        (with_area(parent="twon"), "area to-5, parent: there is no area 'twon'; town?"),
        (with_area(kind="town"), "area to-5, parent: a town is not within a town"),
        (with_area(parent="to-5"), "area to-5, parent: a group is not within a group"),
        (
            with_area(from_day=date(2026, 1, 2), until_day=date(2026, 1, 2)),
            "area to-5, until: it must be later than from",
        ),
        (with_area(into="town"), "area to-5, into: only an area that ends"),
        (
            with_area(until_day=date(2026, 1, 1), into="to-5"),
            "area to-5, into: it leads back to to-5",
        ),
        (
            edit.put_area(SOUND, replace(TOWN, until_day=date(2026, 1, 1))),
            "area to-5, until: its parent town ends on 2026-01-01",
        ),
        (with_organisation(type="club"), "organisation school, type: 'club' is none of"),
        (with_organisation(phone="call me"), "organisation school, phone: 'call me'"),
        (with_organisation(email="x@y"), "organisation school, email: 'x@y' is no address"),
        (edit.put_plan(SOUND, replace(PLAN, area="to-9")), "plan yard, area: there is no area"),
        (with_places(Place(None, "to-4")), "door, area: there is no area 'to-4'; to-5?"),
        (with_places(Place(None, None, "shcool")), "there is no organisation 'shcool'"),
        (with_places(Place(None, None, None, "hall", 0.1, 0.1)), "plan: there is no plan 'hall'"),
        (with_places(Place(None, None, None, "yard", 0.1)), "plan: plan, x and y are given"),
        (with_places(replace(PLACE, x=1.5)), "camera gate-1/door, x: 1.5 is not from 0 to 1"),
        (with_places(replace(PLACE, y=float("nan"))), "y: nan is not from 0 to 1"),
        (
            with_places(Place(MARCH, "to-5"), Place(MARCH, "town")),
            "camera gate-1/door, since: it must be later than the place before",
        ),
        (
            edit.put_camera(SOUND, Camera("Gate", "door", "", (PLACE,))),
            "camera Gate/door, node: 'Gate' is none",
        ),
    ],
)  # fmt: skip
def test_each_problem_names_entry_and_field(registry: Registry, told: str) -> None:
    """With what would be right, where that can be told."""
    assert any(told in str(problem) for problem in problems(registry)), problems(registry)


def test_a_ring_of_areas_is_told_and_ends() -> None:
    """Each went into the other."""
    ended = date(2026, 1, 1)
    ring = edit.put_area(
        with_area(until_day=ended, into="to-6"),
        Area("to-6", "group", "Tổ 6", "town", None, ended, "to-5"),
    )
    assert [problem.field for problem in problems(ring)] == ["into", "into"]
    assert ring.within("to-5") == {"to-5", "to-6"}


def test_only_what_nothing_refers_to_is_removed() -> None:
    """What names it is told."""
    for what, code, user in (
        ("area", "town", "area to-5"),
        ("area", "to-5", "plan yard, camera gate-1/door"),
        ("organisation", "school", "camera gate-1/door"),
        ("plan", "yard", "camera gate-1/door"),
    ):
        with pytest.raises(RegistryError, match=f"{what} {code} is needed by {user}"):
            edit.remove(SOUND, what, code)
    bare = edit.remove_camera(SOUND, CameraKey("gate-1", "door"))
    for what, code in (("plan", "yard"), ("organisation", "school"), ("area", "to-5")):
        bare = edit.remove(bare, what, code)
    assert bare == Registry(1, (TOWN,))
    with pytest.raises(RegistryError, match="there is no area to-5"):
        edit.remove(bare, "area", "to-5")


def test_a_new_place_takes_that_of_its_moment_and_all_later_ones() -> None:
    """What was before stays."""
    key = CameraKey("gate-1", "door")
    moved = edit.place_camera(SOUND, key, Place(MARCH, "town"))
    camera = moved.camera(key)
    assert camera is not None and camera.places == (PLACE, Place(MARCH, "town"))
    assert camera.place_at(MARCH) == Place(MARCH, "town")
    again = edit.place_camera(moved, key, Place(MARCH, "to-5")).camera(key)
    assert again is not None and again.places == (PLACE, Place(MARCH, "to-5"))
    always = edit.place_camera(moved, key, Place(None, "town")).camera(key)
    assert always is not None and always.places == (Place(None, "town"),)


def test_a_code_is_made_of_the_name() -> None:
    """Without marks, and of two equal names two codes."""
    assert edit.free_code("Tổ dân phố 5, Đường Đào", []) == "to-dan-pho-5-duong-dao"
    assert edit.free_code("Tổ 5", ["to-5", "to-5-2"]) == "to-5-3"
    assert edit.free_code("Ж" * 3, []) == "x"
    assert len(edit.free_code("a" * 99, ["a" * 40])) == 40
