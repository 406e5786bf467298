"""`camwatch-hub settings`: what the hub sets of nodes; show, set, history, diff, undo.

A change is a version in the archive and an entry in the audit trail; the running hub sends it.
"""

from __future__ import annotations

import argparse
import copy
import functools
import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from edge.base import schema
from edge.base.clock import SystemClock, utc_text
from edge.base.errors import CamwatchError
from edge.contract.settings import CAMERAS, Plain, flat
from hub.archive import Archive
from hub.archive.opening import open_to_read
from hub.archive.settings_values import SettingsVersion
from hub.archive.values import EventFilter
from hub.cli import filter_words, trail
from hub.cli.known_names import refuse_unknown, refuse_unknown_names
from hub.cli.registry_files import read_file, writing
from hub.cli.render import local_text, table
from hub.config import HubSettings
from hub.registry import present, settings
from hub.registry.settings import Author, Maker, SettingsError, Standing

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

ACTION = "settings.change"
COLUMNS = ("version", "made", "by", "state", "note")
NOTHING = 1
Targets = dict[str, list[str]]
"""Cameras that are meant, by node."""


def declare(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """The arguments."""
    group = commands.add_parser("settings", help="set nodes and their cameras from here")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    action = actions.add_parser(
        "show",
        parents=[shared],
        help="print what the hub sets of a node, and what it has",
        description="Prints where the node stands, and each value with where it comes from.",
    )
    action.add_argument("node", metavar="NODE")
    action.add_argument("--json", action="store_true", help="print JSON")
    action.set_defaults(run=show)
    _declare_set(actions, shared)
    action = actions.add_parser("history", parents=[shared], help="list a node's versions")
    action.add_argument("node", metavar="NODE")
    action.add_argument("--json", action="store_true", help="JSON lines")
    action.set_defaults(run=history)
    action = actions.add_parser(
        "diff", parents=[shared], help="print what differs between two versions"
    )
    action.add_argument("node", metavar="NODE")
    action.add_argument("before", nargs="?", type=int, metavar="VERSION", help="(default: the one"
                        " before)")  # fmt: skip
    action.add_argument("after", nargs="?", type=int, metavar="VERSION", help="(default: newest)")
    action.set_defaults(run=diff)
    action = actions.add_parser(
        "undo", parents=[shared], help="make a new version with the content of an old one"
    )
    action.add_argument("node", metavar="NODE")
    action.add_argument(
        "--to", type=int, metavar="VERSION", help="0: nothing is set (default: the one before)"
    )
    _add_author(action)
    action.set_defaults(run=undo)


def _declare_set(actions: Commands, shared: argparse.ArgumentParser) -> None:
    action = actions.add_parser(
        "set",
        parents=[shared],
        help="change what the hub sets of a node, or of all nodes of an area",
        description="Makes a new version of a node's settings, which the running hub sends. PATH is"
        " such as cameras.gate.motion.sensitivity; cameras.* stands for every camera of the node,"
        " with --area for every one in that area. VALUE is YAML, null for none. What is wrong is"
        " told, field by field, and nothing is changed then.",
    )
    action.add_argument("node", nargs="?", metavar="NODE")
    action.add_argument("--area", metavar="CODE", help="all nodes with cameras there or below")
    action.add_argument(
        "--set", dest="sets", action="append", default=[], metavar="PATH=VALUE", help="set this"
    )
    action.add_argument(
        "--unset", dest="unsets", action="append", default=[], metavar="PATH",
        help="leave this to the node's own file again",
    )  # fmt: skip
    action.add_argument(
        "--file", metavar="FILE", help="begin with the settings in this YAML or JSON file, in place"
        " of those that are set now; - for standard input",
    )  # fmt: skip
    action.add_argument("--check", action="store_true", help="change nothing, say what would be")
    _add_author(action)
    action.set_defaults(run=set_)


def _add_author(action: argparse.ArgumentParser) -> None:
    action.add_argument("--note", metavar="TEXT", help="why")
    action.add_argument("--user", metavar="NAME", help="who (default: your login name)")


def show(arguments: argparse.Namespace, hub: HubSettings) -> int:
    """Print a node's settings; 1 where nothing is known of them."""
    archive = open_to_read(hub)
    try:
        standing = settings.standing(archive, arguments.node)
        if arguments.json:
            print(json.dumps(_object(archive, standing), ensure_ascii=False, indent=2))
        else:
            print("\n".join(_lines(standing)))
    finally:
        archive.close()
    return 0 if standing.newest is not None or standing.applied is not None else NOTHING


def set_(arguments: argparse.Namespace, hub: HubSettings) -> int:
    """Make a version for each node that is meant, or none if one of them cannot be."""
    if (arguments.node is None) == (arguments.area is None):
        raise CamwatchError("name a NODE or an --area", hint="one of them")
    if not (arguments.sets or arguments.unsets or arguments.file):
        raise CamwatchError("nothing is given", hint="give --set, --unset or --file")
    with writing(hub) as archive:
        author = _author(arguments)
        made: list[tuple[str, Plain, int]] = []
        for node, cameras in _targets(archive, arguments).items():
            number, before = settings.newest(archive, node)
            wanted = _wanted(copy.deepcopy(before), cameras, arguments)
            plain, warnings = settings.check(archive, node, wanted)
            for line in settings.differences(before, plain):
                print(f"{node}: {line}")
            for line in warnings:
                print(f"{node}: warning: {line}", file=sys.stderr)
            made.append((node, plain, number))
        for node, plain, number in [] if arguments.check else made:
            make = functools.partial(settings.make, archive, node, plain, author, based_on=number)
            print(said(_tell(archive, node, author, "set", make)))
    return 0


def history(arguments: argparse.Namespace, hub: HubSettings) -> int:
    """Print a node's versions, newest first; 1 where there is none."""
    archive = open_to_read(hub)
    try:
        found = archive.settings_versions(arguments.node)
    finally:
        archive.close()
    if arguments.json:
        for each in found:
            print(json.dumps(version_object(each), ensure_ascii=False))
    elif found:
        rows = [
            (
                str(each.version), local_text(each.made_utc, hub.zone), each.user,
                each.state.replace("_", " ") + (f": {each.detail}" if each.detail else ""),
                each.note or (f"undo, as {each.undoes}" if each.undoes is not None else "-"),
            )
            for each in found
        ]  # fmt: skip
        print("\n".join(table([COLUMNS, *rows])))
    else:
        print(f"camwatch-hub: nothing was ever set of {arguments.node}", file=sys.stderr)
    return 0 if found else NOTHING


def diff(arguments: argparse.Namespace, hub: HubSettings) -> int:
    """Print what differs, a line each; 1 where nothing does."""
    archive = open_to_read(hub)
    try:
        newest = archive.settings_versions(arguments.node, limit=2)
        numbers = [each.version for each in newest]
        after = arguments.after or (numbers[0] if numbers else 0)
        before = arguments.before
        if before is None:
            before = numbers[1] if len(numbers) > 1 else 0
        contents = [settings.content_of(archive, arguments.node, each) for each in (before, after)]
    finally:
        archive.close()
    lines = settings.differences(*contents)
    print("\n".join(lines) if lines else f"versions {before} and {after} set the same")
    return 0 if lines else NOTHING


def undo(arguments: argparse.Namespace, hub: HubSettings) -> int:
    """Make a version with the content of an old one."""
    author = _author(arguments)
    with writing(hub) as archive:
        make = functools.partial(settings.undo, archive, arguments.node, author, to=arguments.to)
        print(said(_tell(archive, arguments.node, author, "undo", make)))
    return 0


def version_object(version: SettingsVersion) -> dict[str, object]:
    """A version for programs."""
    return {
        "version": version.version,
        "made_utc": utc_text(version.made_utc),
        "user": version.user,
        "note": version.note,
        "undoes": version.undoes,
        "state": version.state,
        "reason": version.reason,
        "detail": version.detail,
        "problems": schema.dump(version.problems),
        "settings": dict(version.settings),
    }


def apply(
    archive: Archive, node: str, how: settings.Change, note: str, user: str
) -> SettingsVersion:
    """Make a version of the newest by `how`, with its entry in the trail; for other commands."""
    author = Author(user, SystemClock().utc(), note)
    return _tell(archive, node, author, "set", lambda: settings.change(archive, node, how, author))


def _tell(archive: Archive, node: str, author: Author, how: str, make: Maker) -> SettingsVersion:
    """Make it; the trail has it before it is done, and again where it is refused."""
    note = {"note": author.note} if author.note else {}
    with trail.noted(archive, ACTION, f"node:{node}", name=author.user, how=how, **note):
        return make()


def said(version: SettingsVersion) -> str:
    """What was made, and where to look how it goes."""
    node = version.node
    return f"{node}: version {version.version} is wanted; camwatch-hub settings show {node}"


def _author(arguments: argparse.Namespace) -> Author:
    return Author(filter_words.asker(arguments), SystemClock().utc(), arguments.note)


def _targets(archive: Archive, arguments: argparse.Namespace) -> Targets:
    if arguments.area is None:
        refuse_unknown(archive, arguments.node)
        known = settings.effective(archive, arguments.node)
        told = {each.name: each.cameras for each in archive.nodes()}
        return {arguments.node: sorted(known) or list(told[arguments.node])}
    refuse_unknown_names(archive, EventFilter(area=arguments.area))
    registry, now_utc = archive.registry(), SystemClock().utc()
    found: Targets = {}
    for camera in present.cameras_in_area(registry, arguments.area, now_utc):
        found.setdefault(camera.node, []).append(camera.name)
    if not found:
        raise CamwatchError(f"no camera is in {arguments.area} now")
    return found


def _wanted(plain: Plain, cameras: Iterable[str], arguments: argparse.Namespace) -> Plain:
    """The settings in `plain`, which is changed, with what the arguments say."""
    cameras = list(cameras)
    if arguments.file is not None:
        plain = _from_file(arguments.file)
    for text in arguments.sets:
        path, equals, value = text.partition("=")
        if not equals:
            raise SettingsError(
                f"--set {text}: it takes a path and a value",
                hint="such as cameras.gate.motion.sensitivity=4",
            )
        settings.put(plain, path.strip(), _value(path, value), cameras)
    for path in arguments.unsets:
        settings.drop(plain, path.strip(), cameras)
    return plain


def _value(path: str, text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as err:
        raise SettingsError(f"--set {path}: {text[:60]!r} is not YAML") from err


def _from_file(name: str) -> Plain:
    try:
        found: Any = yaml.safe_load(read_file(name))
    except (yaml.YAMLError, UnicodeDecodeError) as err:
        raise SettingsError(f"{name}: not YAML: {err}") from err
    if not isinstance(found, dict):
        raise SettingsError(f"{name}: must be a mapping", hint="as settings show --json prints it")
    return found


def _object(archive: Archive, standing: Standing) -> dict[str, object]:
    newest, applied = standing.newest, standing.applied
    return {
        "node": standing.node,
        "text": standing.text(),
        "is_settled": standing.is_settled,
        "newest": None if newest is None else version_object(newest),
        "settings": settings.content(archive, standing.node),
        "applied": None if applied is None else schema.dump(applied),
    }


def _lines(standing: Standing) -> list[str]:
    lines = [f"{standing.node}: {standing.text() or 'nothing is set from here'}"]
    newest, applied = standing.newest, standing.applied
    if newest is not None and not standing.is_settled:
        lines += [f"  {each.path}: {each.message}" + (f" ({each.hint})" if each.hint else "")
                  for each in newest.problems]  # fmt: skip
    if applied is None:
        return [*lines, "it has not said yet what it has"]
    failure = applied.failure
    if failure is not None and (newest is None or failure.version != newest.version):
        lines.append(f"  last refused: {failure.version or 'a message'}, {failure.detail}")
    lines += [f"  warning: {each}" for each in applied.warnings]
    of_hub = set(applied.from_hub)
    lines += [
        f"  {path}: {value}{'   (hub)' if _is_from(path, of_hub) else ''}"
        for path, value in _shown(applied.settings)
    ]
    return lines


def _shown(plain: dict[str, object]) -> Sequence[tuple[str, str]]:
    found = flat(plain)
    return [(path, json.dumps(value, ensure_ascii=False)) for path, value in found.items()]


def _is_from(path: str, paths: set[str]) -> bool:
    return path in paths or any(path.startswith(f"{each}.") for each in paths)


def own_path(camera: str, *keys: str) -> str:
    """The path of a camera's value."""
    return ".".join((CAMERAS, camera, *keys))
