"""Keeps the tests of one recording in one worker, so that it is played once for all of them."""

from __future__ import annotations

from collections.abc import Container, Iterable

import pytest

LONGEST = frozenset({"street-day"})  # as long as all others: ten minutes


def by_recording(
    play: str, names: Iterable[str], slow: Container[str] = ()
) -> pytest.MarkDecorator:
    """Parametrizes `name`; `play` is what the tests share, such as the module's own word for it.

    Those in `slow` are for the long tier.
    """
    return pytest.mark.parametrize(
        "name",
        [
            pytest.param(
                name,
                marks=[of_recording(play, name), *([pytest.mark.slow] if name in slow else [])],
            )
            for name in names
        ],
    )


def of_recording(play: str, name: str) -> pytest.MarkDecorator:
    """For a test of that recording alone."""
    return pytest.mark.xdist_group(f"{play} {name}")
