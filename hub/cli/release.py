"""`camwatch-hub release`: releases in, out to nodes stage by stage, and how far they are."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from edge.base.clock import utc_text
from edge.base.errors import storage_error
from edge.base.units import format_count, parse_duration_s
from hub.archive import Archive
from hub.archive.audit import Deed
from hub.archive.opening import open_to_read, open_to_write
from hub.archive.update_values import Rollout
from hub.cli.render import local_text, table
from hub.cli.trail import actor
from hub.config import HubSettings
from hub.rollouts import judge
from hub.rollouts.control import DEFAULT_STAGES, RolloutControl
from hub.rollouts.shelf import Shelf

RELEASE_COLUMNS = ("version", "for", "maker", "added", "notes")
NODE_COLUMNS = ("node", "", "runs", "machine", "update", "since", "detail")


def declare(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser
) -> None:
    """The arguments."""
    group = commands.add_parser("release", help="updates of nodes: releases and their roll-out")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")

    def add(name: str, run: object, text: str) -> argparse.ArgumentParser:
        command = actions.add_parser(name, parents=[shared], help=text, description=text)
        command.set_defaults(run=run)
        return command

    command = add("trust", trust, "take in releases that the holder of this key signed")
    command.add_argument(
        "key", type=Path, metavar="FILE", help="what `scripts/release public` prints"
    )
    command.add_argument("--name", help="whose it is (default: the file's name)")
    command = add("distrust", distrust, "take in no more releases of that maker")
    command.add_argument("name", help="as `release list` shows it")
    command = add("add", add_file, "verify a release and keep it; nothing is sent yet")
    command.add_argument("file", type=Path, metavar="FILE.release")
    command = add("remove", remove, "forget a release and its bundles")
    command.add_argument("version")
    command = add("list", list_releases, "list releases, makers and groups")
    command.add_argument("--json", action="store_true", help="JSON lines")
    command = add("group", group_nodes, "name nodes that are updated together; none ends the group")
    command.add_argument("name")
    command.add_argument("nodes", nargs="*", metavar="NODE")
    _declare_rollouts(add)


def _declare_rollouts(add: Callable[[str, object, str], argparse.ArgumentParser]) -> None:
    command = add(
        "roll-out", roll_out,
        "Update nodes, stage by stage. The next stage begins when all nodes of the last one that"
        " are online have run the release well for so long; one that takes it back stops it all.",
    )  # fmt: skip
    command.add_argument("version")
    command.add_argument(
        "--stage", action="append", default=[], metavar="WHICH",
        help="group:NAME, area:CODE, node:NAME[,NAME], 10%% or all; again for the next stage"
        f" (default: {', then '.join(DEFAULT_STAGES).replace('%', '%%')})",
    )  # fmt: skip
    command.add_argument(
        "--healthy-for", type=_duration, default=timedelta(minutes=30), metavar="TIME",
        help="how long a stage has to be well, such as 30m or 1d (default 30m)",
    )  # fmt: skip
    command.add_argument("--allow-older", action="store_true", help="going back is meant")
    for name, text in (
        ("pause", "order nothing further; what is under way goes on"),
        ("resume", "go on; nodes that failed so far are passed over"),
        ("abort", "give up: what no node has begun is called back; updated nodes stay updated"),
    ):
        add(name, change, text)
    command = add("status", status, "how far the roll-out is, and every node in it")
    command.add_argument("--json", action="store_true", help="print JSON")
    command = add("nodes", nodes, "every node: what it runs, and its update")
    command.add_argument("--json", action="store_true", help="JSON lines")


def _duration(text: str) -> timedelta:
    """Raises ArgumentTypeError."""
    try:
        return timedelta(seconds=parse_duration_s(text))
    except ValueError as err:
        raise argparse.ArgumentTypeError(f"{text!r}: {err}") from err


@contextlib.contextmanager
def _open(settings: HubSettings) -> Iterator[tuple[Archive, Deed]]:
    archive, _ = open_to_write(settings)
    try:
        yield archive, actor().deed
    finally:
        archive.close()


def trust(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Add a maker's key."""
    try:
        text = arguments.key.read_text(encoding="ascii", errors="replace")
    except OSError as err:
        raise storage_error(err, "cannot read", arguments.key) from err
    name = arguments.name or arguments.key.stem
    with _open(settings) as (archive, deed):
        made = replace(deed, action="release.trust", target=f"maker:{name}")
        Shelf(archive.updates, settings.releases_path).trust(text, name, deed.at_utc, made)
    print(f"releases of {name} are taken in from now on")
    return 0


def distrust(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Remove a maker's keys of that name."""
    with _open(settings) as (archive, deed):
        found = [each for each in archive.updates.release_keys() if each.name == arguments.name]
        for each in found:
            made = replace(deed, action="release.distrust", target=f"maker:{each.name}")
            archive.updates.remove_release_key(each.public_key, made)
    print(f"{format_count(len(found), 'key')} removed")
    return 0 if found else 1


def add_file(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Take in a release."""
    with _open(settings) as (archive, deed):
        made = replace(deed, action="release.add", target=f"file:{arguments.file.name}")
        shelf = Shelf(archive.updates, settings.releases_path)
        kept = shelf.add(arguments.file, deed.at_utc, made)
    archs = ", ".join(each.arch for each in kept.release.bundles)
    print(f"release {kept.version} by {kept.maker}, for {archs}; camwatch-hub release roll-out"
          f" {kept.version} sends it")  # fmt: skip
    return 0


def remove(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Forget a release."""
    with _open(settings) as (archive, deed):
        made = replace(deed, action="release.remove", target=f"release:{arguments.version}")
        Shelf(archive.updates, settings.releases_path).remove(arguments.version, made)
    return 0


def list_releases(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """List them."""
    archive = open_to_read(settings)
    try:
        found, keys = archive.updates.releases(), archive.updates.release_keys()
        groups = archive.updates.groups()
    finally:
        archive.close()
    if arguments.json:
        for each in found:
            print(json.dumps({
                "version": each.version, "maker": each.maker, "added_utc": utc_text(each.added_utc),
                "archs": [bundle.arch for bundle in each.release.bundles],
                "notes": each.release.notes,
            }, ensure_ascii=False))  # fmt: skip
        return 0 if found else 1
    rows = [
        (each.version, " ".join(bundle.arch for bundle in each.release.bundles), each.maker,
         local_text(each.added_utc, settings.zone), each.release.notes)
        for each in found
    ]  # fmt: skip
    print("\n".join(table([RELEASE_COLUMNS, *rows])) if rows else "no releases")
    print(
        f"makers: {', '.join(key.name for key in keys) or 'none; camwatch-hub release trust FILE'}"
    )
    for name, members in groups.items():
        print(f"group {name}: {', '.join(members)}")
    return 0 if found else 1


def group_nodes(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Set a group."""
    with _open(settings) as (archive, deed):
        RolloutControl(archive).set_group(arguments.name, arguments.nodes, deed)
    return 0


def roll_out(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Begin."""
    with _open(settings) as (archive, deed):
        begun = RolloutControl(archive).begin(
            arguments.version, arguments.stage, deed, healthy=arguments.healthy_for,
            may_be_older=arguments.allow_older,
        )  # fmt: skip
    for number, stage in enumerate(begun.stages, start=1):
        print(f"stage {number}, {stage.title}: {', '.join(stage.nodes) or 'no node'}")
    print("the running hub sends it; camwatch-hub release status shows how far it is")
    return 0


def change(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Pause, resume, abort."""
    with _open(settings) as (archive, deed):
        control = RolloutControl(archive)
        act = {"pause": control.pause, "resume": control.resume, "abort": control.abort}
        after = act[arguments.action](deed)
    print(f"roll-out of {after.version}: {after.state}")
    return 0


def status(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """The newest roll-out."""
    archive = open_to_read(settings)
    try:
        found = archive.updates.rollouts(limit=1)
        lines = {each.node: each for each in RolloutControl(archive).lines()}
    finally:
        archive.close()
    if not found:
        print("no roll-out was begun yet")
        return 1
    rollout = found[0]
    if arguments.json:
        print(json.dumps(_rollout_json(rollout) | {
            "nodes": {node: lines[node].stage for node in rollout.nodes if node in lines},
        }, ensure_ascii=False))  # fmt: skip
        return 0
    reason = f": {rollout.reason}" if rollout.reason else ""
    print(f"roll-out of {rollout.version}, {rollout.state}{reason}")
    for number, stage in enumerate(rollout.stages):
        mark = ">" if number == rollout.stage and rollout.state != "done" else " "
        print(f"{mark} stage {number + 1}, {stage.title}")
        for node in stage.nodes:
            line = lines.get(node)
            said = None if line is None or line.update is None else line.update.said
            is_begun = line is not None and line.order is not None and (
                line.order.rollout == rollout.id)  # fmt: skip
            text = line.stage if line is not None and is_begun else "not yet"
            more = said.detail if said is not None and is_begun and said.detail else ""
            over = " (passed over)" if node in rollout.passed_over else ""
            print(f"    {node:<24} {text}{over}{f': {more}' if more else ''}")
    return 0


def nodes(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Every node."""
    archive = open_to_read(settings)
    try:
        lines = RolloutControl(archive).lines()
    finally:
        archive.close()
    if arguments.json:
        for each in lines:
            said = None if each.update is None else each.update.said
            print(json.dumps({
                "node": each.node, "online": each.is_online,
                "version": None if said is None else said.version,
                "arch": None if said is None else said.arch,
                "python": None if said is None else said.python,
                "can_update": None if said is None else said.can_update,
                "stage": each.stage or None, "reason": None if said is None else said.reason,
                "wanted": None if said is None else said.wanted,
                "detail": None if said is None else said.detail,
            }, ensure_ascii=False))  # fmt: skip
        return 0 if lines else 1
    rows = []
    for each in lines:
        said = None if each.update is None else each.update.said
        machine = "" if said is None else f"{said.arch}, Python {said.python}"
        if said is not None and not said.can_update:
            machine += ", cannot update itself"
        since = "" if each.update is None else local_text(each.update.since_utc, settings.zone)
        rows.append((
            each.node, "online" if each.is_online else "offline",
            "?" if said is None else said.version, machine, each.stage, since,
            "" if said is None else said.detail or "",
        ))  # fmt: skip
    print("\n".join(table([NODE_COLUMNS, *rows])))
    return 0 if lines else 1


def _rollout_json(rollout: Rollout) -> dict[str, object]:
    return {
        "version": rollout.version, "state": rollout.state, "reason": rollout.reason,
        "stage": rollout.stage + 1, "begun_utc": utc_text(rollout.begun_utc),
        "stages": [{"title": each.title, "nodes": each.nodes} for each in rollout.stages],
        "passed_over": sorted(rollout.passed_over), "failed": sorted(judge.FAILED),
    }  # fmt: skip
