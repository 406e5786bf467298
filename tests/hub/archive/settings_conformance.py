"""What every archive must do with nodes' settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from edge.contract import applied, names, wanted
from edge.contract.applied import Applied, Failure, FieldProblem
from hub.archive import Archive
from hub.archive.settings_values import AppliedNote, SettingsVersion
from hub.archive.values import Batch
from tests.hub.archive.conformance import OpenArchive
from tests.hub.journals import START_UTC

SETTINGS = {"cameras": {"door": {"motion": {"sensitivity": 4}}}}
LATER = START_UTC + timedelta(seconds=5)


def made(version: int, node: str = "gate-1") -> SettingsVersion:
    """A version as the registry hands it over."""
    document = wanted.Wanted(
        names.VERSION, node, version, START_UTC, "lan", dict(SETTINGS), note="vì sao"
    )
    return SettingsVersion(
        0, node, version, START_UTC, "lan", "vì sao", None, SETTINGS, wanted.encode(document)
    )


def told(version: int, state: applied.State = "applied", **more: object) -> AppliedNote:
    """What a node says."""
    given = {"seen": version, "failure": None} | more
    said = Applied(
        v=names.VERSION, node="gate-1", version=version, state=state, at_utc=START_UTC,
        settings=dict(SETTINGS), **given,  # type: ignore[arg-type]
    )  # fmt: skip
    return AppliedNote(said, applied.encode(said), LATER)


def failed(version: int, outcome: applied.Outcome, reason: str) -> Failure:
    """Why a version is not in effect."""
    problems = (FieldProblem("cameras.door", "is wrong", "mend it"),)
    return Failure(version, outcome, reason, "it is wrong", START_UTC, problems)


class SettingsConformance:
    """Subclasses give a fixture `open_archive`: each call opens the same store anew."""

    @pytest.fixture
    def archive(self, open_archive: OpenArchive) -> Archive:
        """The store, opened once."""
        return open_archive()

    def state_of(self, archive: Archive, version: int) -> str:
        found = archive.settings_version("gate-1", version)
        assert found is not None
        return found.state

    def test_versions_come_back_as_they_were_made(self, open_archive: OpenArchive) -> None:
        """Newest first, after reopening too; of other nodes nothing."""
        archive = open_archive()
        assert archive.settings_versions("gate-1") == []
        for given, newest in ((made(1), 0), (made(2), 1), (made(5), 2)):
            assert archive.add_settings(given, newest=newest) is not None
        assert archive.add_settings(made(1, "gate-2"), newest=0) is not None
        archive.close()
        found = open_archive().settings_versions("gate-1")
        assert [each.version for each in found] == [5, 2, 1]
        bare = replace(found[0], number=0, state_utc=None)
        assert bare == made(5)

    def test_of_two_who_change_the_same_one_is_told(self, archive: Archive) -> None:
        """Nobody overwrites a version that he never saw."""
        assert archive.add_settings(made(1), newest=0) is not None
        assert archive.add_settings(made(1), newest=0) is None
        assert len(archive.settings_versions("gate-1")) == 1

    def test_each_node_s_newest_is_found_once_it_is_new(self, archive: Archive) -> None:
        """So a running hub sends what somebody else's process made."""
        for given in (made(1), made(1, "gate-2"), made(2)):
            archive.add_settings(given, newest=given.version - 1)
        found = archive.newest_settings()
        assert [(each.node, each.version) for each in found] == [("gate-2", 1), ("gate-1", 2)]
        assert archive.newest_settings(after=found[-1].number) == []
        archive.add_settings(made(3), newest=2)
        assert [each.version for each in archive.newest_settings(after=found[-1].number)] == [3]

    def test_what_a_node_says_is_kept_and_noted_for_its_version(self, archive: Archive) -> None:
        """From trial to applied; what it said last is there as it came."""
        archive.add_settings(made(1), newest=0)
        assert self.state_of(archive, 1) == "wanted"
        for state in ("trial", "applied"):
            note = told(1, state)
            archive.write(Batch(applied=(note,)))
            assert self.state_of(archive, 1) == state
            assert archive.applied_settings() == {"gate-1": note}
        assert archive.applied_settings("gate-2") == {}

    def test_a_version_that_failed_says_why(self, archive: Archive) -> None:
        """Refused or rolled back, while the one before stays in effect."""
        for version in (1, 2, 3):
            archive.add_settings(made(version), newest=version - 1)
        archive.write(Batch(applied=(told(1),)))
        archive.write(Batch(applied=(told(1, "pending", seen=2),)))
        assert self.state_of(archive, 2) == "pending"
        rolled_back = failed(2, "rolled_back", "stream")
        archive.write(Batch(applied=(told(1, seen=2, failure=rolled_back),)))
        refused = failed(3, "refused", "invalid")
        archive.write(Batch(applied=(told(1, seen=3, failure=refused),)))
        second = archive.settings_version("gate-1", 2)
        third = archive.settings_version("gate-1", 3)
        assert second is not None
        assert third is not None
        assert (second.state, second.reason, second.detail) == (
            "rolled_back", "stream", "it is wrong"
        )  # fmt: skip
        assert (third.state, third.problems) == ("refused", refused.problems)
        assert self.state_of(archive, 1) == "applied"

    def test_an_old_message_that_was_refused_says_nothing_of_its_version(
        self, archive: Archive
    ) -> None:
        """Somebody replayed version 1; it had been in effect all the same."""
        archive.add_settings(made(1), newest=0)
        archive.add_settings(made(2), newest=1)
        archive.write(Batch(applied=(told(1),)))
        archive.write(Batch(applied=(told(2, failure=failed(1, "refused", "older")),)))
        assert self.state_of(archive, 1) == "applied"
        assert self.state_of(archive, 2) == "applied"
