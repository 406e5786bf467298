"""The hub's settings over the local file's, and where each value comes from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import yaml

from edge import yamlfile
from edge.base.schema import SchemaError
from edge.config import overlay
from edge.config.node import NodeSettings
from edge.contract import settings

LOCAL: dict[str, Any] = {
    "node": "gate-3",
    "hub": {
        "mqtt": {"host": "127.0.0.1"}, "upload_url": "http://127.0.0.1:1",
        "secret_file": "s", "public_key_file": "k",
    },
    "cameras": [
        {
            "name": "gate", "source": "rtsp://anna:geheim@192.0.2.7/main?token=geheim",
            "password_file": "/etc/camwatch/gate.password", "motion": {"min_frames": 6},
        },
        {"name": "film", "source": "exec:", "command": ["ffmpeg", "--key=geheim"]},
    ],
}  # fmt: skip


def base() -> NodeSettings:
    return yamlfile.parse(NodeSettings, yaml.safe_dump(LOCAL).encode(), name="edge.yaml")


def wanted(**gate: Any) -> dict[str, Any]:
    return settings.check({"cameras": {"gate": gate}})


def test_what_the_hub_does_not_set_stays_the_node_s_own() -> None:
    """Its password file, its other camera, and each value beside the one that is set."""
    laid = overlay.lay_over(base(), wanted(motion={"sensitivity": 8}))
    gate, film = laid.cameras
    assert (gate.motion.sensitivity, gate.motion.min_frames) == (8, 6)
    assert gate.password_file == "/etc/camwatch/gate.password"
    assert film == base().cameras[1]
    assert overlay.lay_over(base(), {}) == base()


def test_another_address_leaves_the_command_behind() -> None:
    """A camera that was a program may become an RTSP one from afar; not the other way round."""
    given = settings.check({"cameras": {"film": {"source": "rtsp://192.0.2.8/"}}})
    film = overlay.lay_over(base(), given).cameras[1]
    assert (film.kind, film.command) == ("rtsp", ())


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"time_zone": "Asia/Saigong"}, "time_zone: Asia/Saigong is not known on this node"),
        ({"cameras": {"gaet": {}}}, "cameras.gaet: the node has no such camera"),
        ({"cameras": {"gate": {"disarmed_by": "x"}}}, "disarmed_by: only with armed: false"),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, Any], problem: str) -> None:
    """With the path that the hub's operator wrote."""
    with pytest.raises(SchemaError, match=problem):
        overlay.lay_over(base(), settings.check(given))


def test_what_is_told_of_the_settings_holds_no_secret() -> None:
    """Neither passwords nor user names of addresses, nor what is run."""
    told = overlay.effective(base())
    assert "geheim" not in str(told)
    assert "anna" not in str(told)
    assert told["cameras"]["gate"]["source"].startswith("rtsp://192.0.2.7/main")
    assert "command" not in told["cameras"]["film"]


def test_each_value_says_where_it_comes_from() -> None:
    """The hub, the local file, or a default."""
    plain = wanted(motion={"sensitivity": 8})
    found = overlay.origins(LOCAL, plain, overlay.lay_over(base(), plain))
    gate = "cameras.gate"
    assert found[f"{gate}.motion.sensitivity"] == "hub"
    assert found[f"{gate}.motion.min_frames"] == "edge.yaml"
    assert found[f"{gate}.source"] == "edge.yaml"
    assert found[f"{gate}.armed"] == "default"
    assert found["log_level"] == "default"


def test_schedules_say_what_holds_now() -> None:
    """By the local time; without one the camera is watched."""
    school = {"starts": "07:00", "ends": "17:00", "armed": False, "note": "trường học"}
    gate = overlay.lay_over(base(), wanted(schedules=[school])).cameras[0]
    noon = overlay.at(gate, datetime(2026, 3, 2, 12))
    assert (noon.armed, noon.disarmed) == (False, "trường học")
    assert overlay.at(gate, datetime(2026, 3, 2, 18)) == gate
    assert overlay.at(gate, None) == gate
