"""The registry's part of the command line, declared."""

from __future__ import annotations

import argparse
from datetime import date
from typing import TYPE_CHECKING

from hub.archive.registry_values import AREA_KINDS, ORGANISATION_TYPES, Registry
from hub.cli import areas, cameras, organisations, plans
from hub.cli.registry_files import changing
from hub.config import HubSettings
from hub.registry import edit

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
    Parser = argparse.ArgumentParser

CODE_HELP = "short, never changed (default: made of the name)"
DAY = "DAY"


def add_registry(commands: Commands, shared: Parser) -> None:
    """Declare area, organisation, camera and plan."""
    _add_areas(
        _group(commands, "area", "towns, residential groups and clusters, households"), shared
    )
    _add_organisations(_group(commands, "organisation", "member organisations"), shared)
    _add_cameras(_group(commands, "camera", "where cameras are, and whose"), shared)
    _add_plans(_group(commands, "plan", "maps and plans with cameras on them"), shared)


def _group(commands: Commands, name: str, text: str) -> Commands:
    group = commands.add_parser(name, help=text)
    return group.add_subparsers(dest="action", required=True, metavar="ACTION")


def _add_areas(actions: Commands, shared: Parser) -> None:
    command = actions.add_parser("list", parents=[shared], help="print the tree of areas")
    command.add_argument("--at", type=_day, metavar=DAY, help="as it is then (default: today)")
    command.add_argument("--all", action="store_true", help="also what has ended")
    command.add_argument("--json", action="store_true", help="JSON lines")
    command.set_defaults(run=areas.show)
    command = actions.add_parser("add", parents=[shared], help="add an area; prints its code")
    command.add_argument("name", help="such as 'Tổ dân phố 5'")
    command.add_argument("--kind", required=True, choices=AREA_KINDS)
    command.add_argument("--under", metavar="CODE", help="the area that it is part of")
    command.add_argument("--code", help=CODE_HELP)
    command.add_argument("--from", dest="from_day", type=_day, metavar=DAY, help="its first day")
    command.set_defaults(run=areas.add)
    command = actions.add_parser("set", parents=[shared], help="change an area")
    command.add_argument("code", metavar="CODE")
    command.add_argument("--name")
    command.add_argument("--under", metavar="CODE", help="the area that it is part of")
    command.add_argument("--from", dest="from_day", type=_day, metavar=DAY, help="its first day")
    command.set_defaults(run=areas.alter)
    command = actions.add_parser(
        "end",
        parents=[shared],
        help="let an area end, when areas are cut anew",
        description="Lets an area end. Its footage stays its own; whoever asks for the area that"
        " it went into finds it too. Then say with `camera place --since` where its cameras are.",
    )
    command.add_argument("code", metavar="CODE")
    command.add_argument(
        "--on", required=True, type=_day, metavar=DAY, help="the first day without it"
    )
    command.add_argument("--into", metavar="CODE", help="the area that it became part of")
    command.set_defaults(run=areas.end)
    _add_shared(actions, shared, "area", areas.import_, areas.export)


def _add_organisations(actions: Commands, shared: Parser) -> None:
    command = actions.add_parser("list", parents=[shared], help="print all organisations")
    command.add_argument("--json", action="store_true", help="JSON lines")
    command.set_defaults(run=organisations.show)
    add = actions.add_parser("add", parents=[shared], help="add one; prints its code")
    add.add_argument("name", help="such as 'Trường Tiểu học Lê Văn Tám'")
    add.add_argument("--type", required=True, choices=ORGANISATION_TYPES)
    add.add_argument("--code", help=CODE_HELP)
    add.set_defaults(run=organisations.add)
    alter = actions.add_parser("set", parents=[shared], help="change what is known of one")
    alter.add_argument("code", metavar="CODE")
    alter.add_argument("--name")
    alter.add_argument("--type", choices=ORGANISATION_TYPES)
    alter.set_defaults(run=organisations.alter)
    for each in (add, alter):
        each.add_argument("--contact", metavar="NAME", help="whom to call")
        each.add_argument("--phone", metavar="NUMBER")
        each.add_argument("--email", metavar="ADDRESS")
        each.add_argument("--note", metavar="TEXT")
    _add_shared(actions, shared, "organisation", organisations.import_, organisations.export)


def _add_cameras(actions: Commands, shared: Parser) -> None:
    command = actions.add_parser("list", parents=[shared], help="print all cameras")
    command.add_argument("--json", action="store_true", help="JSON lines")
    command.set_defaults(run=cameras.show)
    command = actions.add_parser(
        "place",
        parents=[shared],
        help="say where a camera is, and whose",
        description="Says where a camera is, from a time on. What is not given stays; an empty"
        " text takes it away. What a camera saw belongs to where it was then.",
    )
    command.add_argument("camera", type=cameras.camera_key, metavar="NODE/CAMERA")
    command.add_argument("--area", metavar="CODE")
    command.add_argument("--organisation", metavar="CODE")
    command.add_argument("--plan", metavar="CODE", help="the plan that it is on")
    command.add_argument(
        "--at", type=_position, metavar="X,Y", help="where on the plan, 0,0 top left to 1,1"
    )
    command.add_argument("--title", metavar="TEXT", help="what people call it")
    command.add_argument(
        "--since",
        metavar="TIME",
        help="from then on, as for query, or always (default: now; always for its first place)",
    )
    command.set_defaults(run=cameras.place)
    command = actions.add_parser(
        "remove", parents=[shared], help="take out one that was registered by mistake"
    )
    command.add_argument("camera", type=cameras.camera_key, metavar="NODE/CAMERA")
    command.set_defaults(run=cameras.remove)
    _add_files(actions, shared, "camera", cameras.import_, cameras.export)


def _add_plans(actions: Commands, shared: Parser) -> None:
    command = actions.add_parser("list", parents=[shared], help="print all plans")
    command.add_argument("--json", action="store_true", help="JSON lines")
    command.set_defaults(run=plans.show)
    command = actions.add_parser(
        "put", parents=[shared], help="keep a picture as a plan; prints its code"
    )
    command.add_argument("picture", metavar="FILE", help="PNG or JPEG")
    command.add_argument("--name", required=True, help="such as 'Sân trường'")
    command.add_argument("--code", help=f"{CODE_HELP}; of a plan that is there: takes its place")
    command.add_argument("--area", metavar="CODE", help="what it shows")
    command.set_defaults(run=plans.put)
    command = actions.add_parser("get", parents=[shared], help="copy a plan's picture")
    command.add_argument("code", metavar="CODE")
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="- for output")
    command.set_defaults(run=plans.get)
    _add_remove(actions, shared, "plan")


def _add_shared(
    actions: Commands, shared: Parser, what: str, import_: object, export: object
) -> None:
    _add_remove(actions, shared, what)
    _add_files(actions, shared, what, import_, export)


def _add_remove(actions: Commands, shared: Parser, what: str) -> None:
    command = actions.add_parser(
        "remove", parents=[shared], help=f"take out one {what} that nothing refers to"
    )
    command.add_argument("code", metavar="CODE")
    command.set_defaults(run=_remove, what=what)


def _add_files(
    actions: Commands, shared: Parser, what: str, import_: object, export: object
) -> None:
    command = actions.add_parser(
        "import",
        parents=[shared],
        help="take them from a CSV file",
        description=f"Takes each {what} that the file names; others stay. Nothing is taken if"
        " anything is wrong. The columns are those of export.",
    )
    command.add_argument("file", metavar="FILE", help="- for standard input")
    command.set_defaults(run=import_)
    command = actions.add_parser("export", parents=[shared], help="write them all as CSV")
    command.add_argument(
        "-o", "--output", default="-", metavar="FILE", help="(default: standard output)"
    )
    command.set_defaults(run=export)


def _remove(arguments: argparse.Namespace, settings: HubSettings) -> int:
    def how(registry: Registry) -> Registry:
        return edit.remove(registry, arguments.what, arguments.code)

    with changing(arguments, settings, f"{arguments.what}:{arguments.code}") as archive:
        edit.change(archive, how)
    return 0


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as err:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-01-31") from err


def _position(text: str) -> tuple[float, float]:
    try:
        x, y = map(float, text.split(","))
    except ValueError as err:
        raise argparse.ArgumentTypeError(f"{text!r} is not X,Y such as 0.25,0.7") from err
    return x, y
