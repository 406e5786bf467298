"""`camwatch-hub ca`: the hub's own certificate authority. For root; the running hub has no part."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from edge.base.clock import SystemClock
from edge.base.errors import CamwatchError
from hub.config import HubSettings

if TYPE_CHECKING:
    from hub.authority.files import Places

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

FOLDER, PUBLIC = "/var/lib/camwatch-ca", "/etc/camwatch"
UNITS = ("mosquitto.service", "camwatch-hub.service")


def declare(commands: Commands) -> None:
    """The command and its arguments."""
    group = commands.add_parser("ca", help="the hub's own certificate authority (as root)")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    places = argparse.ArgumentParser(add_help=False)
    places.add_argument("--folder", default=FOLDER, metavar="DIR", help=f"(default: {FOLDER})")
    places.add_argument("--to", default=PUBLIC, metavar="DIR", help=f"(default: {PUBLIC})")
    changing = argparse.ArgumentParser(add_help=False)
    changing.add_argument(
        "--reload", action="store_true", help="have broker and hub take up what changed"
    )
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument(
        "--name", action="append", default=[], metavar="HOST", help="what nodes call this hub"
    )
    named.add_argument(
        "--address", action="append", default=[], metavar="IP", help="the same, an address"
    )
    needs = argparse.ArgumentParser(add_help=False)
    needs.add_argument(
        "--needs", action="append", default=[], metavar="HOST",
        help="change nothing where the certificates would not be for this name or address",
    )  # fmt: skip
    command = _add(actions, "make", [places, changing, named, needs], make,
                   "make it where there is none, and certificates for broker and hub,"
                   " also for all names of before")  # fmt: skip
    command.add_argument(
        "--drop", action="append", default=[], metavar="HOST",
        help="a name or address that they are for no more",
    )  # fmt: skip
    command.add_argument(
        "--own", action="store_true",
        help="also in place of certificates that others made: every node needs a new node file",
    )  # fmt: skip
    command = _add(actions, "renew", [places, changing], renew,
                   "issue what ends soon or does not fit; a timer does this")  # fmt: skip
    command.add_argument("--force", action="store_true", help="all of them, now")
    _add(actions, "show", [places], show, "print what it is and how long all of it lasts")
    command = _add(actions, "use", [places, changing, named, needs], use,
                   "serve with certificates that others made")  # fmt: skip
    command.add_argument("--cert", required=True, metavar="FILE", help="the chain, PEM")
    command.add_argument("--key", required=True, metavar="FILE", help="its private key, PEM")
    command.add_argument("--ca", required=True, metavar="FILE", help="what nodes are to trust, PEM")
    _add(actions, "next", [places, changing, named], prepare,
         "make a successor, which all trust who get hub-ca.pem from now on")  # fmt: skip
    _add(actions, "succeed", [places, changing], succeed, "let the successor sign from now on")


def _add(
    actions: Commands,
    name: str,
    parents: list[argparse.ArgumentParser],
    run: object,
    text: str,
) -> argparse.ArgumentParser:
    command = actions.add_parser(name, parents=parents, help=text, description=text)
    command.set_defaults(run=run, needs_settings=False)
    return command


def make(arguments: argparse.Namespace, _settings: HubSettings | None) -> int:
    """Make the authority and its certificates."""
    from hub.authority import authority, names

    added = names.Names()
    if arguments.name or arguments.address:
        added = names.parse(arguments.name, arguments.address)
    made = authority.make(
        _places(arguments),
        added,
        SystemClock().utc(),
        dropped=names.parse_mixed(arguments.drop),
        needed=names.parse_mixed(arguments.needs),
        is_own=arguments.own,
    )
    return _told(arguments, made)


def renew(arguments: argparse.Namespace, _settings: HubSettings | None) -> int:
    """Issue what is due."""
    from hub.authority import authority

    now = SystemClock().utc()
    issued = authority.renew(_places(arguments), now, is_forced=arguments.force)
    return _told(arguments, issued)


def use(arguments: argparse.Namespace, _settings: HubSettings | None) -> int:
    """Serve with given certificates."""
    from hub.authority import given, names

    files = given.Given(Path(arguments.cert), Path(arguments.key), Path(arguments.ca))
    wanted = names.parse(arguments.name, arguments.address)
    wanted = wanted.and_(names.parse_mixed(arguments.needs))
    return _told(arguments, given.use(_places(arguments), files, wanted))


def prepare(arguments: argparse.Namespace, _settings: HubSettings | None) -> int:
    """Make a successor."""
    from hub.authority import authority, names

    wanted = names.parse(arguments.name, arguments.address)
    now = SystemClock().utc()
    return _told(arguments, authority.prepare_successor(_places(arguments), wanted, now))


def succeed(arguments: argparse.Namespace, _settings: HubSettings | None) -> int:
    """Let the successor sign."""
    from hub.authority import authority

    return _told(arguments, authority.succeed(_places(arguments), SystemClock().utc()))


def show(arguments: argparse.Namespace, _settings: HubSettings | None) -> int:
    """Print what there is; 1 where something is missing."""
    from hub.authority import present

    lines, is_whole = present.lines(_places(arguments))
    print("\n".join(lines))
    return 0 if is_whole else 1


def _places(arguments: argparse.Namespace) -> Places:
    from hub.authority.files import Places

    return Places(Path(arguments.folder), Path(arguments.to))


def _told(arguments: argparse.Namespace, done: list[str]) -> int:
    """Say what was done, and have the servers take it up where that is asked for and due."""
    from hub.authority import authority

    places = _places(arguments)
    for line in done:
        print(line)
    if not done:
        print("nothing to do")
    if arguments.reload and authority.is_reload_due(places):
        _reload()
        authority.reloaded(places)
    return 0


def _reload() -> None:
    """Running servers read their certificates again; connections stay."""
    command = ["systemctl", "try-reload-or-restart", *UNITS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as err:
        raise CamwatchError(f"cannot run systemctl: {err.strerror}") from err
    if done.returncode:
        raise CamwatchError(
            f"broker and hub were not reloaded: {done.stderr.strip()}",
            hint="systemctl reload mosquitto camwatch-hub",
        )
    print("broker and hub have read their certificates again")
