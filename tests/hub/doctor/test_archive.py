"""What the doctor says of nodes by how they stand with the hub."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.archive import SqliteArchive
from hub.archive.audit import Deed
from hub.archive.enrolments import Beginning, NewEnrolment
from hub.archive.values import Credential
from hub.doctor.archive import nodes

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[SqliteArchive]:
    """An archive without nodes."""
    opened = SqliteArchive(tmp_path / "archive.sqlite")
    yield opened
    opened.close()


def deed(action: str, at_utc: datetime = NOW) -> Deed:
    return Deed(at_utc, "an", "command", "", action, "node:gate-3")


def begin(archive: SqliteArchive, token: bytes = b"t" * 32, how: Beginning = "new") -> None:
    """A node file of gate-3 for a day."""
    archive.enrolments.begin(
        [NewEnrolment("gate-3", token, NOW + DAY, b"")], how, [deed("node.add")]
    )


def redeem(archive: SqliteArchive) -> None:
    """A box came with that file."""
    account = Credential("gate-3", "node", b"s" * 32, "$7$x", NOW)
    assert archive.enrolments.redeem(b"t" * 32, b"k" * 32, account, deed("node.enrol"))


def said(archive: SqliteArchive, now: datetime) -> list[tuple[str, str, str, str]]:
    return [(each.check, each.outcome, each.text, each.remedy) for each in nodes(archive, now)]


def test_a_node_that_is_awaited_is_no_fault(archive: SqliteArchive) -> None:
    """Its card is on its way."""
    begin(archive)
    ((check, outcome, text, _),) = said(archive, NOW + HOUR)
    assert (check, outcome) == ("node.gate-3", "pass")
    assert text == "it is awaited: its node file can be used for 23h00m more"


def test_a_node_file_that_ended_unused_is_told_with_the_command_for_a_new_one(
    archive: SqliteArchive,
) -> None:
    """Nobody can come with it."""
    begin(archive)
    ((check, outcome, text, remedy),) = said(archive, NOW + DAY + HOUR)
    assert (check, outcome) == ("node.gate-3", "warn")
    assert text == "no box came with its node file, which ended 1h00m ago"
    assert remedy == "camwatch-hub node replace gate-3 makes a new one"


def test_a_node_that_was_shut_out_is_not_asked_about(archive: SqliteArchive) -> None:
    """It is to be silent; once it is asked back, it is awaited."""
    begin(archive)
    redeem(archive)
    assert archive.enrolments.revoke("gate-3", deed("node.revoke", NOW + HOUR))
    assert said(archive, NOW + HOUR) == [("nodes", "pass", "every node was shut out", "")]
    begin(archive, b"o" * 32, "replace")
    assert said(archive, NOW + HOUR)[0][:2] == ("node.gate-3", "pass")
    assert said(archive, NOW + DAY)[0][:2] == ("node.gate-3", "warn")


def test_a_node_that_is_in_is_judged_by_what_it_says(archive: SqliteArchive) -> None:
    """Also while another box is awaited under its name."""
    begin(archive)
    redeem(archive)
    begin(archive, b"o" * 32, "replace")
    ((check, outcome, text, _),) = said(archive, NOW + HOUR)
    assert (check, outcome, text) == ("node.gate-3", "warn", "it never came")
