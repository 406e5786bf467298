"""`camwatch-hub user` and `camwatch-hub token`: who may log in, for whom the console is not enough.

The running hub sees every change at once, since it asks the archive at each request.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from dataclasses import replace
from datetime import timedelta

from edge.base.clock import SystemClock, utc_text
from edge.base.errors import CamwatchError
from hub.archive.opening import open_to_read, open_to_write
from hub.archive.people import NewUser, People, Token, User, UserRole
from hub.archive.scope import EVERYTHING, Scope
from hub.cli.render import local_text, table
from hub.cli.trail import actor
from hub.config import HubSettings
from hub.registry import sessions, users
from hub.registry.users import Actor

USER_COLUMNS = ("name", "full name", "role", "sees", "state", "since")
TOKEN_COLUMNS = ("id", "user", "name", "role", "sees", "state", "expires", "last used")


class NoSuchUserError(CamwatchError):
    """A name that nobody has."""


def add(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Add a user; print the link by which they choose a password."""
    scope = _scope_of(arguments) or EVERYTHING
    new = NewUser(arguments.name, arguments.full_name, arguments.role, scope, arguments.language)
    archive, _ = open_to_write(settings)
    try:
        who = actor()
        user = users.add(archive, new, who)
        _print_link(archive.people, user, who, settings)
    finally:
        archive.close()
    return 0


def change(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Change what is given of a user: role, what they see, full name, language."""
    scope = EVERYTHING if arguments.everything else _scope_of(arguments)
    if arguments.everything and (arguments.area or arguments.organisation):
        raise CamwatchError("--everything: not together with --area or --organisation")
    given = (arguments.role, scope, arguments.full_name, arguments.language)
    if all(each is None for each in given):
        raise CamwatchError("say what to change", hint="such as --role operator; see --help")
    archive, _ = open_to_write(settings)
    try:
        user = _user_named(archive.people, arguments.name)
        after = replace(
            user,
            role=arguments.role or user.role,
            scope=user.scope if scope is None else scope,
            full_name=user.full_name if arguments.full_name is None else arguments.full_name,
            language=arguments.language or user.language,
        )
        users.change(archive, user, after, actor())
    finally:
        archive.close()
    return 0


def _scope_of(arguments: argparse.Namespace) -> Scope | None:
    """The areas and organisations that are named; None where none is."""
    if not arguments.area and not arguments.organisation:
        return None
    return Scope(False, frozenset(arguments.area), frozenset(arguments.organisation))


def first(_arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print a link by which somebody becomes the first administrator; 1 when there is one."""
    archive, _ = open_to_write(settings)
    try:
        if not users.needs_first(archive.people):
            print(
                "camwatch-hub: there is an administrator; camwatch-hub user list", file=sys.stderr
            )
            return 1
        who = actor()
        secret = users.invite(archive.people, None, who.deed.at_utc, who)
    finally:
        archive.close()
    print(f"{settings.http.console_url}{users.LINK_PATH}{secret}")
    print(
        "camwatch-hub: within 24 h, the first administrator opens this link once; one from before,"
        " also from the hub's log, works no more",
        file=sys.stderr,
    )
    return 0


def password(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print a link to choose a new password; with --set, ask for it here."""
    given = _ask() if arguments.set else None
    archive, _ = open_to_write(settings)
    try:
        who = actor()
        user = _user_named(archive.people, arguments.name)
        if given is None:
            _print_link(archive.people, user, who, settings)
        else:
            users.set_password(archive.people, user, given, who)
    finally:
        archive.close()
    return 0


def switch(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Disable or enable a user."""
    archive, _ = open_to_write(settings)
    try:
        who = actor()
        user = _user_named(archive.people, arguments.name)
        disabled_utc = who.deed.at_utc if arguments.action == "disable" else None
        users.change(archive, user, replace(user, disabled_utc=disabled_utc), who)
    finally:
        archive.close()
    return 0


def list_users(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the users; 1 when there are none."""
    archive = open_to_read(settings)
    try:
        found = archive.people.users()
    finally:
        archive.close()
    if arguments.json:
        for user in found:
            print(json.dumps(_object(user), ensure_ascii=False))
    elif found:
        rows = [_cells(user, settings) for user in found]
        print("\n".join(table([USER_COLUMNS, *rows])))
    if not found:
        print("camwatch-hub: no user yet; camwatch-hub user first", file=sys.stderr)
    return 0 if found else 1


def add_token(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Make an API token and print it, once."""
    archive, _ = open_to_write(settings)
    try:
        user = _user_named(archive.people, arguments.name)
        life = timedelta(days=arguments.days)
        role: UserRole = arguments.role
        scope = _scope_of(arguments) or EVERYTHING
        _, secret = sessions.add_token(archive, user, arguments.purpose, role, life, actor(), scope)
    finally:
        archive.close()
    print(secret)
    return 0


def list_tokens(_arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the tokens; 1 when there are none."""
    archive = open_to_read(settings)
    try:
        found = archive.people.tokens()
        names = {user.id: user.name for user in archive.people.users()}
    finally:
        archive.close()
    rows = [_token_cells(token, names.get(token.user_id, "?"), settings) for token in found]
    if rows:
        print("\n".join(table([TOKEN_COLUMNS, *rows])))
    return 0 if rows else 1


def revoke_token(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Revoke a token by its number; 1 when there is none that lives."""
    archive, _ = open_to_write(settings)
    try:
        who = actor()
        deed = who.does("token.revoke", f"token:{arguments.id}")
        is_done = archive.people.revoke_token(arguments.id, who.deed.at_utc, deed)
    finally:
        archive.close()
    if not is_done:
        print(f"camwatch-hub: no token {arguments.id} that lives", file=sys.stderr)
    return 0 if is_done else 1


def _ask() -> str:
    """A password from the terminal, twice, or one line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("new password: ")
    if getpass.getpass("again: ") != first:
        raise CamwatchError("the two passwords are not the same")
    return first


def _user_named(people: People, name: str) -> User:
    found = people.user_named(name.strip().lower())
    if found is None:
        raise NoSuchUserError(f"there is no user {name}", hint="camwatch-hub user list")
    return found


def _print_link(people: People, user: User, who: Actor, settings: HubSettings) -> None:
    secret = users.invite(people, user, who.deed.at_utc, who)
    print(f"{settings.http.console_url}{users.LINK_PATH}{secret}")
    print(
        f"camwatch-hub: within 24 h, {user.name} opens this link once and chooses a password",
        file=sys.stderr,
    )


def _cells(user: User, settings: HubSettings) -> tuple[str, ...]:
    return (
        user.name,
        user.full_name or "-",
        user.role,
        _scope_text(user.scope),
        _state(user),
        local_text(user.added_utc, settings.zone),
    )


def _token_cells(token: Token, name: str, settings: HubSettings) -> tuple[str, ...]:
    is_over = token.expires_utc <= SystemClock().utc()
    state = "revoked" if token.revoked_utc else "expired" if is_over else "valid"
    used = "-" if token.used_utc is None else local_text(token.used_utc, settings.zone)
    expires = local_text(token.expires_utc, settings.zone)
    sees = "as the user" if token.scope.is_everything else _scope_text(token.scope)
    return str(token.id), name, token.name, token.role, sees, state, expires, used


def _scope_text(scope: Scope) -> str:
    if scope.is_everything:
        return "everything"
    return ", ".join(sorted(scope.areas) + sorted(scope.organisations)) or "nothing"


def _state(user: User) -> str:
    if user.disabled_utc is not None:
        return "disabled"
    return "active" if user.password_utc is not None else "no password yet"


def _object(user: User) -> dict[str, object]:
    return {
        "name": user.name,
        "full_name": user.full_name,
        "role": user.role,
        "sees_everything": user.scope.is_everything,
        "areas": sorted(user.scope.areas),
        "organisations": sorted(user.scope.organisations),
        "state": _state(user),
        "added_utc": utc_text(user.added_utc),
    }
