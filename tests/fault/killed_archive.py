"""Batches into the archive: records in any order, again and again, and what follows from them."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

from edge.contract import record
from hub.archive import SqliteArchive
from hub.archive.values import Arrival, Batch
from tests.fault.archive_files import read_hub
from tests.fault.event_rules import check_events
from tests.fault.history import History
from tests.fault.kill_loop import Say
from tests.fault.record_rules import check_chains, check_records
from tests.fault.verdict import Verdict
from tests.hub.journals import START_UTC, Journal

EVENTS = 120
MAX_BATCH = 12


class Archive:
    """Two nodes' journals, sent with duplicates and out of order."""

    span_s = 0.05

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._trial = 0
        self._reported: set[str] = set()
        self._journals = [Journal(name, seed=7) for name in ("gate-1", "gate-2")]
        for journal in self._journals:
            for number in range(EVENTS):
                picture = number.to_bytes(4, "big")
                journal.event(clip=b"clip" + picture, snapshot=picture, more_parts=(picture,))
        with contextlib.closing(self._open()) as archive:
            for journal in self._journals:
                archive.pin_key(journal.node, journal.key.public.raw, START_UTC)

    def _open(self) -> SqliteArchive:
        return SqliteArchive(self._folder / "archive.sqlite")

    def work(self, say: Say) -> None:
        """Write batch after batch."""
        rng = random.Random(f"{self._folder}/{self._trial}")
        archive = self._open()
        while True:
            journal = rng.choice(self._journals)
            upto = archive.progress(journal.node, journal.epoch).upto
            near = journal.lines[max(0, upto - 6) : upto + 18]
            lines = [rng.choice(near) for _ in range(rng.randrange(1, MAX_BATCH))]
            arrivals = [
                Arrival(record.decode(line.payload), line.payload, line.signature, line.digest,
                        START_UTC)
                for line in lines
            ]  # fmt: skip
            archive.write(Batch(tuple(arrivals)))
            for line in lines:
                say(line.digest)

    def recover(self, _say: Say) -> None:
        """Opening it is all."""
        self._open().close()

    def judge(self, said: list[str], verdict: Verdict) -> None:
        """All that was committed is there, and all that follows from it, and nothing else."""
        self._trial += 1
        self._reported.update(said)
        hub = read_hub(self._folder)
        verdict.expect(hub.is_sound == "ok", "corrupt", hub.is_sound)
        archived = {each.hash for each in hub.records}
        for digest in self._reported:
            verdict.expect(digest in archived, "lost", digest)
        check_records(verdict, hub, History())
        check_events(verdict, hub, is_drained=False)
        _check_numbers(verdict, self._folder)


def _check_numbers(verdict: Verdict, folder: Path) -> None:
    """Chains and `upto`, but numbers may be missing: they are on their way."""
    chains = Verdict()
    check_chains(chains, read_hub(folder))
    for finding in chains.findings:
        if finding.rule != "missing":
            verdict.find(finding.rule, finding.detail)


def make(folder: Path) -> Archive:
    """The path in an empty folder."""
    return Archive(folder)
