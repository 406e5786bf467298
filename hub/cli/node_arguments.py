"""The arguments of `node` and `reader`."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import TYPE_CHECKING

from edge.base.units import format_duration, parse_duration_s
from hub.cli import accounts, node_files, nodes
from hub.registry.broker_access import PROOF_S
from hub.registry.enrolment import DEFAULT_VALID, MAX_VALID, MIN_VALID

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
    Parser = argparse.ArgumentParser

NAME_HELP = "lower-case letters, digits and -"


def add(commands: Commands, shared: Parser) -> None:
    """Declare them."""
    group = commands.add_parser("node", help="let boxes join, replace them, shut them out")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_add(actions, shared)
    _add_import(actions, shared)
    _add_replace(actions, shared)
    command = actions.add_parser(
        "revoke",
        parents=[shared],
        help="shut a node out at once",
        description="Ends a node's account: its secret and its node files open nothing any more."
        " The broker closes its connection and shows that it did, and this says how soon; after"
        f" {PROOF_S:g} s without that it is an error. Its records stay. `node replace`"
        " lets a box in under that name again.",
    )
    command.add_argument("name", help=NAME_HELP)
    command.set_defaults(run=node_files.revoke)
    command = actions.add_parser("list", parents=[shared], help="the same as `nodes`")
    command.add_argument("--json", action="store_true", help="JSON lines")
    command.set_defaults(run=nodes.run, node=None, over=None)
    readers = commands.add_parser(
        "reader", help="accounts that only read, for home automation and displays"
    )
    command = readers.add_subparsers(dest="action", required=True, metavar="ACTION").add_parser(
        "add", parents=[shared], help="make an account; prints its secret, once"
    )
    command.add_argument("name", help=NAME_HELP)
    command.add_argument(
        "--to", dest="secret_to", metavar="FILE", help="write the secret there, mode 0600"
    )
    command.add_argument("--replace", action="store_true", help="give it a new secret")
    command.set_defaults(run=accounts.add, role="reader")
    command = commands.add_parser("key", parents=[shared], help="print the hub's public key")
    command.set_defaults(run=accounts.print_key)


def _add_add(actions: Commands, shared: Parser) -> None:
    command = actions.add_parser(
        "add",
        parents=[shared],
        help="make a node file, by which a blank box joins",
        description="Makes a node file with a one-time token. On the box: camwatch-edge enrol"
        " FILE. With --secret-to the account is made at once instead, for a box that is set up by"
        " hand.",
    )
    command.add_argument("name", help=NAME_HELP)
    _add_cameras(command)
    command.add_argument("--area", metavar="CODE", help="where its cameras are")
    command.add_argument("--organisation", metavar="CODE", help="whose they are")
    _add_file(command)
    command.add_argument(
        "--secret-to",
        metavar="FILE",
        help="no node file: an account, its secret to FILE (-: shown)",
    )
    command.add_argument(
        "--replace", action="store_true",
        help="with --secret-to: a new secret for a known node; a new key will be accepted",
    )  # fmt: skip
    command.set_defaults(run=node_files.add, role="node")


def _add_import(actions: Commands, shared: Parser) -> None:
    command = actions.add_parser(
        "import",
        parents=[shared],
        help="make node files for all nodes of a CSV file",
        description="Makes a node file for each node of a CSV file, a line for each camera:"
        f" {', '.join(node_files.COLUMNS)}. All or none; a file that is in DIR already stays, and"
        " none is made then.",
    )
    command.add_argument("file", metavar="FILE", help="CSV in UTF-8; - for standard input")
    command.add_argument(
        "--to", required=True, metavar="DIR", help="a folder, made if absent: NAME.node for each"
    )
    command.add_argument("--qr", action="store_true", help="and NAME.png, its QR code")
    _add_valid(command)
    command.set_defaults(run=node_files.import_)


def _add_replace(actions: Commands, shared: Parser) -> None:
    command = actions.add_parser(
        "replace",
        parents=[shared],
        help="make a node file for a new box under a known name",
        description="Makes a new node file for a known node; an older one ends. The name, its"
        " records and places stay. The box that has the name stays in until the new one joins.",
    )
    command.add_argument("name", help=NAME_HELP)
    _add_cameras(command)
    _add_file(command)
    command.add_argument(
        "--now", action="store_true", help="shut the box that has the name out at once"
    )
    command.set_defaults(run=node_files.replace)


def _add_cameras(command: Parser) -> None:
    command.add_argument(
        "--camera", action="append", default=[], metavar="NAME=URL",
        help="a camera, such as gate=rtsp://192.0.2.10/stream1; may be repeated",
    )  # fmt: skip
    command.add_argument(
        "--sub-stream", action="append", default=[], metavar="NAME=URL",
        help="that camera's small stream; may be repeated",
    )  # fmt: skip
    command.add_argument("--camera-user", metavar="USER", help="login at the cameras")
    command.add_argument(
        "--camera-password-file", metavar="FILE", help="file with the password for it, mode 0600"
    )


def _add_file(command: Parser) -> None:
    _add_valid(command)
    command.add_argument(
        "--to", metavar="FILE", help="write the node file there, mode 0600 (default: NAME.node)"
    )
    command.add_argument(
        "--qr", metavar="FILE",
        help="its QR code as a picture, PNG or SVG by the name; - for the terminal",
    )  # fmt: skip


def _add_valid(command: Parser) -> None:
    shown = format_duration(DEFAULT_VALID.total_seconds())
    command.add_argument(
        "--valid", type=_valid, default=DEFAULT_VALID, metavar="TIME",
        help=f"how long the token can be used, such as 24h (default: {shown})",
    )  # fmt: skip


def _valid(text: str) -> timedelta:
    try:
        found = timedelta(seconds=parse_duration_s(text))
    except (ValueError, OverflowError) as err:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 24h or 7d") from err
    if MIN_VALID <= found <= MAX_VALID:
        return found
    limits = [format_duration(each.total_seconds()) for each in (MIN_VALID, MAX_VALID)]
    raise argparse.ArgumentTypeError(f"{text} is not within {limits[0]} to {limits[1]}")
