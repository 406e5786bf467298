"""Tokens, and the accounts that boxes get for them, in the archive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.contract.status import Status
from hub.archive.audit import AuditFilter, Deed
from hub.archive.enrolments import NewEnrolment, Standing, StandingError, TokenStateError
from hub.archive.sqlite_archive import SqliteArchive
from hub.archive.values import Batch, Credential, StatusNote

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
END = NOW + timedelta(days=1)
TOKEN, OTHER_TOKEN = b"t" * 32, b"o" * 32
STATUS = Status(1, "online", "0" * 32, "1.0", "0" * 16, "A" * 43 + "=", ("door",))
KEY, OTHER_KEY = b"k" * 32, b"j" * 32


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[SqliteArchive]:
    """An archive without nodes."""
    opened = SqliteArchive(tmp_path / "archive.sqlite")
    yield opened
    opened.close()


def deed(action: str, at_utc: datetime = NOW) -> Deed:
    return Deed(at_utc, "an", "command", "", action, "node:gate-3")


def account(secret: bytes = b"s" * 32, name: str = "gate-3") -> Credential:
    return Credential(name, "node", secret, "$7$x", LATER)


def begin(archive: SqliteArchive, token: bytes = TOKEN, how: str = "new") -> None:
    new = NewEnrolment("gate-3", token, END, b"sealed")
    archive.enrolments.begin([new], how, [deed("node.add")])  # type: ignore[arg-type]


def redeem(archive: SqliteArchive, token: bytes = TOKEN, key: bytes = KEY,
           at_utc: datetime = LATER) -> bool:  # fmt: skip
    return archive.enrolments.redeem(token, key, account(), deed("node.enrol", at_utc))


def standing(archive: SqliteArchive, at_utc: datetime = LATER) -> Standing:
    return archive.enrolments.standings(at_utc)["gate-3"]


def test_a_token_makes_an_account_and_pins_the_key(archive: SqliteArchive) -> None:
    """Awaited first, enrolled then; each step is in the trail."""
    begin(archive)
    assert standing(archive) == Standing(awaited_until_utc=END)
    assert archive.credential("gate-3") is None
    assert redeem(archive)
    assert archive.pinned_keys() == {"gate-3": KEY}
    assert archive.credential("gate-3") == account()
    assert standing(archive) == Standing(enrolled_utc=LATER, has_account=True)
    found = archive.audit.entries(AuditFilter(), limit=9)
    assert [each.deed.action for each in found] == ["node.enrol", "node.add"]


def test_the_same_key_may_ask_again_and_no_other(archive: SqliteArchive) -> None:
    """A lost answer is asked for again; a copied card is not."""
    begin(archive)
    assert redeem(archive)
    assert not redeem(archive)
    with pytest.raises(TokenStateError):
        redeem(archive, key=OTHER_KEY)
    assert archive.pinned_keys() == {"gate-3": KEY}


@pytest.mark.parametrize(
    ("token", "at_utc"), [(OTHER_TOKEN, LATER), (TOKEN, END)], ids=["forged", "expired"]
)
def test_other_tokens_change_nothing(
    archive: SqliteArchive, token: bytes, at_utc: datetime
) -> None:
    """Neither one never given out nor one whose time is over."""
    begin(archive)
    with pytest.raises(TokenStateError):
        redeem(archive, token, at_utc=at_utc)
    assert archive.credentials() == []


def test_a_replacement_leaves_the_old_box_in_until_the_new_one_comes(
    archive: SqliteArchive,
) -> None:
    """The old token ends at once, the old account with the new box; its key stays as proof."""
    begin(archive)
    redeem(archive)
    begin(archive, OTHER_TOKEN, "replace")
    assert archive.credential("gate-3") is not None
    assert standing(archive) == Standing(END, LATER, None, True)
    with pytest.raises(TokenStateError):
        redeem(archive)
    assert redeem(archive, OTHER_TOKEN, OTHER_KEY)
    assert archive.pinned_keys() == {"gate-3": OTHER_KEY}
    assert set(archive.public_keys("gate-3")) == {KEY, OTHER_KEY}


def test_a_replacement_now_shuts_the_old_box_out(archive: SqliteArchive) -> None:
    """For a box that is stolen or broken into."""
    begin(archive)
    redeem(archive)
    begin(archive, OTHER_TOKEN, "replace_now")
    assert archive.credential("gate-3") is None
    assert archive.pinned_keys() == {}
    assert archive.public_keys("gate-3") == [KEY]


def test_revoking_ends_account_and_token_and_can_be_undone(archive: SqliteArchive) -> None:
    """The node's name, records and key as proof stay."""
    begin(archive)
    redeem(archive)
    begin(archive, OTHER_TOKEN, "replace")
    assert archive.enrolments.revoke("gate-3", deed("node.revoke", LATER))
    assert standing(archive) == Standing(revoked_utc=LATER)
    with pytest.raises(TokenStateError):
        redeem(archive, OTHER_TOKEN, OTHER_KEY)
    assert not archive.enrolments.revoke("gate-3", deed("node.revoke", LATER))
    begin(archive, b"3" * 32)
    assert redeem(archive, b"3" * 32, KEY)
    assert standing(archive) == Standing(enrolled_utc=LATER, has_account=True)
    assert archive.public_keys("gate-3") == [KEY] or set(archive.public_keys("gate-3")) == {KEY}


def test_an_account_made_by_hand_lets_a_revoked_node_in_again(archive: SqliteArchive) -> None:
    """It counts as neither shut out nor joined by a file."""
    begin(archive)
    redeem(archive)
    archive.enrolments.revoke("gate-3", deed("node.revoke", LATER))
    archive.put_credential(account())
    assert standing(archive) == Standing(has_account=True)


def test_all_or_none_begin(archive: SqliteArchive) -> None:
    """A list with one name that is taken changes nothing."""
    begin(archive)
    new = [NewEnrolment(name, name.encode() * 4, END, b"") for name in ("gate-4", "gate-3")]
    with pytest.raises(StandingError) as caught:
        archive.enrolments.begin(new, "new", [deed("node.add")])
    assert caught.value.nodes == ("gate-3",)
    assert set(archive.enrolments.standings(NOW)) == {"gate-3"}


def test_who_is_not_known_cannot_be_replaced(archive: SqliteArchive) -> None:
    """A typing error makes no node."""
    with pytest.raises(StandingError):
        begin(archive, how="replace")


def test_a_readers_name_is_not_given_to_a_node(archive: SqliteArchive) -> None:
    """A name has one account at the broker."""
    archive.put_credential(Credential("gate-3", "reader", b"s" * 32, "$7$x", NOW))
    with pytest.raises(StandingError):
        begin(archive)


def test_every_change_of_an_account_is_told(archive: SqliteArchive) -> None:
    """What the broker and open requests have to follow."""
    versions = [archive.enrolments.accounts_version()]

    def note() -> None:
        versions.append(archive.enrolments.accounts_version())

    begin(archive)
    redeem(archive)
    note()
    archive.enrolments.revoke("gate-3", deed("node.revoke"))
    note()
    archive.put_credential(account())
    note()
    assert versions == sorted(set(versions))


def test_what_was_sealed_is_kept(archive: SqliteArchive) -> None:
    """The next node file of the same node needs no typing."""
    begin(archive)
    assert archive.enrolments.sealed_cameras("gate-3") == b"sealed"
    assert archive.enrolments.sealed_cameras("gate-4") is None


def test_who_was_heard_of_and_has_no_account_is_shut_out(archive: SqliteArchive) -> None:
    """Not a node that never spoke, and not one that is in, or in again."""
    begin(archive)
    redeem(archive)
    assert archive.enrolments.revoke("gate-3", deed("node.revoke"))
    assert archive.enrolments.shut_out() == []
    archive.write(Batch(statuses=(StatusNote("gate-3", STATUS, LATER),)))
    assert archive.enrolments.shut_out() == ["gate-3"]
    begin(archive, OTHER_TOKEN)
    assert archive.enrolments.shut_out() == ["gate-3"]
    redeem(archive, OTHER_TOKEN)
    assert archive.enrolments.shut_out() == []


def test_a_token_that_ended_unused_is_told_until_a_newer_one_or_the_end(
    archive: SqliteArchive,
) -> None:
    """Whoever waits for that box learns that it cannot come."""
    begin(archive)
    assert standing(archive, END) == Standing(expired_utc=END)
    assert archive.enrolments.revoke("gate-3", deed("node.revoke"))
    assert standing(archive, END) == Standing(revoked_utc=NOW)
