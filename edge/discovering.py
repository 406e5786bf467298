"""`camwatch-edge discover`: asks for cameras, and says what was searched where none is found."""

from __future__ import annotations

import argparse
import json
import re
import sys
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path

from edge.base.errors import CamwatchError

if typing.TYPE_CHECKING:
    from edge.capture.discover import Camera
    from edge.capture.wsdiscovery import Search

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

EX_USAGE = 2  # as argparse
NONE_ANSWERED = (
    "  A camera that is there may not answer, because",
    "  - it is in another network: no router, VLAN or guest Wi-Fi passes this question on",
    "  - ONVIF is switched off in it, as makers often deliver it: its web page or app has a switch",
    "  - the Wi-Fi filters multicast (client isolation, IGMP snooping): try it by cable",
    "  Where its address is known (the router's list of devices, its app, its label), no search is"
    " needed:",
    "    camwatch-edge discover ADDRESS --user NAME --password-file FILE",
    "    camwatch-edge probe rtsp://ADDRESS/PATH --user NAME --password-file FILE",
)
NONE_NAMED = (
    "  Each line above says why. Where a camera's path is known (its manual, its web page):",
    "    camwatch-edge probe rtsp://ADDRESS/PATH --user NAME --password-file FILE",
)


def declare(commands: Commands) -> None:
    """The command and its arguments."""
    parser = commands.add_parser(
        "discover",
        help="find ONVIF cameras and their streams",
        description="Asks the networks of this box which ONVIF cameras are there, and each of them"
        " which streams it has. Hosts that are given are asked alone, with the login if one is"
        " given. Standard output has the cameras alone, one JSON object a line with --json; what"
        " was searched in vain, and what to do, is on standard error. Exit status: 0 where a"
        " stream was found, 1 where none was or the network cannot be asked, 2 for wrong usage.",
    )
    parser.add_argument("hosts", nargs="*", metavar="HOST", help="ask these cameras only")
    parser.add_argument("--user", help="user name at the given cameras")
    parser.add_argument("--password-file", type=Path, help="file with the password, mode 0600")
    parser.add_argument(
        "--from", dest="addresses", action="append", metavar="ADDRESS",
        help="of this box, to ask from (default: each that it has)",
    )  # fmt: skip
    parser.add_argument(
        "--onvif-port", type=int, action="append", metavar="PORT",
        help="where the given cameras answer by ONVIF (default: the usual ports in turn)",
    )  # fmt: skip
    parser.add_argument("--seconds", type=seconds, default=4.0, help="to listen (default 4)")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    parser.set_defaults(command=_run)


def seconds(text: str) -> float:
    """Of a command line. Raises ArgumentTypeError."""
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", text) and float(text) >= 1:
        return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 999")


def _run(arguments: argparse.Namespace) -> int:
    # Loaded late: no other command needs them.
    from edge.capture import discover, onvif, wsdiscovery
    from edge.capture.login import Login

    if arguments.user and not arguments.hosts:
        print("camwatch-edge: --user: name the cameras that may see that login", file=sys.stderr)
        return EX_USAGE
    if arguments.hosts:
        login = Login(arguments.user, arguments.password_file) if arguments.user else None
        cameras = discover.named(arguments.hosts, arguments.onvif_port or onvif.PORTS, login)
        counts = [_show(each, is_json=arguments.json) for each in cameras]
        return _ended(sum(counts), ("no stream was found", *NONE_NAMED))
    own = wsdiscovery.own_addresses()
    search = _search(arguments.addresses or own, arguments.seconds)
    counts = [_show(each, is_json=arguments.json) for each in discover.asked(search.found)]
    if counts:
        return _ended(sum(counts), ("no stream was found", *NONE_NAMED))
    return _ended(0, nothing_found(search, own, arguments.seconds))


def _search(addresses: Iterable[str], listen_s: float) -> Search:
    from edge.capture import wsdiscovery  # as above

    try:
        return wsdiscovery.seek(addresses, listen_s=listen_s)
    except OSError as err:
        raise CamwatchError(
            f"the network cannot be asked: {err.strerror or err}",
            hint="is the cable in, or the Wi-Fi joined? `ip address` lists this box's addresses,"
            " of which --from takes one",
        ) from err


def _show(camera: Camera, *, is_json: bool) -> int:
    """Print it; how many streams it names."""
    text = json.dumps(camera.to_json(), ensure_ascii=False)
    print(text if is_json else "\n".join(camera.lines()), flush=True)
    return len(camera.streams)


def _ended(streams: int, otherwise: tuple[str, ...]) -> int:
    if streams:
        return 0
    print("camwatch-edge: " + "\n".join(otherwise), file=sys.stderr)
    return 1


def nothing_found(search: Search, names: Mapping[str, str], listen_s: float) -> tuple[str, ...]:
    """What was searched in vain, why that may be, and what to do instead. `names`: of this box's
    interfaces, by address."""

    def place(address: str) -> str:
        return f"{names[address]} ({address})" if address in names else address

    where = ", ".join(map(place, search.asked))
    failed = [f"  {place(each)} could not be asked: {why}" for each, why in search.failed.items()]
    return (f"no camera answered in {listen_s:g} s on {where}", *failed, *NONE_ANSWERED)
