"""Nuisances change pictures, the same ones each time, and keep their shape."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.bench.made_nuisances import MAKERS

WIDTH, HEIGHT = 160, 90


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_a_nuisance_disturbs_within_a_minute_and_can_be_made_again(kind: str) -> None:
    """By its seed and the time alone."""
    rng = np.random.default_rng(1)
    picture = rng.uniform(40, 200, (HEIGHT, WIDTH, 3)).astype(np.float32)
    one, other = (MAKERS[kind](WIDTH, HEIGHT, 7) for _ in range(2))
    most = 0  # pixels that change by 8 levels or more: midges are few and small
    for number in range(60):
        made = one.apply(picture.copy(), number / 1.9)
        assert made.shape == picture.shape
        assert np.array_equal(made, other.apply(picture.copy(), number / 1.9))
        most = max(most, int((np.abs(made - picture).max(axis=2) >= 8).sum()))
    assert most >= 5
