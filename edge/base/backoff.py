"""How long to wait before the next attempt: doubling, capped, with jitter.

Jitter keeps a town's nodes from returning in one instant after an outage.
"""

from __future__ import annotations

import random


class Backoff:
    """Waits of first_s, twice that, ... up to max_s, each spread by up to half, until reset."""

    def __init__(
        self, first_s: float = 0.5, max_s: float = 30.0, *, rng: random.Random | None = None
    ) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._attempts = 0

    def next_s(self) -> float:
        """The wait before the next attempt, in seconds."""
        wait_s = min(self._max_s, self._first_s * 2.0 ** min(self._attempts, 30))
        self._attempts += 1
        return wait_s * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Start again from first_s; call it when an attempt has held."""
        self._attempts = 0
