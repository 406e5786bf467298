"""How long tests wait for what must come: the one place for it.

On a quiet machine it comes within seconds. A limit only ends a test that would wait for ever, so it
is far beyond what a machine needs that does ten other things.
"""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 240.0
MOST_S = 3.0  # between two questions


def wait_until(
    is_done: Callable[[], object],
    timeout_s: float,
    what: Callable[[], str] = lambda: "it never came to that",
    *,
    poll_s: float = 0.02,
) -> None:
    """Ask again and again; fails the test with `what` after `timeout_s`.

    Whatever asking costs, a new process it may be, it is done for a fifth of the time: the rest is
    for who is asked, and for other tests.
    """
    limit_s = time.monotonic() + timeout_s
    while True:
        asked_s = time.monotonic()
        if is_done():
            return
        answered_s = time.monotonic()
        assert answered_s < limit_s, what()
        time.sleep(max(poll_s, min(MOST_S, 4 * (answered_s - asked_s))))
