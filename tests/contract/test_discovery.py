"""Home Assistant device discovery."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.contract import discovery, topics
from edge.contract.status import Status
from tests.contract.home_assistant import check_device

NODE = "gate-3"
STATUS = Status(
    v=1,
    state="online",
    boot="0" * 32,
    version="0.1.0",
    epoch="0" * 16,
    key="A" * 43 + "=",
    cameras=("street", "yard"),
)


def payload_of(status: Status = STATUS) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(discovery.device(NODE, status)[1])
    return value


def components(status: Status = STATUS) -> dict[str, Any]:
    value: dict[str, Any] = payload_of(status)["components"]
    return value


@pytest.mark.parametrize("cameras", [(), ("street",), ("street", "yard"), ("a", "a-b", "b")])
def test_the_message_follows_the_documented_rules(cameras: tuple[str, ...]) -> None:
    """Nothing in it that Home Assistant would refuse or ignore."""
    topic, payload = discovery.device(NODE, replace(STATUS, cameras=cameras))
    assert list(check_device(topic, json.loads(payload))) == []


def test_the_topic_is_one_device_a_node() -> None:
    """The form is <prefix>/device/<object id>/config."""
    assert discovery.device(NODE, STATUS)[0] == "homeassistant/device/camwatch-gate-3/config"


def test_motion_needs_both_the_node_and_the_camera() -> None:
    """With either away, the last ON or OFF is old."""
    motion = components()["street_motion"]
    assert motion["state_topic"] == topics.motion(NODE, "street")
    assert (motion["platform"], motion["device_class"]) == ("binary_sensor", "motion")
    assert motion["availability_mode"] == "all"
    assert [each["topic"] for each in motion["availability"]] == [
        topics.status(NODE),
        topics.camera_status(NODE, "street"),
    ]


def test_the_last_snapshot_is_raw_jpeg_and_outlives_its_camera() -> None:
    """The picture of who cut the cable stays to be seen."""
    image = components()["yard_snapshot"]
    assert image["platform"] == "image"
    assert image["image_topic"] == topics.camera_snapshot(NODE, "yard")
    assert image["content_type"] == "image/jpeg"
    assert not any(key.startswith(("availability", "image_encoding")) for key in image)


def test_a_connectivity_sensor_does_not_depend_on_what_it_reports() -> None:
    """It would be unavailable just when it has to say disconnected."""
    both = components()
    assert "availability" not in both["connectivity"]
    camera = both["street_connectivity"]
    watched = [each["topic"] for each in camera["availability"]]
    assert camera["state_topic"] not in watched
    assert watched == [topics.status(NODE)]


def test_texts_and_templates_fit_what_the_contract_sends() -> None:
    """The values compared are those of the status, the camera status and the motion topics."""
    both = components()
    assert (both["connectivity"]["payload_on"], both["connectivity"]["payload_off"]) == (
        "online",
        "offline",
    )
    assert both["connectivity"]["value_template"] == "{{ value_json.state }}"
    assert "payload_on" not in both["street_motion"], "ON and OFF are Home Assistant's defaults"
    for component in both.values():
        for entry in component.get("availability", []):
            is_node = entry["topic"] == topics.status(NODE)
            assert ("value_template" in entry) == is_node


@pytest.mark.parametrize("key", ["problem", "temperature", "disk_free", "outbox"])
def test_a_health_value_expires_when_reports_stay_away(key: str) -> None:
    """Health comes every 30 s and is not retained, so old values must not stand for ever."""
    component = components()[key]
    assert component["state_topic"] == topics.health(NODE)
    assert component["expire_after"] == 120


def test_two_nodes_with_like_names_share_no_unique_id() -> None:
    """Node a-b with camera c and node a with camera b-c are different things."""
    ids: list[str] = []
    for node in ("a-b", "a"):
        value = json.loads(discovery.device(node, replace(STATUS, cameras=("c", "b-c")))[1])
        ids += [each["unique_id"] for each in value["components"].values()]
    assert len(set(ids)) == len(ids)


def test_a_camera_named_like_a_node_sensor_takes_nothing_away() -> None:
    """A camera may be called outbox or problem."""
    cameras = ("outbox", "problem", "disk")
    assert len(components(replace(STATUS, cameras=cameras))) == 3 * 4 + len(
        components(replace(STATUS, cameras=()))
    )


def test_sixty_four_cameras_fit_into_one_message() -> None:
    """The most a node may have."""
    cameras = tuple(f"camera-{number:02}" for number in range(64))
    assert len(discovery.device(NODE, replace(STATUS, cameras=cameras))[1]) <= discovery.MAX_BYTES


def test_the_removal_is_an_empty_payload_on_the_same_topic() -> None:
    """Home Assistant forgets the device, and the broker the message."""
    assert discovery.removal(NODE) == (discovery.device(NODE, STATUS)[0], b"")


def _set(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(payload: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        target = payload
        for key in parents:
            target = target[key]
        if value is None:
            target.pop(last)
        else:
            target[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_set("device", None), "device is required"),
        (_set("origin", None), "origin is required"),
        (_set("components", None), "components is required"),
        (_set("origin.name", None), "origin needs a name"),
        (_set("device.identifiers", None), "identifiers or connections"),
        (_set("device.colour", "red"), "not a documented key"),
        (_set("unique", 1), "not a documented key"),
        (_set("components.outbox.unique_id", None), "unique_id is required"),
        (_set("components.outbox.unique_id", "camwatch_gate-3_problem"), "more than once"),
        (_set("components.outbox.platform", "light"), "platform"),
        (_set("components.street_snapshot.url_topic", "a/b"), "exactly one of"),
        (_set("components.street_snapshot.image_topic", None), "exactly one of"),
        (_set("components.street_motion.availability_topic", "a/b"), "exclude each other"),
        (_set("components.street_motion.availability_mode", "most"), "all, any or latest"),
        (_set("components.street_motion.state_topic", "a/+"), "no topic"),
        (_set("components.street_motion.device_class", "movement"), "no device class"),
        (_set("components.temperature.unit_of_measurement", "C"), "no unit"),
        (_set("components.temperature.value_template", "{ value }"), "no template"),
        (_set("components.problem.expire_after", 0), "positive"),
    ],
)
def test_the_checker_finds_what_it_is_there_to_find(
    change: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    """A checker that takes everything would prove nothing."""
    payload = payload_of()
    change(payload)
    assert any(complaint in problem for problem in check_device(discovery.topic(NODE), payload))


def test_abbreviated_and_full_keys_are_the_same_to_the_checker() -> None:
    """As they are to Home Assistant."""
    short = {
        "dev": {"ids": ["n"], "mf": "x"},
        "o": {"name": "x", "sw": "1"},
        "cmps": {
            "m": {"p": "binary_sensor", "uniq_id": "u", "stat_t": "a/b", "avty": [{"t": "a/c"}]}
        },
    }
    assert list(check_device(discovery.topic(NODE), short)) == []
