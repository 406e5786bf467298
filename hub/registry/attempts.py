"""Log-ins that failed, counted so that passwords cannot be tried out. In memory, bounded.

Five failures for one user from one address within five minutes, and that address has to wait
(ETSI EN 303 645 provision 5.1-5; Vietnam's Decision 724/QD-BTTTT asks for the same). A third
address cannot lock the user out: addresses are counted apart. Against many addresses at once there
is a larger bound for each user, which does not hold for addresses from which that user logged in
before, and one for each address, whatever users it tries.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

from edge.base.clock import Clock

WINDOW_S = 300.0
MAX_FAILURES = 5  # of one user from one address
MAX_STRANGERS = 50  # of one user from all unknown addresses
MAX_OF_ADDRESS = 30  # of one address for all users
MAX_KEYS = 20_000  # counted at once; the one longest without a failure is forgotten first
IPV6_SITE_BITS = 64  # what one customer has to choose from, RFC 6177


@dataclass
class _Count:
    failures: int
    until_ns: int


class Attempts:
    """The failures of the last minutes. Used by one thread, the event loop's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()

    def wait_s(self, name: str, address: str, *, is_known: bool) -> int:
        """Seconds until the next try is looked at; 0 for now. `is_known`: the user logged in from
        that address before."""
        now_ns = self._clock.mono_ns()
        waits_ns = [0]
        for key, limit in self._limits(name, site_of(address), is_known=is_known):
            count = self._counts.get(key)
            if count is not None and count.until_ns > now_ns and count.failures >= limit:
                waits_ns.append(count.until_ns - now_ns)
        return -(-max(waits_ns) // 1_000_000_000)

    def begin(self, name: str, address: str, *, is_known: bool) -> None:
        """Count a try as failed before it is looked at, so that many at once cannot slip by."""
        now_ns = self._clock.mono_ns()
        window_ns = round(WINDOW_S * 1e9)
        for key, limit in self._limits(name, site_of(address), is_known=is_known):
            count = self._counts.pop(key, None)
            if count is None or count.until_ns <= now_ns:
                count = _Count(0, now_ns + window_ns)
            count.failures += 1
            if count.failures >= limit:
                count.until_ns = now_ns + window_ns
            self._counts[key] = count
        while len(self._counts) > MAX_KEYS:
            self._counts.popitem(last=False)

    def succeeded(self, name: str, address: str, *, is_known: bool) -> None:
        """Forget the user's failures from there: they were the user's own."""
        site = site_of(address)
        own = self._counts.pop((name, site), None)
        for key, _ in self._limits(name, site, is_known=is_known):
            count = self._counts.get(key)
            if count is not None and own is not None:
                count.failures = max(0, count.failures - own.failures)

    def _limits(self, name: str, site: str, *, is_known: bool) -> list[tuple[tuple[str, str], int]]:
        limits = [((name, site), MAX_FAILURES), (("", site), MAX_OF_ADDRESS)]
        return limits if is_known else [*limits, ((name, ""), MAX_STRANGERS)]


def site_of(address: str) -> str:
    """The address, or for IPv6 the network that one customer has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, IPV6_SITE_BITS), strict=False))
    return str(parsed)
