"""Filters as a shell user gives, shares and keeps them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from hub.archive.values import EventFilter, Remark
from hub.cli.main import main
from tests.hub.archive.conformance import batch
from tests.hub.archive.registry_conformance import put
from tests.hub.archive.search_conformance import CAMERAS
from tests.hub.cli.hubs import new_hub
from tests.hub.journals import START_UTC, Journal

TODAY = "2026-03-01"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file whose archive has five events of a small town, one with a note."""
    monkeypatch.setenv("SUDO_USER", "lan")
    path, archive = new_hub(tmp_path, "Asia/Ho_Chi_Minh")
    put(archive, *CAMERAS)
    for number in range(5):
        start_utc = START_UTC + number * timedelta(hours=1)
        journal = Journal("gate-2", seed=number, start_utc=start_utc)
        archive.write(batch(journal.event(duration_ms=1000 + 20_000 * number)))
    newest = archive.events(EventFilter(), limit=1)[0]
    archive.remark(newest, Remark("lan", START_UTC, "confirmed", "Hai người ở đường Đào"))
    archive.close()
    return path


class Shell:
    """Runs commands in this process and gives what they print."""

    def __init__(self, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._config = config
        self._capsys = capsys
        self.error = ""

    def __call__(self, *arguments: str, status: int = 0) -> list[str]:
        assert main(["--config", str(self._config), *arguments]) == status
        out, self.error = self._capsys.readouterr()
        return out.splitlines()

    def starts(self, *arguments: str) -> list[int]:
        """The hours (UTC) at which the events that a query lists started."""
        lines = self("query", "--json", *arguments)
        return [int(json.loads(line)["started_utc"][11:13]) for line in lines]


@pytest.fixture
def shell(config: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A shell over that archive."""
    return Shell(config, capsys)


def test_text_is_found_without_marks(shell: Shell) -> None:
    """In a note and in a name of where it was, both at once."""
    assert shell.starts("--text", "duong dao") == [16]
    assert shell.starts("--text", "nguoi to dan pho 6") == [16]
    assert len(shell.starts("--text", "duong sau")) == 5


def test_durations_bound_both_ways(shell: Shell) -> None:
    """At least, and at most."""
    assert shell.starts("--min-duration", "30s", "--max-duration", "1m") == [14]


def test_a_page_can_be_turned_back(shell: Shell) -> None:
    """The page of the events next newer than a key."""
    lines = [json.loads(line) for line in shell("query", "--json")]
    assert shell.starts("--after", lines[3]["key"], "--limit", "2") == [15, 14]


def test_events_are_counted(shell: Shell) -> None:
    """Without listing them; none is status 1."""
    assert shell("query", "--count") == ["5"]
    assert shell("query", "--count", "--mark", "confirmed") == ["1"]
    assert shell("query", "--count", "--mark", "false-alarm", status=1) == ["0"]


def test_a_link_means_the_same_to_everybody(shell: Shell) -> None:
    """Times are fixed, words in one order; the address before it does not matter."""
    (text,) = shell("filter", "link", "--until", TODAY, "--since", TODAY, "--kind", "motion",
                    "--area", "to-6", "--max-duration", "30s")  # fmt: skip
    assert dict(parse_qsl(text)) == {
        "since": "2026-02-28T17:00:00.000Z", "until": "2026-03-01T17:00:00.000Z",
        "kind": "motion", "area": "to-6", "max_duration": "30s",
    }  # fmt: skip
    assert shell.starts("--link", text) == [13, 12]
    assert shell.starts("--link", f"https://hub.example.org/events?{text}") == [13, 12]
    assert shell("filter", "link", "--link", text) == [text]
    shell("query", "--link", "colour=red", status=2)
    assert "colour: it is no word of a filter" in shell.error


def test_a_filter_is_kept_as_it_was_typed(shell: Shell) -> None:
    """Under a name, for its user alone; options change single words of it."""
    shell("filter", "save", "Đêm qua", "--since", "yesterday", "--mark", "new", "--mark", "seen")
    shell("filter", "save", "long", "--min-duration", "30s")
    assert [json.loads(line) for line in shell("filter", "list", "--json")] == [
        {"name": "long", "filter": "min_duration=30s"},
        {"name": "Đêm qua", "filter": "since=yesterday&mark=new&mark=seen"},
    ]
    assert shell.starts("--saved", "long") == [16, 15, 14]
    assert shell.starts("--saved", "long", "--min-duration", "1m") == [16, 15]
    assert shell.starts("--saved", "long", "--mark", "confirmed") == [16]
    assert shell("filter", "list", "--user", "minh", status=1) == []
    shell("query", "--saved", "short", status=1)
    assert "lan saved no filter 'short'" in shell.error
    shell("filter", "remove", "long")
    shell("filter", "remove", "long", status=1)
    assert len(shell("filter", "list", "--json")) == 1


def test_a_filter_that_means_nothing_is_not_kept(shell: Shell) -> None:
    """Neither wrong words, nor an area that is none, nor an empty name."""
    shell("filter", "save", "x", "--since", "soon", status=2)
    assert "since: 'soon' is not a time" in shell.error
    shell("filter", "save", "x", "--area", "to-77", status=1)
    assert "there is no area to-77" in shell.error
    shell("filter", "save", " ", "--mark", "new", status=2)
    assert "name: 1 to 80 characters" in shell.error
    shell("filter", "list", status=1)
