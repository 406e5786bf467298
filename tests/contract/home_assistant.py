"""The documented rules of Home Assistant's device discovery, as a strict checker.

Source: home-assistant.io, integrations mqtt, binary_sensor.mqtt, image.mqtt and sensor.mqtt, and
the validation in the integration itself, which refuses unknown keys at the top, in `device`, in
`origin` and in `availability`. Here unknown keys of components are refused too: Home Assistant
would ignore them, so there they are mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

ABBREVIATIONS = {
    "avty": "availability", "avty_mode": "availability_mode", "avty_t": "availability_topic",
    "avty_tpl": "availability_template", "cmps": "components", "cont_type": "content_type",
    "dev": "device", "dev_cla": "device_class", "ent_cat": "entity_category",
    "exp_aft": "expire_after", "ic": "icon", "img_t": "image_topic",
    "json_attr_t": "json_attributes_topic", "json_attr_tpl": "json_attributes_template",
    "o": "origin", "off_dly": "off_delay", "p": "platform", "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available", "pl_off": "payload_off", "pl_on": "payload_on",
    "stat_cla": "state_class", "stat_t": "state_topic", "t": "topic", "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement", "url_t": "url_topic", "val_tpl": "value_template",
}  # fmt: skip
DEVICE_ABBREVIATIONS = {
    "cns": "connections", "cu": "configuration_url", "hw": "hw_version", "ids": "identifiers",
    "mdl": "model", "mf": "manufacturer", "sa": "suggested_area", "sn": "serial_number",
    "sw": "sw_version",
}  # fmt: skip
ORIGIN_ABBREVIATIONS = {"sw": "sw_version", "url": "support_url"}

AVAILABILITY = {
    "availability", "availability_mode", "availability_topic", "availability_template",
    "payload_available", "payload_not_available",
}  # fmt: skip
TOP = {"device", "origin", "components", "state_topic", "command_topic", "qos", "encoding"}
DEVICE = set(DEVICE_ABBREVIATIONS.values()) | {"name", "via_device"}
COMMON = {
    "platform", "unique_id", "name", "icon", "entity_category", "enabled_by_default", "qos",
    "encoding", "json_attributes_topic", "json_attributes_template",
}  # fmt: skip
PLATFORMS = {
    "binary_sensor": {
        "state_topic", "value_template", "payload_on", "payload_off", "device_class",
        "expire_after", "off_delay", "force_update",
    },
    "sensor": {
        "state_topic", "value_template", "device_class", "state_class", "unit_of_measurement",
        "expire_after", "force_update", "suggested_display_precision",
    },
    "image": {"image_topic", "url_topic", "url_template", "image_encoding", "content_type"},
}  # fmt: skip
DEVICE_CLASSES = {
    "binary_sensor": {"motion", "tamper", "connectivity", "problem"},
    "sensor": {"temperature", "data_size", "duration", "data_rate"},
}
UNITS = {"temperature": {"°C", "°F", "K"}, "data_size": {"B", "kB", "MB", "GB", "KiB", "MiB"}}
TOPIC = re.compile(r"homeassistant/device/(?:[a-zA-Z0-9_-]+/)?[a-zA-Z0-9_-]+/config")
KEY = re.compile(r"[a-zA-Z0-9_-]+")  # a component's key becomes an object id, so no spaces


def check_device(topic: str, payload: object) -> Iterator[str]:
    """Every rule that a device discovery message breaks."""
    if not TOPIC.fullmatch(topic):
        yield f"{topic} is no device discovery topic"
    if not isinstance(payload, dict):
        yield "the payload is not an object"
        return
    value = spelled_out(payload)
    yield from _unknown("the payload", value, TOP | AVAILABILITY)
    for key in ("device", "origin", "components"):
        if not isinstance(value.get(key), dict) or not value[key]:
            yield f"{key} is required"
            return
    yield from _unknown("device", value["device"], DEVICE)
    if not (value["device"].get("identifiers") or value["device"].get("connections")):
        yield "device needs identifiers or connections"
    yield from _unknown("origin", value["origin"], {"name", "sw_version", "support_url"})
    if not value["origin"].get("name"):
        yield "origin needs a name"
    yield from _availability("the payload", value)
    yield from _components(value["components"])


def spelled_out(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with every abbreviation written in full, as Home Assistant does first."""
    value = _full(payload, ABBREVIATIONS)
    for key, table in (("device", DEVICE_ABBREVIATIONS), ("origin", ORIGIN_ABBREVIATIONS)):
        if isinstance(value.get(key), dict):
            value[key] = _full(value[key], table)
    if isinstance(value.get("components"), dict):
        value["components"] = {name: _component(each) for name, each in value["components"].items()}
    return _component(value)


def _component(component: Mapping[str, Any]) -> dict[str, Any]:
    value = _full(component, ABBREVIATIONS)
    if isinstance(value.get("availability"), list):
        value["availability"] = [_full(each, ABBREVIATIONS) for each in value["availability"]]
    return value


def _full(mapping: Mapping[str, Any], table: Mapping[str, str]) -> dict[str, Any]:
    return {table.get(key, key): each for key, each in mapping.items()}


def _components(components: Mapping[str, Any]) -> Iterator[str]:
    unique_ids = [each.get("unique_id") for each in components.values()]
    for duplicate in {each for each in unique_ids if unique_ids.count(each) > 1}:
        yield f"unique_id {duplicate!r} stands more than once"
    for key, component in components.items():
        if not KEY.fullmatch(key):
            yield f"component key {key!r} is no object id"
        platform = component.get("platform")
        if platform not in PLATFORMS:
            yield f"{key}: platform {platform!r} is none that we use"
            continue
        if not component.get("unique_id"):
            yield f"{key}: unique_id is required in device discovery"
        yield from _unknown(key, component, COMMON | AVAILABILITY | PLATFORMS[platform])
        yield from _availability(key, component)
        yield from (_image if platform == "image" else _sensor)(key, component)
        yield from _strings(key, component)


def _image(key: str, component: Mapping[str, Any]) -> Iterator[str]:
    if ("image_topic" in component) == ("url_topic" in component):
        yield f"{key}: exactly one of image_topic and url_topic"
    if "content_type" in component and "url_topic" in component:
        yield f"{key}: content_type cannot go with url_topic"
    if component.get("image_encoding", "b64") != "b64":
        yield f"{key}: image_encoding is b64 or absent"


def _sensor(key: str, component: Mapping[str, Any]) -> Iterator[str]:
    if "state_topic" not in component:
        yield f"{key}: state_topic is required"
    device_class = component.get("device_class")
    if device_class is not None and device_class not in DEVICE_CLASSES[component["platform"]]:
        yield f"{key}: {device_class} is no device class of {component['platform']}"
    unit = component.get("unit_of_measurement")
    if device_class in UNITS and unit not in UNITS[device_class]:
        yield f"{key}: {unit!r} is no unit of {device_class}"
    if component.get("state_class", "measurement") not in ("measurement", "total"):
        yield f"{key}: {component['state_class']!r} is no state class that we use"
    if "payload_on" in component and component["payload_on"] == component.get("payload_off"):
        yield f"{key}: payload_on equals payload_off"
    expire_after = component.get("expire_after", 1)
    if not isinstance(expire_after, int) or expire_after <= 0:
        yield f"{key}: expire_after is a positive whole number of seconds"


def _availability(where: str, value: Mapping[str, Any]) -> Iterator[str]:
    if "availability" in value and "availability_topic" in value:
        yield f"{where}: availability and availability_topic exclude each other"
    if value.get("availability_mode", "latest") not in ("all", "any", "latest"):
        yield f"{where}: availability_mode is all, any or latest"
    if "availability_mode" in value and "availability" not in value:
        yield f"{where}: availability_mode without a list to apply it to"
    entries = value.get("availability", [])
    if not isinstance(entries, list):
        yield f"{where}: availability must be a list"
        return
    for entry in entries:
        allowed = {"topic", "payload_available", "payload_not_available", "value_template"}
        yield from _unknown(f"{where}: availability", entry, allowed)
        if "topic" not in entry:
            yield f"{where}: an availability entry needs a topic"


def _strings(key: str, component: Mapping[str, Any]) -> Iterator[str]:
    entries = [component, *component.get("availability", [])]
    for name, value in ((name, value) for entry in entries for name, value in entry.items()):
        if name.endswith("topic") and not re.fullmatch(r"[^#+\0\s]+", str(value)):
            yield f"{key}: {name} {value!r} is no topic to subscribe to"
        if name.endswith("template") and (
            value.count("{{") != value.count("}}") or "{{" not in value
        ):
            yield f"{key}: {name} {value!r} is no template"
    if component.get("entity_category", "diagnostic") not in ("diagnostic", "config"):
        yield f"{key}: entity_category is diagnostic or config"


def _unknown(where: str, value: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    for key in value:
        if key not in known:
            yield f"{where}: {key} is not a documented key"
