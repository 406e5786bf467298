"""How long tests wait for what must come: the one place for it.

On a quiet machine it comes within seconds. A limit only ends a test that would wait for ever, so it
is far beyond what a machine needs that does ten other things.
"""

PATIENCE_S = 240.0


def pause_s(took_s: float, least_s: float) -> float:
    """Seconds until something is asked again that took `took_s` to answer.

    Whatever asking costs, a new process it may be, it is done for a fifth of the time: the rest is
    for who is asked, and for other tests.
    """
    return max(least_s, min(3.0, 4 * took_s))
