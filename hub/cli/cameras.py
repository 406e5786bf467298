"""`camwatch-hub camera`: where each camera is, whose it is, and what people call it."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from edge.base.clock import SystemClock, utc_text
from edge.base.errors import CamwatchError
from edge.base.units import format_count
from hub.archive import Archive
from hub.archive.registry_values import Camera, Place, Registry
from hub.archive.values import CameraKey
from hub.cli.registry_files import changing, exported, read_file, registry_of, write_file
from hub.cli.render import table
from hub.config import HubSettings
from hub.registry import edit, tables, when

COLUMNS = ("camera", "title", "area", "organisation", "since", "plan")
ALWAYS = "always"


def show(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print all cameras with their places; 1 when there is none."""
    registry = registry_of(settings)
    if arguments.json:
        for camera in registry.cameras:
            print(json.dumps(_object(camera), ensure_ascii=False))
    elif registry.cameras:
        rows = [
            _cells(camera, place, settings.zone)
            for camera in registry.cameras
            for place in camera.places or (Place(),)
        ]
        print("\n".join(table([COLUMNS, *rows])))
    return 0 if registry.cameras else 1


def place(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Say where a camera is, from a time on; what is not given stays as it was then."""
    now = SystemClock().utc()
    since = _since(arguments.since, now, settings.zone)
    given = {
        field: getattr(arguments, field) or None
        for field in ("area", "organisation", "plan")
        if getattr(arguments, field) is not None
    }
    if arguments.plan is not None:
        given |= dict(zip(("x", "y"), arguments.at or (None, None), strict=True))

    def how(registry: Registry) -> Registry:
        camera = registry.camera(arguments.camera) or Camera(*arguments.camera)
        if arguments.title is not None:
            registry = edit.put_camera(registry, replace(camera, title=arguments.title))
        if not given:
            return registry
        start = now if arguments.since is None and camera.places else since
        before = camera.place_at(start or now) or Place()
        return edit.place_camera(registry, camera.key, replace(before, since_utc=start, **given))

    if not given and arguments.title is None:
        raise CamwatchError(
            "nothing is given", hint="give --area, --organisation, --plan or --title"
        )
    with changing(arguments, settings, f"camera:{'/'.join(arguments.camera)}") as archive:
        unknown = _unknown(archive, arguments.camera)
        edit.change(archive, how)
    if unknown:
        print(f"camwatch-hub: {unknown}", file=sys.stderr)
    return 0


def _unknown(archive: Archive, key: CameraKey) -> str:
    """What to say of a camera that was never heard of; nothing of others."""
    known = {each.name for each in archive.registry().cameras if each.node == key.node}
    known.update(*(each.cameras for each in archive.nodes() if each.name == key.node))
    if key.camera in known:
        return ""
    others = f"; it has {', '.join(sorted(known))}" if known else ""
    return f"placed, but {key.node} has no camera {key.camera} yet{others}"


def remove(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Take out a camera that was registered by mistake."""
    with changing(arguments, settings, f"camera:{'/'.join(arguments.camera)}") as archive:
        edit.change(archive, lambda registry: edit.remove_camera(registry, arguments.camera))
    return 0


def import_(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Take cameras and their places from a CSV file."""
    content = read_file(arguments.file)
    with changing(arguments, settings, "cameras") as archive:
        count = tables.import_cameras(archive, content, settings.zone)
    print(f"{format_count(count, 'place')} of cameras taken")
    return 0


def export(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Write all cameras as CSV."""
    content = tables.cameras_csv(exported(settings, "cameras"), settings.zone)
    write_file(arguments.output, content.encode())
    return 0


def camera_key(text: str) -> CameraKey:
    """The camera that NODE/CAMERA names."""
    node, slash, camera = text.partition("/")
    if not slash or not node or not camera:
        raise argparse.ArgumentTypeError(f"{text!r} is not NODE/CAMERA")
    return CameraKey(node, camera)


def _since(text: str | None, now: datetime, zone: ZoneInfo) -> datetime | None:
    if text is None or text == ALWAYS:
        return None
    try:
        return when.parse(text, now=now, zone=zone, is_end=False)
    except ValueError as err:
        raise CamwatchError(f"--since: {err}") from err


def _cells(camera: Camera, place: Place, zone: ZoneInfo) -> tuple[str, ...]:
    on_plan = "-" if place.plan is None else f"{place.plan} {place.x:g},{place.y:g}"
    return (
        "/".join(camera.key), camera.title or "-", place.area or "-", place.organisation or "-",
        tables.since_text(place.since_utc, zone) or ALWAYS, on_plan,
    )  # fmt: skip


def _object(camera: Camera) -> dict[str, object]:
    return {
        "node": camera.node,
        "camera": camera.name,
        "title": camera.title,
        "places": [
            {
                "since_utc": None if place.since_utc is None else utc_text(place.since_utc),
                "area": place.area,
                "organisation": place.organisation,
                "plan": place.plan,
                "x": place.x,
                "y": place.y,
            }
            for place in camera.places
        ],
    }
