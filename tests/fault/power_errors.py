"""Lets one call of a cycle fail, and holds what came of it against the promises.

The cycle goes on after the error as the product's own threads and supervisors do. Afterwards the
product is started once more on what the process left, and on what a power cut would have left right
after the first promise that followed the error, and at the end; a failed fsync has lost its pages.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fault import power_cut
from tests.fault.power_cut import Check, Live, folder, quiet
from tests.fault.power_disk import FATES, Disk, materialise
from tests.fault.power_tap import DiskFailed, Fault, Tap, errno_name
from tests.fault.power_vfs import tapped

FLUSHES = frozenset({"fsync", "fdatasync", "sqlite sync"})


@dataclass(frozen=True)
class Failure:
    """What went wrong with one injected error."""

    nth: int
    code: int
    call: str
    path: str
    text: str

    def __str__(self) -> str:
        return (
            f"{errno_name(self.code)} at call {self.nth}, {self.call} of {self.path}: {self.text}"
        )


def calls_of(live: Live) -> list[tuple[str, str]]:
    """All calls that a cycle makes when nothing fails: what is called, on which path."""
    return power_cut.record(live).calls


def fail_one(
    live: Live, check: Check, nth: int, code: int, *, is_lasting: bool = False
) -> Iterator[Failure]:
    """One cycle with one error (from `nth` on, all, if `is_lasting`); what broke."""
    fault = Fault(nth, code, is_lasting=is_lasting)
    with folder() as root, quiet():
        life = Path(root) / "life"
        life.mkdir()
        tap = Tap(life)
        tap.fault = fault
        texts: list[str] = []
        try:
            with tap.watching(), tapped(tap):
                live(life, tap)
        except Exception as err:  # noqa: BLE001 - whatever came out is the finding
            texts.append(f"uncaught: {err!r}")
        texts += tap.defects
        if fault.hits:
            texts += _aftermath(Path(root), life, tap, check, is_flush=fault.hits[0][0] in FLUSHES)
        call, path = fault.hits[0] if fault.hits else ("none", "")
        yield from (Failure(nth, code, call, path, text) for text in texts)


def _aftermath(root: Path, life: Path, tap: Tap, check: Check, *, is_flush: bool) -> Iterator[str]:
    """Start again after a kill, and after power cuts."""
    cuts = [len(tap.ops)]
    if is_flush:
        failed = [at for at, op in enumerate(tap.ops) if op.kind == "sync_failed"]
        after = failed[0] if failed else 0
        cuts += [at for at in range(after, len(tap.ops)) if tap.ops[at].kind == "mark"][:1]
    for cut in cuts if is_flush else ():
        done = tap.ops[: cut + 1]
        for fate in FATES[:2]:
            disk = Disk(done)
            state = root / "state"
            tree = disk.crash(fate, random.Random(cut))
            materialise(tree, state)
            marks = [DiskFailed(), *(op.mark for op in done if op.kind == "mark")]
            yield from (f"{text} ({fate.name})" for text in check(state, disk, tree, marks))
            shutil.rmtree(state)
    disk = Disk(tap.ops)
    marks = [DiskFailed(), *(op.mark for op in tap.ops if op.kind == "mark")]
    tree = {str(path.relative_to(life)): path.read_bytes() if path.is_file() else None
            for path in life.rglob("*")}  # fmt: skip
    yield from check(life, disk, tree, marks)
