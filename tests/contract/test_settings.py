"""What may be set from the hub: checked field by field, laid over what is there, compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge.base import schema
from edge.base.reference import entries
from edge.base.schema import SchemaError
from edge.config.node import NodeSettings
from edge.contract import blindness, settings
from edge.contract.motion import Expert, MotionSettings, Polygon, Zone
from edge.contract.settings import SettableCamera, SettableNode

GATE = schema.dump(SettableCamera(name="gate", source="rtsp://192.0.2.7/main"))
ALL = Polygon(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
BOW = [[0, 0], [1, 1], [1, 0], [0, 1]]
LINE = [[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]
SCHEMA = json.loads((Path(__file__).parents[2] / "config/schema/settings.schema.json").read_bytes())


def problems_of(value: object) -> list[str]:
    with pytest.raises(SchemaError) as caught:
        settings.check(value)
    return [str(each) for each in caught.value.problems]


def of_gate(**part: Any) -> dict[str, Any]:
    return {"cameras": {"gate": part}}


def test_some_keys_are_enough_and_durations_become_seconds() -> None:
    """Nothing is filled in: what is not given stays the node's own."""
    given = of_gate(motion={"quiet_s": "1m", "expert": {"floor": 2}}, sub_source=None)
    wanted = of_gate(motion={"quiet_s": 60.0, "expert": {"floor": 2.0}}, sub_source=None)
    assert settings.check(given) == wanted
    assert settings.check({}) == {}
    assert not list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(wanted))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (of_gate(motion={"sensitivty": 4}), "did you mean sensitivity?"),
        (of_gate(motion={"sensitivity": 11}), "cameras.gate.motion.sensitivity: is 11, the most"),
        (of_gate(motion={"sensitivity": None}), "must be a whole number, not nothing"),
        (of_gate(motion={"masks": [{"points": [[0, 0], [1, 1]]}]}), "at least 3 points, not 2"),
        (of_gate(motion={"masks": [{"points": BOW}]}), "from [0, 0] and from [1, 0] cross each"),
        (of_gate(motion={"zones": [{"name": "a", "points": BOW}]}), "cross each other; give the"),
        (of_gate(motion={"masks": [{"points": LINE}]}), "holds less than 0.005% of the picture"),
        (of_gate(name="other"), "cameras.gate.name: is not a known key"),
        (of_gate(command=["rm"]), "cameras.gate.command: is not a known key"),
        (of_gate(password_file="/x"), "cameras.gate.password_file: is not a known key"),
        (of_gate(source="exec:"), "exec: is set on the node only"),
        (of_gate(source="/etc/shadow"), "file: is set on the node only"),
        (of_gate(source="rtsp://u:geheim@192.0.2.7/"), "the address holds a password"),
        (of_gate(source="http://192.0.2.7/?password=geheim"), "the address holds a password"),
        (of_gate(source="rtsp://192.0.2.7:x/"), "its port is no number"),
        (of_gate(schedules=[{"starts": "7:00", "ends": "17:00", "armed": False}]), "starts: must"),
        (of_gate(schedules=[{"starts": "07:00", "ends": "17:00"}]), "armed or sensitivity"),
        ({"cameras": {"Gate": {}}}, "cameras.Gate: is no name"),
        ({"hub": {}}, "hub: is not a known key (known: log_level, time_zone, cameras)"),
        ({"log_level": "loud"}, "log_level: must be one of"),
        ({"time_zone": "../etc"}, "time_zone: must match"),
        ({"cameras": []}, "cameras: must be a mapping"),
        ([], "settings: must be a mapping"),
    ],
)  # fmt: skip
def test_each_problem_names_its_field_and_no_secret(value: object, problem: str) -> None:
    """As an operator reads it at the hub, before anything is sent."""
    (found,) = problems_of(value)
    assert problem in found
    assert "geheim" not in found


@pytest.mark.parametrize(
    "points",
    [
        ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9), (0.1, 0.1)),  # closed by its first point
        ((0, 0), (1, 0), (1, 1), (0.5, 0.5), (0, 1)),
        ((0, 0.99), (0.01, 0.99), (0.01, 1), (0, 1)),  # the smallest mask that is suggested
        (
            (0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (0.2, 0.2), (0.2, 0.8), (0.8, 0.8), (0.8, 0.2),
            (0.2, 0.2),
        ),  # with a hole
    ],
)  # fmt: skip
def test_sides_may_touch_and_polygons_be_small(points: tuple[tuple[float, float], ...]) -> None:
    """What people write by hand and mean."""
    assert Polygon(points).points == points


def test_two_zones_of_one_name_are_refused_without_knowing_the_node() -> None:
    """A section must fit together by itself."""
    zone = {"name": "path", "points": [list(each) for each in LEFT]}
    assert "two zones have one name" in problems_of(of_gate(motion={"zones": [zone, zone]}))[0]


def test_settings_lie_over_those_of_the_node() -> None:
    """Sections key by key, lists whole, and null takes a value away."""
    below = {"gate": GATE | {"motion": {"sensitivity": 3, "min_frames": 6, "min_area": 0.01}}}
    given = settings.check(of_gate(motion={"sensitivity": 8, "min_area": None}))
    motion = settings.over(below, given)["gate"].motion
    assert (motion.sensitivity, motion.min_frames, motion.min_area) == (8, 6, None)


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"gaet": {}}, "cameras.gaet: the node has no such camera"),
        ({"gate": {"disarmed_by": "lan"}}, "disarmed_by: only with armed: false"),
        ({"gate": {"sub_source": "rtsp://192.0.2.7/main"}}, "it is the same as source"),
    ],
)
def test_what_does_not_fit_the_node_is_refused(part: dict[str, Any], problem: str) -> None:
    """Each value may be good by itself and wrong over what is there."""
    with pytest.raises(SchemaError, match=problem):
        settings.over({"gate": GATE}, settings.check({"cameras": part}))


def test_a_mask_over_everything_is_legal_and_told() -> None:
    """Somebody may want it; nobody shall get it without a word."""
    blind = SettableCamera(
        name="gate", source="rtsp://192.0.2.7/", motion=MotionSettings(masks=(ALL,))
    )
    assert settings.warnings({"gate": blind}) == [
        "cameras.gate.motion: masks and zones leave nothing of the picture to watch"
    ]
    assert blindness.watched_share(MotionSettings()) == 1
    half = MotionSettings(zones=(Zone("left", LEFT),))
    assert blindness.watched_share(half) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("motion", "told"),
    [
        (MotionSettings(min_area=1), "motion.min_area: nothing smaller than 100% of the picture"),
        (
            MotionSettings(zones=(Zone("left", LEFT, min_area=0.06),)),
            "motion.zones.left.min_area: in zone left, nothing smaller than 6%",
        ),
        (
            MotionSettings(min_frames=50, analysis_fps=0.5),
            "motion.min_frames: 50 pictures at 0.5 a second: what moves for less than 100 s",
        ),
        (MotionSettings(expert=Expert(floor=100)), "motion.expert.floor: floor 100"),
        (MotionSettings(expert=Expert(noise_factor=20)), "motion.expert.noise_factor: noise"),
        (
            MotionSettings(zones=(Zone("left", LEFT, expert=Expert(bulk_area=1)),)),
            "motion.zones.left.expert.bulk_area: in zone left, bulk_area 1",
        ),
    ],
)  # fmt: skip
def test_numbers_that_let_nothing_through_are_told(motion: MotionSettings, told: str) -> None:
    """Each by its field; what was as blind before is no news, what is less blind neither."""
    blind = {"gate": SettableCamera(name="gate", source="rtsp://192.0.2.7/", motion=motion)}
    (line,) = settings.warnings(blind)
    assert line.startswith(f"cameras.gate.{told}")
    seeing = {"gate": SettableCamera(name="gate", source="rtsp://192.0.2.7/")}
    assert settings.narrowed(seeing, blind) == [line]
    assert settings.narrowed(blind, blind) == settings.narrowed(blind, seeing) == []


def test_what_people_set_in_earnest_is_not_warned_of() -> None:
    """Up to the dullest that the sensitivity itself makes, and slow nodes."""
    expert = Expert(floor=9, noise_factor=5, bulk_area=0.03)
    dull = MotionSettings(sensitivity=1, min_area=0.05, expert=expert, analysis_fps=1)
    gate = SettableCamera(name="gate", source="rtsp://192.0.2.7/", motion=dull)
    assert settings.warnings({"gate": gate}) == []


def test_a_difference_tells_what_was_not_set_before() -> None:
    """By path, in order; lists are compared whole."""
    before = of_gate(motion={"sensitivity": 4, "masks": []})
    after = of_gate(motion={"sensitivity": 5, "masks": []}, armed=False)
    assert settings.changed(before, after) == {
        "cameras.gate.armed": (settings.ABSENT, False),
        "cameras.gate.motion.sensitivity": (4, 5),
    }


def test_the_local_file_has_what_the_hub_may_set_of_a_node() -> None:
    """The same keys, limits and defaults, though they are declared twice."""
    local = {each.path: each for each in entries(NodeSettings)}
    for each in entries(SettableNode):
        assert local[each.path] == each
