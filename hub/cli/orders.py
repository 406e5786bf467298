"""`camwatch-hub command NODE ...`: have a node do something, through the hub that runs here.

Through the hub and not by a connection of its own: the broker lets one client in for each account,
the hub holds the nodes' nonces, and so there is one place that signs, logs and counts.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.base import durable
from edge.contract import command as commands
from edge.keys import PublicKey
from hub.archive.opening import open_to_read
from hub.cli.known_names import refuse_unknown_in
from hub.config import HubSettings
from hub.control.client import HubLine

STDOUT = "-"

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def declare(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """The arguments."""
    group = commands.add_parser(
        "command",
        help="have a node do something now",
        description="Has a node do something, through the hub that runs on this machine.",
    )
    group.add_argument("node", metavar="NODE", help="which node")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    action = actions.add_parser("snapshot", parents=[shared], help="send a picture of now")
    action.add_argument("camera", metavar="CAMERA", help="of this camera")
    action.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="a JPEG; - for standard output"
    )
    action.set_defaults(run=snapshot)
    action = actions.add_parser(
        "restart", parents=[shared], help="end the agent; its supervisor starts it again"
    )
    action.set_defaults(run=restart)
    action = actions.add_parser(
        "prove-key", parents=[shared], help="prove that it holds the key that is known here"
    )
    action.add_argument("--json", action="store_true", help="challenge and signature, as JSON")
    action.set_defaults(run=prove_key)


def snapshot(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Write the camera's picture of now; 0 once it is there."""
    refuse_unknown_in(settings, arguments.node)
    wish = _wish(arguments, commands.SNAPSHOT_NOW) | {"camera": arguments.camera}
    with HubLine(settings.state_path, wish) as line:
        picture = line.read(int(str(line.answer["picture_bytes"])))
    if arguments.output == STDOUT:
        sys.stdout.buffer.write(picture)
    else:
        durable.write_file(Path(arguments.output), picture)
    return 0


def restart(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Have the agent end, so that its supervisor starts it again; 0 once it said that it does."""
    refuse_unknown_in(settings, arguments.node)
    with HubLine(settings.state_path, _wish(arguments, commands.RESTART)):
        print(f"{arguments.node} restarts")
    return 0


def prove_key(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Have the node sign a challenge; 0 when it holds the key that is pinned for it."""
    refuse_unknown_in(settings, arguments.node)
    with HubLine(settings.state_path, _wish(arguments, commands.PROVE_KEY)) as line:
        answer = line.answer
    archive = open_to_read(settings)
    try:
        key = PublicKey(archive.pinned_keys()[arguments.node])
    finally:
        archive.close()
    if arguments.json:
        print(json.dumps(answer | {"key": key.text}))
    else:
        print(f"{arguments.node} holds its key, fingerprint {key.fingerprint}")
    return 0


def _wish(arguments: argparse.Namespace, name: str) -> dict[str, object]:
    return {"ask": "command", "node": arguments.node, "name": name}
