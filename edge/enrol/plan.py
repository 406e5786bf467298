"""What a node file makes of a box: its settings and the files that they name. Pure.

Settings that are there already stay: only who the node is, where its hub is, and how its cameras
are reached come from the node file. So a box that gets a new node file keeps its zones and masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge import yamlfile
from edge.base.errors import ConfigError
from edge.config.node import NodeSettings
from edge.contract.nodefile import FileCamera, NodeFile

CA_NAME, HUB_KEY_NAME = "ca.pem", "hub.pub"
CAMERA_KEYS = ("source", "sub_source", "user", "password_file", "transport")


@dataclass(frozen=True)
class Plan:
    """What is to be written: `public` and `private` files by name, then the settings."""

    settings: NodeSettings
    text: bytes
    public: Mapping[str, bytes]
    private: Mapping[str, bytes]
    secret_name: str
    is_changed: bool


def plan(file: NodeFile, folder: Path, before: bytes | None, state_dir: str | None) -> Plan:
    """For settings in `folder`; `before` is the settings file that is there.

    Raises ConfigError where the settings would not be good.
    """
    known = {} if before is None else yamlfile.plain(before, name="the settings that are there")
    if known.get("node", file.node) != file.node:
        raise ConfigError(
            f"node: this box is {str(known['node'])[:40]!r}, and the node file is for {file.node}",
            hint="--force makes it the other one; its old settings are kept beside the new ones",
        )
    value = _value(file, folder, known)
    if state_dir is not None:
        value["state_dir"] = state_dir
    text = yamlfile.dump(value, head=f"Written by camwatch-edge enrol for {file.node}.")
    settings = yamlfile.parse(NodeSettings, text, name="the settings that this node file makes")
    public = {HUB_KEY_NAME: f"{file.hub_key}\n".encode()}
    if file.ca is not None:
        public[CA_NAME] = file.ca.encode()
    private = {
        _password_name(file, camera): f"{camera.password}\n".encode()
        for camera in file.cameras
        if camera.password is not None
    }
    return Plan(settings, text, public, private, f"{file.node}.secret", value != known)


def _value(file: NodeFile, folder: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    ca_file = None if file.ca is None else str(folder / CA_NAME)
    mqtt: dict[str, Any] = {"host": file.hub.mqtt_host, "port": file.hub.mqtt_port}
    hub: dict[str, Any] = {
        "mqtt": mqtt,
        "upload_url": file.hub.url,
        "secret_file": str(folder / f"{file.node}.secret"),
        "public_key_file": str(folder / HUB_KEY_NAME),
    }
    if ca_file is not None:
        mqtt["ca_file"] = hub["upload_ca_file"] = ca_file
    value = dict(known) | {"node": file.node, "hub": hub}
    value["cameras"] = _cameras(file, folder, known.get("cameras"))
    return value


def _cameras(file: NodeFile, folder: Path, known: object) -> list[Any]:
    """Those that are there, by the node file's word where it has one, then its new ones."""
    wanted = {camera.name: _camera(file, folder, camera) for camera in file.cameras}
    found: list[Any] = []
    for each in known if isinstance(known, list) else []:
        mine = wanted.pop(str(each.get("name")), None) if isinstance(each, dict) else None
        if mine is None:
            found.append(each)
        else:
            kept = {key: value for key, value in each.items() if key not in CAMERA_KEYS}
            found.append(mine | {key: value for key, value in kept.items() if key != "name"})
    return found + list(wanted.values())


def _camera(file: NodeFile, folder: Path, camera: FileCamera) -> dict[str, Any]:
    value = {
        "name": camera.name,
        "source": camera.source,
        "sub_source": camera.sub_source,
        "user": camera.user,
        "password_file": (
            None if camera.password is None else str(folder / _password_name(file, camera))
        ),
        "transport": camera.transport,
    }
    return {key: each for key, each in value.items() if each is not None}


def _password_name(file: NodeFile, camera: FileCamera) -> str:
    return f"{file.node}-{camera.name}.password"
