"""Takes over what journals that were moved aside still hold, a chunk a transaction.

Each begins with a journal.gap record that tells what of its epoch can no longer be sent; then what
can be read and the hub does not have is appended again, with its own times and event ids.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from pathlib import Path

from edge.base.errors import StorageError
from edge.contract.errors import ContractError
from edge.outbox import aside
from edge.outbox.chain import Chain, gap_body
from edge.outbox.journal import Journal, Reason
from edge.outbox.salvage import Found, Remains
from edge.outbox.values import Salvage, Signed

log = logging.getLogger(__name__)

CHUNK_RECORDS = 500
KEPT = 4  # journals moved aside that stay for whoever wants to know why, once they are taken over


def take_over(journal: Journal) -> bool:
    """Take over one chunk; false when nothing is left to do, or the disk does not let us."""
    with journal.disk:
        try:
            unfinished = [each for each in aside.moved(journal.path) if not aside.is_done(each)]
            if not unfinished or journal.problem or journal.store is None:
                return False
            _take_chunk(journal, unfinished[0])
        except StorageError as err:
            log.error("a journal moved aside cannot be taken over yet: %s", err)
            return False
        return not journal.problem


def is_complete(journal: Journal) -> bool:
    """Whether every journal moved aside has been taken over. Raises StorageError."""
    return all(aside.is_done(each) for each in aside.moved(journal.path))


def sweep(journal: Journal, *, keep: int = KEPT) -> bool:
    """Remove the oldest ones that were taken over, beyond `keep`; whether any. StorageError."""
    done = [each for each in aside.moved(journal.path) if aside.is_done(each)]
    by_age = sorted(done, key=_age)
    for each in by_age[: max(0, len(by_age) - keep)]:
        log.warning("removing %s, which was taken over", each.name)
        aside.remove(each)
    return len(by_age) > keep


def _age(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime_ns
    return 0


def _take_chunk(journal: Journal, moved: Path) -> None:
    progress = journal.salvages.get(moved.name)
    if progress is not None and progress.is_done:
        aside.mark_done(moved)  # a crash came between the transaction and this
        sweep(journal)
        return
    remains = Remains(moved, journal.chain.key.public)
    try:
        after_seq = progress.after_seq if progress is not None else 0
        found, end_seq = remains.records(after_seq, min(CHUNK_RECORDS, _room(journal)))
        with journal.state:
            if progress is None:
                _introduce(journal, moved, remains)
            for each in found:
                _append_again(journal, each)
            journal.salvages[moved.name] = journal.unwritten.salvages[moved.name] = Salvage(
                moved.name, end_seq, is_done=end_seq == after_seq
            )
    finally:
        remains.close()
    journal.flush()


def _introduce(journal: Journal, moved: Path, remains: Remains) -> None:
    """What was lost, and what no record announces again."""
    reason = journal.reasons.pop(moved.name, Reason("it was found moved aside"))
    epoch = remains.tip.epoch if remains.tip else aside.epoch_of(journal.path, moved)
    first_seq = max(remains.acked_seq, reason.hub_has_upto) + 1
    last_seq = remains.tip.last_seq if remains.tip is not None and reason.is_whole else None
    log.warning("taking over what %s holds", moved.name)
    if last_seq is None or last_seq >= first_seq:
        body = gap_body(
            epoch or aside.UNKNOWN_EPOCH, first_seq, last_seq, reason.cause,
            f"{reason.text}; what can be read follows in epoch {journal.chain.epoch}",
        )  # fmt: skip
        journal.add(lambda chain: chain.append(body))
    for file in remains.files():  # 0: announced and acknowledged before this journal began
        journal.unwritten.files[file.name] = replace(file, seq=0)
    journal.unwritten.open_events += remains.open_events()


def _append_again(journal: Journal, found: Found) -> None:
    def make(chain: Chain) -> Signed:
        return chain.append_again(found.payload, found.priority)

    try:
        journal.add(make)
    except ContractError as err:
        log.error("record %d is not taken over: %s", found.seq, err)


def _room(journal: Journal) -> int:
    """So many records fit into memory beside the gap, should the disk fail right now."""
    return max(1, journal.unwritten.max_records - 1)
