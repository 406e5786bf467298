"""Home Assistant's MQTT device discovery: one retained message a node, published by the hub.

Format: home-assistant.io, integration mqtt, section "Device discovery payload". Keys are written
in full; Home Assistant knows abbreviations too. Availability follows what each entity depends on:

- a camera's motion: its node and the camera, both (mode `all`);
- a camera's tampering: the node alone, for a covered camera whose cable is cut stays covered;
- a camera's connectivity, the node's problem and health sensors: the node alone;
- the node's connectivity: nothing, or it could never show "disconnected";
- a camera's last snapshot: nothing; who cut the cable is on it, so it must outlive the camera.

Publish again when the node's status or cameras change. A component that is left out of a newer
message is removed by Home Assistant.
"""

from __future__ import annotations

from edge.base import strictjson
from edge.contract import topics
from edge.contract.health import INTERVAL_S
from edge.contract.status import Status

PREFIX = "homeassistant"  # Home Assistant's default discovery prefix
BIRTH_TOPIC = f"{PREFIX}/status"  # Home Assistant says `online` here when it starts
MAX_BYTES = 96 * 1024
EXPIRE_S = int(4 * INTERVAL_S)  # three missed reports, then a health value is unknown
ORIGIN_NAME = "Camwatch"

Component = dict[str, object]


def topic(node: str) -> str:
    """Where the node's discovery message stands."""
    return f"{PREFIX}/device/camwatch-{node}/config"


def device(node: str, status: Status) -> tuple[str, bytes]:
    """Topic and payload of the node's discovery message, to be published retained at QoS 1."""
    components: dict[str, Component] = {}
    for camera in status.cameras:
        components |= _camera_components(node, camera)
    components |= _node_components(node)
    for key, component in components.items():
        component["unique_id"] = f"camwatch_{node}_{key}"
    payload = {
        "device": {
            "identifiers": [f"camwatch_{node}"],
            "name": node,
            "manufacturer": ORIGIN_NAME,
            "model": "Camera node",
            "sw_version": status.version,
        },
        "origin": {"name": ORIGIN_NAME, "sw_version": status.version},
        "components": components,
        "qos": 1,
    }
    return topic(node), strictjson.dumps(payload)


def removal(node: str) -> tuple[str, bytes]:
    """Topic and payload that take the device away; to be published retained too."""
    return topic(node), b""


def _camera_components(node: str, camera: str) -> dict[str, Component]:
    """Keys join names with _, which no name has, so two cameras can never share one."""
    is_node_online = _node_availability(node)
    return {
        f"{camera}_motion": {
            "platform": "binary_sensor",
            "name": f"{camera} motion",
            "device_class": "motion",
            "state_topic": topics.motion(node, camera),
            "availability": [is_node_online, {"topic": topics.camera_status(node, camera)}],
            "availability_mode": "all",
        },
        f"{camera}_tamper": {
            "platform": "binary_sensor",
            "name": f"{camera} tampering",
            "device_class": "tamper",
            "state_topic": topics.tamper(node, camera),
            "availability": [is_node_online],
        },
        f"{camera}_snapshot": {
            "platform": "image",
            "name": f"{camera} last snapshot",
            "image_topic": topics.camera_snapshot(node, camera),
            "content_type": "image/jpeg",
        },
        f"{camera}_connectivity": {
            "platform": "binary_sensor",
            "name": f"{camera} camera",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "state_topic": topics.camera_status(node, camera),
            "payload_on": "online",
            "payload_off": "offline",
            "availability": [is_node_online],
        },
    }


def _node_components(node: str) -> dict[str, Component]:
    health = topics.health(node)
    return {
        "connectivity": {
            "platform": "binary_sensor",
            "name": "node",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "state_topic": topics.status(node),
            "value_template": "{{ value_json.state }}",
            "payload_on": "online",
            "payload_off": "offline",
        },
        "problem": {
            "platform": "binary_sensor",
            "name": "problem",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "state_topic": health,
            "value_template": "{{ 'ON' if value_json.problems else 'OFF' }}",
            "json_attributes_topic": health,
            "json_attributes_template":
                "{{ {'problems': value_json.problems | default([])} | tojson }}",
            "expire_after": EXPIRE_S,
            "availability": [_node_availability(node)],
        },
        "temperature": _sensor(
            node, "temperature", "{{ value_json.temperature_c | default(none) }}",
            device_class="temperature", unit_of_measurement="°C",
        ),
        "disk_free": _sensor(
            node, "disk free", "{{ value_json.disk_free_bytes }}",
            device_class="data_size", unit_of_measurement="B",
        ),
        "outbox": _sensor(
            node, "records waiting for the hub", "{{ value_json.outbox.records }}",
            icon="mdi:tray-full",
        ),
    }  # fmt: skip


def _sensor(node: str, name: str, template: str, **options: str) -> Component:
    return {
        "platform": "sensor",
        "name": name,
        "entity_category": "diagnostic",
        "state_class": "measurement",
        "state_topic": topics.health(node),
        "value_template": template,
        "expire_after": EXPIRE_S,
        "availability": [_node_availability(node)],
    } | options


def _node_availability(node: str) -> Component:
    return {"topic": topics.status(node), "value_template": "{{ value_json.state }}"}
