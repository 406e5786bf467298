"""`camwatch-hub organisation`: the member organisations and whom to call there."""

from __future__ import annotations

import argparse
import dataclasses
import json

from edge.base.units import format_count
from hub.archive.registry_values import Organisation, Registry
from hub.cli.registry_files import changing, exported, read_file, registry_of, write_file
from hub.cli.render import table
from hub.config import HubSettings
from hub.registry import edit, tables

COLUMNS = ("organisation", "name", "type", "contact", "phone", "email", "cameras")
DETAILS = ("contact", "phone", "email", "note")


def show(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print all organisations with the number of their cameras; 1 when there is none."""
    registry = registry_of(settings)
    owners = [each.places[-1].organisation for each in registry.cameras if each.places]
    if arguments.json:
        for each in registry.organisations:
            print(
                json.dumps(
                    dataclasses.asdict(each) | {"cameras": owners.count(each.code)},
                    ensure_ascii=False,
                )
            )
    elif registry.organisations:
        rows = [
            (each.code, each.name, each.type, each.contact or "-", each.phone or "-",
             each.email or "-", str(owners.count(each.code)))
            for each in registry.organisations
        ]  # fmt: skip
        print("\n".join(table([COLUMNS, *rows])))
    return 0 if registry.organisations else 1


def add(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Add an organisation; print its code."""
    with changing(
        arguments, settings, f"organisation:{arguments.code or 'new'}", name=arguments.name
    ) as archive:
        code = arguments.code or edit.free_code(
            arguments.name, (each.code for each in archive.registry().organisations)
        )
        details = {field: getattr(arguments, field) or "" for field in DETAILS}
        organisation = Organisation(code, arguments.name, arguments.type, **details)
        edit.change(archive, lambda registry: edit.add(registry, organisation))
    print(code)
    return 0


def alter(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Change what is known of an organisation."""
    given = {
        field: getattr(arguments, field)
        for field in ("name", "type", *DETAILS)
        if getattr(arguments, field) is not None
    }

    def how(registry: Registry) -> Registry:
        before = edit.organisation(registry, arguments.code)
        return edit.put_organisation(registry, dataclasses.replace(before, **given))

    with changing(arguments, settings, f"organisation:{arguments.code}") as archive:
        edit.change(archive, how)
    return 0


def import_(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Take organisations from a CSV file."""
    content = read_file(arguments.file)
    with changing(arguments, settings, "organisations") as archive:
        count = tables.import_organisations(archive, content)
    print(f"{format_count(count, 'organisation')} taken")
    return 0


def export(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Write all organisations as CSV."""
    write_file(
        arguments.output, tables.organisations_csv(exported(settings, "organisations")).encode()
    )
    return 0
