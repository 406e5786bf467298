"""What a question names and there is not; and that a good question costs little."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.archive import SqliteArchive
from hub.archive.registry_values import Registry
from hub.archive.values import EventFilter
from hub.registry.known import KnownNames
from tests.hub.archive.conformance import batch
from tests.hub.journals import Journal


class Counted(SqliteArchive):
    """An archive that counts how often its registry is asked for."""

    asked = 0

    def registry(self) -> Registry:
        self.asked += 1
        return super().registry()


@pytest.fixture
def archive(tmp_path: Path) -> Counted:
    return Counted(tmp_path / "archive.sqlite")


def test_names_are_gathered_again_for_one_that_is_new_only(archive: Counted) -> None:
    """What is known stays known; what is not may have come meanwhile."""
    names = KnownNames(archive)
    archive.write(batch([Journal("gate-1").booted()]))
    assert [names.problems(EventFilter(node="gate-1")) for _ in range(3)] == [{}, {}, {}]
    assert archive.asked == 1
    assert names.problems(EventFilter(node="gate-2")) == {
        "node": "there is no node gate-2; gate-1?"
    }
    archive.write(batch([Journal("gate-2").booted()]))
    assert names.problems(EventFilter(node="gate-2")) == {}
    assert names.problems(EventFilter(node="gate-1")) == {}
    assert archive.asked == 3
