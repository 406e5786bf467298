"""Settings for systemd's own daemons: no word of them may be one that they do not know."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"


@pytest.mark.parametrize(
    ("drop_in", "section", "page"),
    [
        ("journald.conf.d/camwatch.conf", "Journal", "journald.conf"),
        ("system.conf.d/camwatch.conf", "Manager", "system.conf"),
    ],
)
def test_every_key_is_one_of_the_daemons(drop_in: str, section: str, page: str) -> None:
    """As the commented defaults that the package installs list them."""
    shipped = Path("/etc/systemd") / page
    if not shipped.exists():
        pytest.skip(f"{shipped} is not here: apt-get install systemd")
    known = {
        line.lstrip("#").partition("=")[0]
        for line in shipped.read_text(encoding="utf-8").splitlines()
        if "=" in line
    }
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_string((UNITS / drop_in).read_text(encoding="utf-8"))
    assert parser.sections() == [section]
    assert set(parser[section]) <= known


def test_the_log_of_a_node_is_never_written_to_its_card() -> None:
    """In memory, of a bounded size."""
    text = (UNITS / "journald.conf.d" / "camwatch.conf").read_text(encoding="utf-8")
    assert "Storage=volatile" in text and "RuntimeMaxUse=" in text
