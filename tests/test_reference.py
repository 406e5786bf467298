"""What is generated from the code for people is what the code says now."""

from __future__ import annotations

from scripts.lib import configuration


def test_the_reference_of_settings_is_not_stale() -> None:
    """After a change of a setting: scripts/write-reference."""
    assert configuration.PAGE.read_text(encoding="utf-8") == configuration.text()
