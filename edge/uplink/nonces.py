"""Nonces that this node gave out: each good for one command, for a short time, in this process.

They make a command new without a clock that anybody could set or forge. Nothing is written down:
after a restart no nonce of before is known.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict

from edge.base.clock import Clock
from edge.contract.command import NONCE_LIFE_S

MAX_NONCES = 64  # given out and not used; the oldest is forgotten first


class Nonces:
    """Used by one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._given_ns: OrderedDict[str, int] = OrderedDict()

    def give(self) -> str:
        """A new one."""
        while len(self._given_ns) >= MAX_NONCES:
            self._given_ns.popitem(last=False)
        nonce = secrets.token_hex(16)
        self._given_ns[nonce] = self._clock.mono_ns()
        return nonce

    def take(self, nonce: str | None) -> bool:
        """Whether it was given out lately and not taken before; now it is."""
        given_ns = None if nonce is None else self._given_ns.pop(nonce, None)
        return given_ns is not None and self._clock.mono_ns() - given_ns < NONCE_LIFE_S * 1e9
