"""The hub's settings over the local file's: what holds, and where each value comes from. Pure."""

from __future__ import annotations

import dataclasses
import re
import zoneinfo
from collections.abc import Mapping
from datetime import datetime

from edge.base import schema
from edge.base.logs import redact
from edge.base.schema import Problem, SchemaError
from edge.config.camera import CameraSettings
from edge.config.node import NodeSettings
from edge.contract import settings as documents
from edge.contract.schedule import in_force
from edge.contract.settings import CAMERAS, Plain, SettableCamera, SettableNode

NODE_KEYS = tuple(schema.fields_of(SettableNode))
CAMERA_KEYS = tuple(schema.fields_of(SettableCamera))
_USERINFO = re.compile(r"^([a-z][a-z0-9+.-]*://)[^/@\s]*@", re.IGNORECASE)


def lay_over(base: NodeSettings, plain: Plain) -> NodeSettings:
    """The node's settings with the hub's over them. Raises SchemaError with every problem."""
    zone = plain.get("time_zone")
    if isinstance(zone, str) and zone not in zoneinfo.available_timezones():
        raise SchemaError(
            [Problem("time_zone", f"{zone} is not known on this node", "install tzdata there")]
        )
    laid = documents.over({each.name: _settable(each) for each in base.cameras}, plain)
    problems: list[Problem] = []
    cameras = []
    for camera in base.cameras:
        try:
            cameras.append(_with(camera, laid[camera.name]))
        except ValueError as err:
            problems.append(Problem(f"{CAMERAS}.{camera.name}", str(err)))
    if problems:
        raise SchemaError(problems)
    node = {key: plain[key] for key in NODE_KEYS if key in plain}
    return dataclasses.replace(base, cameras=tuple(cameras), **node)


def _settable(camera: CameraSettings) -> Plain:
    whole: Plain = schema.dump(camera)
    return {key: whole[key] for key in CAMERA_KEYS if key in whole}


def _with(camera: CameraSettings, laid: SettableCamera) -> CameraSettings:
    command = camera.command if laid.source == camera.source else ()
    values = {key: getattr(laid, key) for key in CAMERA_KEYS}
    return dataclasses.replace(camera, command=command, **values)


def at(camera: CameraSettings, local: datetime | None) -> CameraSettings:
    """What holds of a camera's settings at a local time, by its schedules; None: it is not
    known."""
    if not camera.schedules:
        return camera
    now = in_force(
        camera.schedules, local, armed=camera.armed, disarmed_by=camera.disarmed_by,
        sensitivity=camera.motion.sensitivity,
    )  # fmt: skip
    return dataclasses.replace(
        camera,
        armed=now.armed,
        disarmed_by=now.disarmed,
        motion=dataclasses.replace(camera.motion, sensitivity=now.sensitivity),
    )


def effective(settings: NodeSettings) -> Plain:
    """What holds, as far as the hub may set it; addresses without user names and passwords."""
    plain: Plain = {key: getattr(settings, key) for key in NODE_KEYS}
    cameras = {}
    for camera in settings.cameras:
        shown = _settable(camera)
        del shown["name"]
        for key in ("source", "sub_source"):
            if key in shown:
                shown[key] = redact(_USERINFO.sub(r"\1", shown[key]))
        cameras[camera.name] = shown
    return {key: each for key, each in plain.items() if each is not None} | {CAMERAS: cameras}


def origins(local: Mapping[str, object], plain: Plain, settings: NodeSettings) -> dict[str, str]:
    """Where each value that the hub may set comes from: `hub`, `edge.yaml` (whose plain content is
    `local`) or `default`, by path."""
    of_hub = documents.flat(plain)
    listed = local.get(CAMERAS)
    named = {
        str(each.get("name")): each
        for each in (listed if isinstance(listed, list) else [])
        if isinstance(each, dict)
    }
    of_file = documents.flat({**local, CAMERAS: named})
    return {
        path: "hub" if _is_in(path, of_hub) else "edge.yaml" if _is_in(path, of_file) else "default"
        for path in documents.flat(effective(settings))
    }


def _is_in(path: str, known: Mapping[str, object]) -> bool:
    return path in known or any(each.startswith(f"{path}.") for each in known)
