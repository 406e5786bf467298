"""What nodes gathered during an outage, drained beside live events: nothing is lost or invented."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.bench.backlog import measure
from tests.harness.broker import find_mosquitto
from tests.harness.child import HarnessError

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("backlog")]


@pytest.mark.parametrize(
    ("records", "nodes"),
    [(5_000, 20), pytest.param(100_000, 50, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])],
)
def test_a_backlog_of_many_nodes_is_archived_to_the_last_record(
    records: int, nodes: int, tmp_path: Path
) -> None:
    """What was signed is in the archive, hash by hash, and nothing else; the live nodes' too. How
    long it takes is for scripts/bench/backlog."""
    try:
        find_mosquitto()
    except HarnessError as err:
        pytest.skip(f"{err} ({err.hint})")
    result = measure(tmp_path, records, nodes, has_baseline=False)
    assert result.records == records
    assert (result.lost, result.foreign, result.refused) == (0, 0, 0)
    assert len(result.latencies_s) > 0
