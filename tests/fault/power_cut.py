"""Cuts the power: which moments, what the disk then does, and what the product makes of it."""

from __future__ import annotations

import contextlib
import itertools
import logging
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.fault.power_disk import FATES, Disk, Fate, Op, Tree, materialise
from tests.fault.power_tap import Tap
from tests.fault.power_vfs import tapped

MEMORY = Path("/dev/shm")  # where a state costs no real flush; any folder will do
STATES, SEED = 600, 7  # of one side, by default; seeded bugs are looked for by the same cuts
Live = Callable[[Path, Tap], None]
Check = Callable[[Path, Disk, Tree, list[object]], Iterator[str]]


@dataclass(frozen=True)
class Cycle:
    """One side's durable life in small, and what checks that nothing promised in it is broken."""

    live: Live
    check: Check


@dataclass(frozen=True)
class Cut:
    """The power goes after the first `at` operations, and the disk treats the rest so."""

    at: int
    fate: Fate
    seed: int


@dataclass
class Report:
    """What became of the states that were tried."""

    states: int = 0
    different: set[int] = field(default_factory=set)
    broken: list[tuple[Cut, str]] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = Counter(text for _, text in self.broken)
        worst = "".join(f"\n  {count} x {text}" for text, count in kinds.most_common(12))
        first = f"\n  first: {self.broken[0][0]}" if self.broken else ""
        return (
            f"{self.states} power cuts, {len(self.different)} different disks, "
            f"{len(self.broken)} broken promises{worst}{first}"
        )


def folder() -> contextlib.AbstractContextManager[str]:
    """A folder for many small states."""
    return tempfile.TemporaryDirectory(prefix="powercut-", dir=MEMORY if MEMORY.is_dir() else None)


def record(live: Live) -> Tap:
    """Run a cycle to its end and note all that it did. Raises what it raises."""
    with folder() as root:
        tap = Tap(Path(root))
        with quiet(), tap.watching(), tapped(tap):
            live(Path(root), tap)
        return tap


def spread(ops: Sequence[Op], count: int, seed: int) -> list[Cut]:
    """`count` cuts. The first two thirds, thinned out evenly: after each promise and each renaming,
    with each fate that could show it to be hasty; before each flush, torn in two ways; at each
    step, with all unflushed lost. Then at random; the end of a run of writes counts as much as any
    other step."""
    rng = random.Random(seed)
    cuts = [Cut(at, fate, seed) for at in _after(ops, "mark") for fate in FATES[:3]]
    cuts += [Cut(at, fate, seed) for at in _after(ops, "rename") for fate in FATES[1:6]]
    for way in range(2):
        torn = itertools.cycle(FATES[5 + way :])
        syncs = _after(ops, "sync")
        cuts += [Cut(at - 1, fate, seed + way) for at, fate in zip(syncs, torn, strict=False)]
    steps = [
        at
        for at, (op, following) in enumerate(itertools.pairwise(ops), start=1)
        if op.kind != "write" or following.kind != "write" or op.path != following.path
    ]
    cuts += [Cut(at, FATES[0], seed) for at in steps]
    most = count * 2 // 3
    if len(cuts) > most:
        cuts = [cuts[number * len(cuts) // most] for number in range(most)]
    while len(cuts) < count:
        at = rng.choice(steps) if rng.random() < 0.8 else rng.randint(0, len(ops))
        cuts.append(Cut(at, rng.choice(FATES), rng.getrandbits(32)))
    return cuts


def _after(ops: Sequence[Op], kind: str) -> list[int]:
    return [at for at, op in enumerate(ops, start=1) if op.kind == kind]


def explore(
    ops: Sequence[Op], check: Check, cuts: Sequence[Cut], *, enough: int | None = None
) -> Report:
    """Try each cut; stop when so many promises are broken."""
    report = Report()
    with folder() as root, quiet():
        for cut in cuts:
            report.states += 1
            done = ops[: cut.at]
            disk = Disk(done)
            tree = disk.crash(cut.fate, random.Random(cut.seed))
            report.different.add(hash((cut.at, *sorted(tree.items(), key=lambda each: each[0]))))
            state = Path(root) / "state"
            materialise(tree, state)
            marks = [op.mark for op in done if op.kind == "mark"]
            report.broken += [(cut, text) for text in check(state, disk, tree, marks)]
            shutil.rmtree(state)
            if enough is not None and len(report.broken) >= enough:
                break
    return report


def cycle(side: str) -> Cycle:
    """That side's life and its check, loaded late: the node's brings FFmpeg and OpenCV along."""
    if side == "node":
        from tests.fault import power_node, power_node_check

        return Cycle(power_node.live, power_node_check.check)
    from tests.fault import power_hub, power_hub_check

    return Cycle(power_hub.live, power_hub_check.check)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The product says much about each recovery; that is not what is tested here."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
