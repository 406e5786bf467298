"""The arguments of `user`, `token` and `audit`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hub.archive.audit import AuditHead
from hub.archive.people import ROLES
from hub.cli import audit, users
from hub.config import HubSettings

MAX_ENTRIES = 100_000
MAX_DAYS = 366

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Declare them."""
    _add_users(commands, shared)
    _add_tokens(commands, shared)
    _add_audit(commands, shared)


def _add_users(commands: Commands, shared: argparse.ArgumentParser) -> None:
    group = commands.add_parser("user", help="people who may log in to the console")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    command = actions.add_parser(
        "add", parents=[shared], help="add a user; prints a one-time link to choose a password"
    )
    command.add_argument("name", help="to log in with: lower-case letters, digits, dot, - and _")
    command.add_argument("--role", choices=ROLES, default="viewer", help="(default: viewer)")
    command.add_argument("--full-name", default="", metavar="TEXT", help="for people")
    _add_scope(command, "everything")
    command.add_argument("--language", choices=("vi", "en"), help="(default: as the browser asks)")
    command.set_defaults(run=users.add)
    command = actions.add_parser(
        "change", parents=[shared], help="change a user's role, what they see, or their name"
    )
    command.add_argument("name")
    command.add_argument("--role", choices=ROLES)
    command.add_argument("--full-name", metavar="TEXT", help="for people")
    _add_scope(command, "as it was")
    command.add_argument("--everything", action="store_true", help="sees everything from now on")
    command.add_argument("--language", choices=("vi", "en"))
    command.set_defaults(run=users.change)
    command = actions.add_parser(
        "first", parents=[shared],
        help="while nobody can administrate: print a one-time link for the first administrator",
    )  # fmt: skip
    command.set_defaults(run=users.first)
    command = actions.add_parser("list", parents=[shared], help="list users")
    command.add_argument("--json", action="store_true", help="JSON lines")
    command.set_defaults(run=users.list_users)
    for action, text in (
        ("disable", "end a user's sessions and tokens, and let them in no more"),
        ("enable", "let a disabled user in again"),
    ):
        command = actions.add_parser(action, parents=[shared], help=text)
        command.add_argument("name")
        command.set_defaults(run=users.switch)
    command = actions.add_parser(
        "password", parents=[shared], help="print a one-time link to choose a new password"
    )
    command.add_argument("name")
    command.add_argument(
        "--set", action="store_true", help="instead ask for it here, or read it from a pipe"
    )
    command.set_defaults(run=users.password)


def _add_scope(command: argparse.ArgumentParser, otherwise: str) -> None:
    """What is seen; `otherwise` says what where nothing is given."""
    command.add_argument(
        "--area", action="append", default=[], metavar="CODE",
        help=f"sees only this area and what lies in it; may be repeated (default: {otherwise})",
    )  # fmt: skip
    command.add_argument(
        "--organisation", action="append", default=[], metavar="CODE",
        help="sees only this organisation's cameras; may be repeated",
    )  # fmt: skip


def _add_tokens(commands: Commands, shared: argparse.ArgumentParser) -> None:
    group = commands.add_parser("token", help="what programs log in to the API with")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    command = actions.add_parser("add", parents=[shared], help="make one; prints it, once")
    command.add_argument("name", help="of the user in whose name it acts")
    command.add_argument("purpose", help="what it is for, such as 'display in the hall'")
    command.add_argument(
        "--role", choices=ROLES, default="viewer", help="at most this (default: viewer)"
    )
    command.add_argument(
        "--days", type=_days, default=90, metavar="N", help="until it expires (default: 90)"
    )
    _add_scope(command, "all that the user sees")
    command.set_defaults(run=users.add_token)
    command = actions.add_parser("list", parents=[shared], help="list them, without the secrets")
    command.set_defaults(run=users.list_tokens)
    command = actions.add_parser("revoke", parents=[shared], help="end one at once")
    command.add_argument("id", type=int, help="its number in the list")
    command.set_defaults(run=users.revoke_token)


def _add_audit(commands: Commands, shared: argparse.ArgumentParser) -> None:
    command = commands.add_parser(
        "audit",
        parents=[shared],
        help="list who did what, or verify that the list is whole",
        description="Lists who looked at, played, exported or changed what, newest first. With"
        " --verify, checks that no entry was edited or removed. TIME is as for query.",
    )
    command.add_argument("--since", metavar="TIME")
    command.add_argument("--until", metavar="TIME")
    command.add_argument("--user", help="of this user")
    command.add_argument("--action", help="such as clip.play, or clip. for all that begin so")
    command.add_argument("--target", help="such as event:ID")
    command.add_argument("--outcome", choices=("done", "refused"))
    command.add_argument("--limit", type=_limit, default=50, help="at most so many (default: 50)")
    command.add_argument("--before", type=int, metavar="NUMBER", help="older than this entry")
    command.add_argument("--json", action="store_true", help="JSON lines")
    command.add_argument("--verify", action="store_true", help="check all of it, print its head")
    command.add_argument(
        "--head", type=_head, action="append", default=[], metavar="HEAD",
        help="with --verify: a head printed before, which must still be in the trail",
    )  # fmt: skip
    command.set_defaults(run=_audit)


def _audit(arguments: argparse.Namespace, settings: HubSettings) -> int:
    return (audit.verify if arguments.verify else audit.run)(arguments, settings)


def _head(text: str) -> AuditHead:
    try:
        return AuditHead.parse(text)
    except ValueError as err:
        raise argparse.ArgumentTypeError(str(err)) from err


def _days(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_DAYS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to {MAX_DAYS}")


def _limit(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_ENTRIES:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MAX_ENTRIES}")
