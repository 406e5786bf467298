"""`camwatch-hub area`: towns, residential groups and clusters, households."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from edge.base.clock import SystemClock
from edge.base.errors import CamwatchError
from edge.base.units import format_count
from hub.archive.registry_values import AREA_KINDS, Area, Registry
from hub.cli.registry_files import changing, exported, read_file, registry_of, write_file
from hub.cli.render import table
from hub.config import HubSettings
from hub.registry import edit, tables

COLUMNS = ("area", "kind", "name", "from", "until", "into")


def show(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the tree as it is on a day; 1 when there is none."""
    registry = registry_of(settings)
    day = arguments.at or SystemClock().utc().astimezone(settings.zone).date()
    found = list(_tree(registry, None if arguments.all else day))
    if arguments.json:
        for area, _ in found:
            print(json.dumps(_object(area, registry), ensure_ascii=False))
    elif found:
        rows = [_cells(area, depth) for area, depth in found]
        print("\n".join(table([COLUMNS, *rows])))
    return 0 if found else 1


def add(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Add an area; print its code."""
    if arguments.under is None and arguments.kind != AREA_KINDS[0]:
        above = AREA_KINDS[AREA_KINDS.index(arguments.kind) - 1]
        raise CamwatchError(
            f"a {arguments.kind} lies in a {above}: --under CODE",
            hint="camwatch-hub area list shows the codes",
        )
    with changing(
        arguments, settings, f"area:{arguments.code or 'new'}", name=arguments.name
    ) as archive:
        code = arguments.code or edit.free_code(
            arguments.name, (area.code for area in archive.registry().areas)
        )
        area = Area(code, arguments.kind, arguments.name, arguments.under, arguments.from_day)
        edit.change(archive, lambda registry: edit.add(registry, area))
    print(code)
    return 0


def alter(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Give an area another name, place in the tree, or first day."""
    given = {
        "name": arguments.name, "parent": arguments.under, "from_day": arguments.from_day,
    }  # fmt: skip
    given = {field: value for field, value in given.items() if value is not None}

    def how(registry: Registry) -> Registry:
        return edit.put_area(registry, replace(edit.area(registry, arguments.code), **given))

    with changing(arguments, settings, f"area:{arguments.code}") as archive:
        edit.change(archive, how)
    return 0


def end(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Let an area end, and say what it became part of."""
    with changing(arguments, settings, f"area:{arguments.code}") as archive:
        edit.change(
            archive, lambda r: edit.end_area(r, arguments.code, arguments.on, arguments.into)
        )
    return 0


def import_(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Take areas from a CSV file."""
    content = read_file(arguments.file)
    with changing(arguments, settings, "areas") as archive:
        count = tables.import_areas(archive, content)
    print(f"{format_count(count, 'area')} taken")
    return 0


def export(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Write all areas as CSV."""
    write_file(arguments.output, tables.areas_csv(exported(settings, "areas")).encode())
    return 0


def _tree(registry: Registry, day: date | None) -> Iterator[tuple[Area, int]]:
    """Each area after its parent, with its depth; on a day, or of all times."""
    below: dict[str | None, list[Area]] = {}
    for area in registry.areas:
        below.setdefault(area.parent, []).append(area)
    waiting = [(area, 0) for area in reversed(below.get(None, []))]
    while waiting:
        area, depth = waiting.pop()
        if day is None or area.is_valid(day):
            yield area, depth
        waiting += [(each, depth + 1) for each in reversed(below.get(area.code, []))]


def _cells(area: Area, depth: int) -> tuple[str, ...]:
    days = ("-" if day is None else day.isoformat() for day in (area.from_day, area.until_day))
    return "  " * depth + area.code, area.kind, area.name, *days, area.into or "-"


def _object(area: Area, registry: Registry) -> dict[str, object]:
    return {
        "code": area.code,
        "kind": area.kind,
        "name": area.name,
        "parent": area.parent,
        "from": None if area.from_day is None else area.from_day.isoformat(),
        "until": None if area.until_day is None else area.until_day.isoformat(),
        "into": area.into,
        "path": [each.name for each in registry.above(area.code)][::-1],
    }
