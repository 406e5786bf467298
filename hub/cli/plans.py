"""`camwatch-hub plan`: the pictures on which cameras have their positions."""

from __future__ import annotations

import argparse
import dataclasses
import json

from hub.cli.registry_files import changing, exported, read_file, registry_of, write_file
from hub.cli.render import table
from hub.config import HubSettings
from hub.registry import edit, plans

COLUMNS = ("plan", "name", "area", "picture", "pixels")


def show(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print all plans; 1 when there is none."""
    found = registry_of(settings).plans
    if arguments.json:
        for each in found:
            print(json.dumps(dataclasses.asdict(each), ensure_ascii=False))
    elif found:
        rows = [
            (each.code, each.name, each.area or "-", each.media_type,
             f"{each.width}x{each.height}")
            for each in found
        ]  # fmt: skip
        print("\n".join(table([COLUMNS, *rows])))
    return 0 if found else 1


def put(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Keep a picture as a plan, new or in place of the one before; print its code."""
    content = read_file(arguments.picture)
    with changing(
        arguments, settings, f"plan:{arguments.code or 'new'}", name=arguments.name
    ) as archive:
        known = archive.registry().plans
        code = arguments.code or edit.free_code(arguments.name, (each.code for each in known))
        plan = plans.keep(
            archive, plans.open_store(settings), code, arguments.name, arguments.area, content
        )
    print(plan.code)
    return 0


def get(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Copy a plan's picture."""
    plan = edit.plan(exported(settings, f"plan:{arguments.code}"), arguments.code)
    content = b"".join(plans.open_store(settings).read(plan.sha256))
    write_file(arguments.output, content)
    return 0
