"""Commands in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.cli import trail


@pytest.fixture(autouse=True)
def no_log_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No log-in of this machine's began the test, so that it can say who types."""
    monkeypatch.setattr(trail, "LOGIN_UID", tmp_path / "no loginuid")
