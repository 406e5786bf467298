"""Fixtures of the hub's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.credentials import Authority
from tests.hub.site import Site


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Certificates for the loopback."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def site(tmp_path: Path, authority: Authority) -> Iterator[Site]:
    """The hub's HTTP side, answering."""
    made = Site(tmp_path, authority)
    yield made
    made.close()
