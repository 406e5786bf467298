"""What an acknowledgement says about a journal: whether it is about this one, and what it settles.

The caller holds both of the journal's locks.
"""

from __future__ import annotations

import contextlib

from edge.base.errors import StorageError
from edge.contract import ack as acks
from edge.outbox.journal import Journal
from edge.outbox.values import AckMismatchError, Gap, announced, clip_name, snapshot_name


def check(journal: Journal, ack: acks.Ack) -> None:
    """That the hub's head is a record of this journal. Raises AckMismatchError, StorageError."""
    newest = max(ack.upto, *ack.also, 0)
    if newest > journal.chain.last_seq:
        raise AckMismatchError(
            f"the hub has record {newest} of this journal, which ends at {journal.chain.last_seq}",
            path=str(journal.path),
            is_beyond=True,
        )
    if not _is_known(journal, ack):
        raise AckMismatchError(
            f"the hub acknowledges record {ack.upto} with a hash that is not this journal's",
            path=str(journal.path),
            is_beyond=False,
        )


def _is_known(journal: Journal, ack: acks.Ack) -> bool:
    if ack.upto < journal.acked_seq:
        return True  # freed before; its hash is no longer here to compare
    if ack.upto == journal.acked_seq:
        return ack.head == journal.acked_hash
    if (signed := journal.unwritten.find(ack.upto)) is not None:
        return ack.head == signed.digest
    if any(gap.first_seq <= ack.upto <= gap.last_seq for gap in journal.gaps):
        return True  # given up before we knew that the hub has it
    return ack.head == journal.readable().hash_of(ack.upto)


def settle(journal: Journal, ack: acks.Ack) -> None:
    """Change memory as the acknowledgement says; the next flush brings the file up to it."""
    unwritten, names = journal.unwritten, _known_files(journal, ack)
    if ack.upto > journal.acked_seq:
        journal.acked_seq, journal.acked_hash = ack.upto, ack.head
        journal.acked_beyond = {seq for seq in journal.acked_beyond if seq > ack.upto}
        unwritten.acked = {seq for seq in unwritten.acked if seq > ack.upto}
        journal.gaps = [gap for gap in journal.gaps if gap.last_seq > ack.upto]
        for first_seq in [each for each, gap in unwritten.gaps.items() if gap.last_seq <= ack.upto]:
            del unwritten.gaps[first_seq]
    given_up = {seq for gap in journal.gaps for seq in ack.also if _holds(gap, seq)}
    new = {seq for seq in ack.also if seq > journal.acked_seq} - journal.acked_beyond - given_up
    journal.acked_beyond |= new
    unwritten.acked |= new
    unwritten.freed |= names


def _holds(gap: Gap, seq: int) -> bool:
    return gap.first_seq <= seq <= gap.last_seq


def _known_files(journal: Journal, ack: acks.Ack) -> set[str]:
    """Of the acknowledged files those that wait here; names in an ack reach no others."""
    wanted = {clip_name(clip) for clip in ack.clips}
    wanted |= {snapshot_name(each) for each in ack.snapshots}
    known = {file.name for each in journal.unwritten.records for file in announced(each)}
    if wanted:
        marks = ",".join("?" * len(wanted))
        with contextlib.suppress(StorageError):  # the hub says it again
            rows = journal.readable().read(
                f"SELECT name FROM files WHERE name IN ({marks})",  # noqa: S608 - marks only
                tuple(wanted),
            )
            known |= {row["name"] for row in rows}
    return wanted & known
