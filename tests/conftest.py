"""Loads the harness's fixtures for every test, and pytest's own for testing them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["tests.harness.plugin", "pytester"]
SYSTEM = Path(__file__).parent / "system"  # where a test has a whole town, often one of its own


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker, what takes long begins first, so that all workers end together. Needs xdist's
    --no-loadscope-reorder, which keeps this order."""
    if hasattr(config, "workerinput"):
        items.sort(key=_start_rank)


def _start_rank(item: pytest.Item) -> int:
    is_slow, is_system, is_footage, is_grouped = (
        item.get_closest_marker(name) is not None
        for name in ("slow", "system", "footage", "xdist_group")
    )
    if is_slow:
        return 0
    if is_system:
        return 1 if is_grouped or item.path.parent == SYSTEM else 2
    return 3 if is_footage else 4
