"""What nodes and people may call a hub: host names and addresses, checked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from hub.authority.errors import AuthorityError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# RFC 1123 section 2.1, in lower case; at most 253 characters by RFC 1035 section 2.3.4.
HOST = re.compile(
    r"(?!.{254})[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)


@dataclass(frozen=True)
class Names:
    """Host names in lower case, and addresses; one of both at least."""

    hosts: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()

    @property
    def first(self) -> str:
        """The one that stands for all."""
        return self.hosts[0] if self.hosts else str(self.addresses[0])

    @property
    def all(self) -> list[str]:
        """As text, host names first."""
        return [*self.hosts, *(str(each) for each in self.addresses)]

    def and_(self, more: Names) -> Names:
        """These first, then what `more` adds to them."""
        return Names(
            tuple(dict.fromkeys(self.hosts + more.hosts)),
            tuple(dict.fromkeys(self.addresses + more.addresses)),
        )

    def without(self, others: Names) -> Names:
        """These but for `others`; perhaps none."""
        return Names(
            tuple(each for each in self.hosts if each not in others.hosts),
            tuple(each for each in self.addresses if each not in others.addresses),
        )


def parse(hosts: Sequence[str], addresses: Sequence[str]) -> Names:
    """The names in what somebody typed. Raises AuthorityError that names the wrong one."""
    names = Names(
        tuple(dict.fromkeys(_host(each) for each in hosts)),
        tuple(dict.fromkeys(_address(each) for each in addresses)),
    )
    require_one(names)
    return names


def parse_mixed(texts: Sequence[str]) -> Names:
    """Host names and addresses in one list; perhaps none. Raises AuthorityError."""
    addresses = [each for each in texts if _is_address(each)]
    hosts = [each for each in texts if not _is_address(each)]
    return parse(hosts, addresses) if texts else Names()


def require_one(names: Names) -> None:
    """Raises AuthorityError where there is none."""
    if not names.all:
        raise AuthorityError(
            "a certificate needs a name or an address",
            hint="give what nodes will call this hub: --name HOST or --address IP",
        )


def _host(text: str) -> str:
    host = text.strip().rstrip(".").lower()
    try:
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        host = ""
    if not HOST.fullmatch(host):
        raise AuthorityError(
            f"--name {text[:60]!r} is not a host name", hint="such as hub.example.org, without port"
        )
    if re.fullmatch(r"[0-9.]+", host):
        raise AuthorityError(f"--name {host} is an address", hint=f"--address {host}")
    return host


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return False
    return True


def _address(text: str) -> Address:
    try:
        address = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError as err:
        raise AuthorityError(
            f"--address {text[:60]!r} is not an IP address", hint="such as 192.0.2.1 or 2001:db8::1"
        ) from err
    if address.is_unspecified or address.is_multicast or getattr(address, "scope_id", None):
        raise AuthorityError(f"--address {text[:60]} cannot be reached by nodes")
    return address
