"""What every archive must tell of cameras' time."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from edge.contract.record import Span
from edge.contract.status import Status
from hub.archive import Archive
from hub.archive.event_state import from_ms
from hub.archive.values import Batch, CameraKey, StatusNote, Stretch
from tests.hub.archive.conformance import batch
from tests.hub.journals import BOOT, START_UTC, Journal, Line

DOOR = CameraKey("gate-1", "door")
BEFORE = timedelta(days=-20000)


def minute(number: float) -> datetime:
    """That long after the start."""
    return START_UTC + timedelta(minutes=number)


def told(
    archive: Archive, since: float, until: float, key: CameraKey = DOOR
) -> list[tuple[float, float, str, str | None]]:
    """The stretches between two minutes, in minutes."""

    def number(millis: int) -> float:
        return round((from_ms(millis) - START_UTC) / timedelta(minutes=1), 3)

    found = archive.coverage(key, minute(since), minute(until))
    return [(number(x.from_ms), number(x.to_ms), x.state, x.cause) for x in found]


class CoverageConformance:
    """Subclasses give a fixture `archive`."""

    @pytest.mark.parametrize("seed", range(5))
    def test_accounts_become_stretches_whatever_their_order(
        self, archive: Archive, seed: int
    ) -> None:
        """Watched, blind with its cause, and unknown where nobody spoke; each account once."""
        journal = Journal()
        spans = [Span(0, 60_000, "watched"), Span(60_000, 90_000, "blind", "stream_lost")]
        lines = [
            journal.booted(),
            journal.watched(minute(0), minute(5)),
            journal.account(minute(5), minute(6.5), spans),
            journal.watched(minute(8), minute(10)),
        ]
        lines += lines
        random.Random(seed).shuffle(lines)
        for line in lines:
            archive.write(batch([line]))
        assert told(archive, -1, 11) == [
            (-1, 0, "unknown", "not_heard"),
            (0, 6, "watched", None),
            (6, 6.5, "blind", "stream_lost"),
            (6.5, 8, "unknown", "not_heard"),
            (8, 10, "watched", None),
            (10, 11, "unknown", "not_heard"),
        ]

    def test_time_between_two_runs_is_blind_because_the_node_was_off(
        self, archive: Archive
    ) -> None:
        """Inferred from the start that stands between the accounts; also a day later, and where
        the question begins or ends within."""
        journal = Journal()
        lines = [journal.booted(), journal.watched(minute(0), minute(5))]
        journal.now_utc = minute(2000)
        journal.reboot("c" * 32)
        lines += [journal.booted(), journal.watched(minute(2000), minute(2005))]
        archive.write(batch(lines))
        off = "node_off"
        assert told(archive, 0, 2005) == [
            (0, 5, "watched", None), (5, 2000, "blind", off), (2000, 2005, "watched", None),
        ]  # fmt: skip
        assert told(archive, 100, 200) == [(100, 200, "blind", off)]
        assert told(archive, 4, 6) == [(4, 5, "watched", None), (5, 6, "blind", off)]
        assert told(archive, 1999, 2001) == [
            (1999, 2000, "blind", off),
            (2000, 2001, "watched", None),
        ]

    def test_time_that_an_update_took_says_so(self, archive: Archive) -> None:
        """By the versions that the starts around it tell; also one that was taken back."""
        journal = Journal()
        lines = [journal.booted("0.1.0"), journal.watched(minute(0), minute(5))]
        lines += [journal.booted("0.2.0"), journal.watched(minute(6), minute(8))]
        lines += [journal.booted("0.3.0"), journal.booted("0.2.0")]
        lines += [journal.watched(minute(9), minute(10)), journal.booted("0.2.0")]
        lines += [journal.watched(minute(11), minute(12))]
        archive.write(batch(lines))
        found = archive.coverage(DOOR, minute(0), minute(12))
        assert [each.detail for each in found if each.cause == "node_off"] == [
            "update from 0.1.0 to 0.2.0", "update to 0.3.0 taken back", None,
        ]  # fmt: skip

    def test_time_between_runs_is_unknown_while_records_between_are_missing(
        self, archive: Archive
    ) -> None:
        """What is missing may tell another story."""
        journal = Journal()
        lines = [journal.booted(), journal.watched(minute(0), minute(5)), journal.booted()]
        lines += [journal.booted(), journal.watched(minute(9), minute(10))]
        archive.write(batch([lines[0], lines[1], lines[3], lines[4]]))
        assert told(archive, 5, 9) == [(5, 9, "unknown", "records_missing")]
        archive.write(batch([lines[2]]))
        assert told(archive, 5, 9) == [(5, 9, "blind", "node_off")]

    def test_a_new_journal_proves_nothing_of_the_time_before_it(self, archive: Archive) -> None:
        """Whether the node was off, or wrote to a card that is gone, nobody knows."""
        old, new = Journal(seed=1), Journal(seed=2)
        archive.write(batch([old.watched(minute(0), minute(5))]))
        archive.write(batch([new.booted(), new.watched(minute(9), minute(10))]))
        assert told(archive, 5, 9) == [(5, 9, "unknown", "not_heard")]

    def test_where_accounts_contradict_each_other_the_worse_holds(self, archive: Archive) -> None:
        """A camera is not watched because one of two says so."""
        journal = Journal()
        blind = Span(0, 120_000, "blind", "frozen")
        archive.write(batch([journal.watched(minute(0), minute(10))]))
        archive.write(batch([journal.account(minute(4), minute(6), [blind])]))
        archive.write(batch([journal.watched(minute(3), minute(8))]))
        assert told(archive, 0, 10) == [
            (0, 4, "watched", None), (4, 6, "blind", "frozen"), (6, 10, "watched", None),
        ]  # fmt: skip

    def test_a_slewed_clock_leaves_no_cracks_between_accounts(self, archive: Archive) -> None:
        """Two accounts that meet on the monotonic clock meet, though wall times differ a little."""
        for wrong_ms in (-40, 40):
            node = f"gate{wrong_ms}".replace("-", "x")
            journal = Journal(node)
            lines = [journal.watched(minute(0), minute(5))]
            journal.wrong_by = timedelta(milliseconds=wrong_ms)
            lines.append(journal.watched(minute(5), minute(10)))
            archive.write(batch(lines))
            found = archive.coverage(CameraKey(node, "door"), minute(0), minute(9))
            assert [each.state for each in found] == ["watched"]

    def test_a_stepped_clock_leaves_time_that_nobody_saw(self, archive: Archive) -> None:
        """An hour that the node's wall clock jumped over is not watched."""
        journal = Journal()
        journal.wrong_by = timedelta(hours=-1)
        lines = [journal.watched(minute(60), minute(65))]
        journal.wrong_by = timedelta(0)
        lines.append(journal.watched(minute(65), minute(70)))
        archive.write(batch(lines))
        assert told(archive, 0, 70) == [
            (0, 5, "watched", None), (5, 65, "unknown", "clock_stepped"), (65, 70, "watched", None),
        ]  # fmt: skip

    @pytest.mark.parametrize("is_anchor_first", [True, False])
    def test_accounts_before_the_sync_are_placed_by_it(
        self, archive: Archive, is_anchor_first: bool
    ) -> None:
        """Until then the time is unknown, never watched."""
        journal = Journal()
        journal.reboot("c" * 32, clock="unsynced", wrong_by=BEFORE)
        account = journal.watched(minute(0), minute(5))
        anchor = journal.sync()
        lines: list[Line] = [anchor, account] if is_anchor_first else [account, anchor]
        archive.write(batch(lines[:1]))
        states = {state for _, _, state, _ in told(archive, -1000, 1000)}
        assert states == {"unknown"}
        archive.write(batch(lines[1:]))
        assert told(archive, 0, 6) == [(0, 5, "watched", None), (5, 6, "unknown", "not_heard")]

    def test_an_account_of_a_clock_never_set_says_so(self, archive: Archive) -> None:
        """Somewhere about then something was watched, but nobody knows when."""
        journal = Journal()
        journal.now_utc = minute(5)
        journal.reboot("c" * 32, clock="unsynced", wrong_by=BEFORE)
        archive.write(batch([journal.watched(minute(5), minute(7))]))
        found = archive.coverage(DOOR, minute(-30), minute(30))
        assert {each.state for each in found} == {"unknown"}
        assert "clock_unknown" in {each.cause for each in found}

    def test_months_are_answered_from_the_accounts_in_them(self, archive: Archive) -> None:
        """Every five minutes of ninety days, and one blind minute among them."""
        journal = Journal()
        lines = []
        for number in range(0, 90 * 288, 4):
            spans = [Span(part * 300_000, (part + 1) * 300_000, "watched") for part in range(4)]
            if number == 4000:
                spans[1:2] = [
                    Span(300_000, 360_000, "blind", "black"), Span(360_000, 600_000, "watched"),
                ]  # fmt: skip
            lines.append(journal.account(minute(number * 5), minute(number * 5 + 20), spans))
        for start in range(0, len(lines), 1000):
            archive.write(batch(lines[start : start + 1000]))
        end = 90 * 1440
        assert told(archive, 0, end) == [
            (0, 20005, "watched", None), (20005, 20006, "blind", "black"),
            (20006, end, "watched", None),
        ]  # fmt: skip

    def test_cameras_are_those_that_a_node_names_or_accounts_for(self, archive: Archive) -> None:
        """Also one that is no longer set, and one that has not yet given an account."""
        status = Status(1, "online", BOOT, "0.1.0", "a" * 16, "A" * 43 + "=", ("yard",))
        archive.write(Batch(statuses=(StatusNote("gate-2", status, START_UTC),)))
        for node in ("gate-2", "gate-1"):
            journal = Journal(node)
            archive.write(batch([journal.watched(minute(0), minute(5), camera=c) for c in "ab"]))
        assert [tuple(key) for key in archive.cameras()] == [
            ("gate-1", "a"), ("gate-1", "b"), ("gate-2", "a"), ("gate-2", "b"), ("gate-2", "yard"),
        ]  # fmt: skip

    def test_of_a_camera_nobody_knows_all_is_unknown(self, archive: Archive) -> None:
        """Nothing heard is not nothing wrong."""
        found = archive.coverage(CameraKey("gate-9", "x"), minute(0), minute(5))
        start = round(minute(0).timestamp() * 1000)
        assert found == (Stretch(start, start + 300_000, "unknown", "not_heard"),)
