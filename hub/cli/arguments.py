"""The command line, declared."""

from __future__ import annotations

import argparse
import os
import re
from typing import TYPE_CHECKING

from hub.archive.values import MARKS, PageKey
from hub.cli import (
    accept,
    ca,
    check,
    clip,
    coverage,
    doctor,
    filter_words,
    gaps,
    live,
    mark,
    near,
    node_arguments,
    node_health,
    nodes,
    orders,
    people_arguments,
    problems,
    query,
    release,
    replay,
    saved,
    settings,
    show,
    snapshot,
    timeline,
)
from hub.cli.registry_arguments import add_registry
from hub.config import HubSettings

CONFIG_ENV = "CAMWATCH_HUB_CONFIG"
DEFAULT_CONFIG = "/etc/camwatch/hub.yaml"
MAX_LIMIT = 100_000

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each sets `run` to what does it."""
    parser = argparse.ArgumentParser(
        prog="camwatch-hub", description="Archives what camera nodes report, and answers for it."
    )
    config = os.environ.get(CONFIG_ENV, DEFAULT_CONFIG)
    text = f"settings file (default: {config}; environment: {CONFIG_ENV})"
    parser.add_argument("--config", default=config, metavar="FILE", help=text)
    parser.set_defaults(needs_settings=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--config", default=argparse.SUPPRESS, metavar="FILE", help=text)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands, shared)
    _add_query(commands, shared)
    _add_filters(commands, shared)
    _add_show_and_clip(commands, shared)
    _add_marks(commands, shared)
    _add_nodes(commands, shared)
    orders.declare(commands, shared)
    live.declare(commands, shared)
    _add_absences(commands, shared)
    replay.declare(commands, shared)
    settings.declare(commands, shared)
    release.declare(commands, shared)
    doctor.declare(commands, shared)
    _add_care(commands, shared)
    add_registry(commands, shared)
    node_arguments.add(commands, shared)
    people_arguments.add(commands, shared)
    ca.declare(commands)
    return parser


def _add_run(commands: Commands, shared: argparse.ArgumentParser) -> None:
    command = commands.add_parser("run", parents=[shared], help="run the hub")
    command.add_argument(
        "--print-events", action="store_true", help="print one line for each archived event"
    )
    command.set_defaults(run=_run_hub)


def _run_hub(arguments: argparse.Namespace, settings: HubSettings) -> int:
    # The servers take most of a second to load, which a query need not wait for.
    from hub.cli import run

    return run.run(arguments, settings)


def _add_query(commands: Commands, shared: argparse.ArgumentParser) -> None:
    command = commands.add_parser(
        "query",
        parents=[shared],
        help="list events, newest first",
        description="Lists events, newest first, by their best known times; <= marks the latest"
        " that an event of a clock never set can have begun. TIME is 2h, 3d (ago), now, today,"
        " yesterday, 2026-01-31, '2026-01-31 14:30' in the hub's zone, or ISO 8601 with an offset.",
    )
    filter_words.add_options(command)
    command.add_argument("--limit", type=_limit, default=50, help="at most so many (default: 50)")
    command.add_argument(
        "--before", type=_page_key, metavar="KEY", help="go on where a page ended, by its key"
    )
    command.add_argument(
        "--after", type=_page_key, metavar="KEY", help="the page of those next newer than that key"
    )
    command.add_argument(
        "--count", action="store_true", help="print only how many there are, up to 10,000"
    )
    _add_forms(command)
    command.add_argument(
        "--follow", action="store_true", help="then print events as they start, end, get clips"
    )
    command.set_defaults(run=query.run, form="table")
    command = commands.add_parser(
        "timeline",
        parents=[shared],
        help="count events by the hour, or by another piece of time",
        description="Prints how many events began in each piece of a time, of the last day unless"
        " --since and --until say otherwise. Pieces begin at the full hour, or as many of them as"
        " are counted from midnight; the first and the last may be shorter. Filters and TIME are"
        " as for query.",
    )
    filter_words.add_options(command)
    command.add_argument(
        "--bucket", dest="bucket_s", type=timeline.bucket_s, default=3600.0, metavar="TIME",
        help="length of a piece, such as 10m (default: 1h)",
    )  # fmt: skip
    _add_forms(command)
    command.set_defaults(run=timeline.run, form="table")


def _add_filters(commands: Commands, shared: argparse.ArgumentParser) -> None:
    group = commands.add_parser("filter", help="filters of events that you keep under a name")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    command = actions.add_parser(
        "save",
        parents=[shared],
        help="keep a filter",
        description="Keeps the words of a filter as they are given: a saved --since yesterday means"
        " the day before each day on which it is asked. query --saved NAME asks it.",
    )
    command.add_argument("name", metavar="NAME")
    filter_words.add_options(command)
    command.set_defaults(run=saved.save)
    command = actions.add_parser(
        "link", parents=[shared], help="print a filter as links carry it, with its times fixed"
    )
    filter_words.add_options(command)
    command.set_defaults(run=saved.link)
    command = actions.add_parser("list", parents=[shared], help="print your filters")
    command.add_argument("--json", action="store_true", help="JSON lines")
    command.add_argument("--user", metavar="NAME", help="whose (default: your login name)")
    command.set_defaults(run=saved.show)
    command = actions.add_parser("remove", parents=[shared], help="forget a filter")
    command.add_argument("name", metavar="NAME")
    command.add_argument("--user", metavar="NAME", help="whose (default: your login name)")
    command.set_defaults(run=saved.remove)


def _add_show_and_clip(commands: Commands, shared: argparse.ArgumentParser) -> None:
    id_help = "the event's id, or enough of its beginning"
    command = commands.add_parser("show", parents=[shared], help="show one event")
    command.add_argument("id", type=_event_id, metavar="ID", help=id_help)
    command.add_argument("--json", action="store_true", help="as one JSON document")
    command.set_defaults(run=show.run)
    command = commands.add_parser(
        "near",
        parents=[shared],
        help="list what else happened around an event",
        description="Lists the event between those of other cameras that are next to it in time, of"
        " the smallest area around its camera that has others too, or of its node where the camera"
        " is in no area.",
    )
    command.add_argument("id", type=_event_id, metavar="ID", help=id_help)
    command.add_argument(
        "--within", dest="within_s", type=timeline.bucket_s, default=600.0, metavar="TIME",
        help="so long before its start and after its end (default: 10m)",
    )  # fmt: skip
    command.add_argument(
        "--limit", type=_limit, default=20, help="at most so many on each side (default: 20)"
    )
    _add_forms(command)
    command.set_defaults(run=near.run, form="table")
    command = commands.add_parser("clip", parents=[shared], help="copy an event's clip")
    command.add_argument("id", type=_event_id, metavar="ID", help=id_help)
    command.add_argument("--part", type=int, default=0, help="of a long event (default: 0)")
    command.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="where to; - for standard output"
    )
    command.set_defaults(run=clip.run)
    command = commands.add_parser(
        "snapshot", parents=[shared], help="copy an event's picture, the last that is here"
    )
    command.add_argument("id", type=_event_id, metavar="ID", help=id_help)
    command.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="where to; - for standard output"
    )
    command.set_defaults(run=snapshot.run)


def _add_marks(commands: Commands, shared: argparse.ArgumentParser) -> None:
    id_help = "the event's id, or enough of its beginning"
    words = ", ".join(MARKS)
    command = commands.add_parser(
        "mark",
        parents=[shared],
        help="say what an event was",
        description="Marks an event. Who marked it what and when, and every note, are kept: show"
        " lists them.",
    )
    command.add_argument("id", type=_event_id, metavar="ID", help=id_help)
    command.add_argument("mark", type=filter_words.mark_word, metavar="MARK", help=words)
    command.add_argument("--note", metavar="TEXT", help="and why")
    command.set_defaults(run=mark.run)
    note = commands.add_parser("note", parents=[shared], help="add a note to an event")
    note.add_argument("id", type=_event_id, metavar="ID", help=id_help)
    note.add_argument("note", metavar="TEXT", help="what to note")
    note.set_defaults(run=mark.run, mark=None)
    for each in (command, note):
        each.add_argument("--user", metavar="NAME", help="who says so (default: your login name)")


def _add_nodes(commands: Commands, shared: argparse.ArgumentParser) -> None:
    command = commands.add_parser(
        "nodes",
        parents=[shared],
        help="list nodes and their problems, or how one was over time",
        description="Lists nodes and their problems. With NODE tells how it was over time: a line"
        " for ten minutes, and for more than a week one for an hour; kept for two months.",
    )
    command.add_argument("node", nargs="?", metavar="NODE", help="how this one was over time")
    command.add_argument(
        "--over", choices=tuple(node_health.RANGES), help="of NODE: how long (default: day)"
    )
    command.add_argument("--json", action="store_true", help="JSON lines")
    command.set_defaults(run=nodes.run)


def _add_absences(commands: Commands, shared: argparse.ArgumentParser) -> None:
    command = commands.add_parser(
        "gaps",
        parents=[shared],
        help="list records and files that are missing or lost, and alarms",
        description="Lists records that are missing and being asked for, records and files that"
        " their node told to be lost, with the cause, and alarms. TIME is as for query.",
    )
    command.add_argument("--node", help="of this node")
    command.add_argument("--since", metavar="TIME", help="noticed by the hub then or later")
    _add_forms(command)
    command.set_defaults(run=gaps.run, form="table")
    command = commands.add_parser(
        "coverage",
        parents=[shared],
        help="tell when cameras were watching, and why not",
        description="Tells for each camera how much of the time was watched, and lists the rest"
        " with causes. A minute counts as watched only if all of it was; of what no account came"
        " it is unknown. TIME is as for query.",
    )
    command.add_argument("--camera", help="of cameras of this name (default: all)")
    command.add_argument("--node", help="of this node (default: all)")
    command.add_argument(
        "--area", metavar="CODE", help="that are now in this area, or one below it"
    )
    command.add_argument("--since", metavar="TIME", default="1d", help="(default: 1d)")
    command.add_argument("--until", metavar="TIME", default="now", help="(default: now)")
    command.add_argument(
        "--by", choices=("minute", "hour", "day"), help="a line for each instead of stretches"
    )
    _add_forms(command)
    command.set_defaults(run=coverage.run, form="table")


def _add_care(commands: Commands, shared: argparse.ArgumentParser) -> None:
    command = commands.add_parser(
        "problems", parents=[shared], help="list what troubles the hub and its nodes"
    )
    command.add_argument("--json", action="store_true", help="JSON lines")
    command.set_defaults(run=problems.run)
    command = commands.add_parser(
        "check",
        parents=[shared],
        help="check that the archive is whole",
        description="Checks the database, the chains of records, and that clips and snapshots are"
        " there in their sizes. Changes nothing; the hub may run meanwhile.",
    )
    command.add_argument(
        "--full", action="store_true", help="also every hash and signature; reads everything"
    )
    command.add_argument("--json", action="store_true", help="JSON lines")
    command.set_defaults(run=check.run)
    command = commands.add_parser(
        "accept-archive",
        parents=[shared],
        help="let archive_dir hold the archive from now on; prints its id",
    )
    command.set_defaults(run=accept.run)


def _add_forms(command: argparse.ArgumentParser) -> None:
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_const", dest="form", const="json", help="JSON lines")
    form.add_argument("--csv", action="store_const", dest="form", const="csv", help="CSV")


def _limit(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MAX_LIMIT}")


def _page_key(text: str) -> PageKey:
    try:
        return PageKey.parse(text)
    except ValueError as err:
        raise argparse.ArgumentTypeError(str(err)) from err


def _event_id(text: str) -> str:
    if re.fullmatch(r"[0-9a-fA-F-]{4,36}", text):
        return text.lower()
    raise argparse.ArgumentTypeError(f"{text!r} is not an event's id, nor 4 or more of its digits")
