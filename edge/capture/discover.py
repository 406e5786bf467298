"""`camwatch-edge discover`: which cameras are there, and which streams have they? Never for a node.

Cameras that only answered are asked without a login. A login is used for hosts that a person named,
and shown to each of them once: nobody else gets to see it, and no account gets locked.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import SplitResult, urlunsplit

from edge.capture import onvif
from edge.capture.errors import OpenError
from edge.capture.login import Login
from edge.capture.wsdiscovery import Found

MAX_NAME_CHARS = 64


@dataclass(frozen=True)
class Stream:
    """One of a camera's streams, as it describes it; not opened. Sizes in pixels."""

    address: str
    name: str
    width: int | None
    height: int | None


@dataclass(frozen=True)
class Camera:
    """What answered at `host`. `problem` says why no stream is named."""

    host: str
    name: str
    hardware: str
    streams: tuple[Stream, ...] = ()
    problem: str | None = None

    def lines(self) -> list[str]:
        """For people: the camera, and its streams below it."""
        what = " ".join(each for each in (self.name, self.hardware) if each)
        lines = [f"{self.host}  {what}".rstrip()]
        for each in self.streams:
            size = f"  {each.width}x{each.height}" if each.width and each.height else ""
            lines.append(f"  {each.address}{size}")
        return lines if self.problem is None else [*lines, f"  {self.problem}"]

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return asdict(self)


def named(hosts: Sequence[str], ports: Sequence[int], login: Login | None) -> Iterator[Camera]:
    """The cameras at these hosts, asked with the login. Blocks; raises OpenError for the login's
    file only."""
    password = "" if login is None else login.password()
    user = "" if login is None else login.user
    for host in hosts:
        yield ask(Found(host, ()), ports, user, password)


def asked(answers: Sequence[Found]) -> Iterator[Camera]:
    """The cameras that answered, each asked without a login. Blocks."""
    for found in answers:
        yield ask(found, found.ports or onvif.PORTS, "", "")


def ask(found: Found, ports: Sequence[int], user: str, password: str) -> Camera:
    """Which streams a camera says that it has."""
    try:
        device = onvif.find(found.host, ports, user, password)
        profiles = device.profiles()
    except OpenError as err:
        hint = f"; camwatch-edge discover {found.host} --user NAME --password-file FILE"
        wants_login = err.reason == "unauthorised" and not user
        problem = f"{err.detail}{hint if wants_login else ''}"
        return Camera(found.host, found.name, found.hardware, problem=problem)
    streams = tuple(
        Stream(_here(each.url, found.host), _short(each.name), each.width, each.height)
        for each in profiles
    )
    nothing = None if streams else "it names no stream"
    return Camera(found.host, found.name, found.hardware, streams, nothing)


def _here(url: SplitResult, host: str) -> str:
    """The address on the host that was asked, without a login: a camera behind NAT names another,
    and a stranger might name somebody else's."""
    shown = f"[{host}]" if _is_ipv6(host) else host
    netloc = shown if url.port is None else f"{shown}:{url.port}"
    return urlunsplit(url._replace(netloc=netloc, fragment=""))


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def _short(text: str) -> str:
    return "".join(each for each in text if each.isprintable())[:MAX_NAME_CHARS]
