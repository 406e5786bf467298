"""A process of its own for one cycle: to be traced, or to run on a changed copy of the product.

    python -m tests.fault.power_probe live SIDE FOLDER MARKS    run it there, keep what it promised
    python -m tests.fault.power_probe find SIDE STATES SEARCH   print the first broken promises

`find` tries, by SEARCH, so many power cuts (`cuts`), or an error at every flush (`errors`), and
always what a leftover part must not become.
"""

from __future__ import annotations

import errno
import itertools
import pickle
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import edge
from edge.base.durable import PartFile
from edge.base.errors import StorageError
from tests.fault import power_cut, power_errors
from tests.fault.power_tap import HarnessError, Tap
from tests.fault.power_vfs import tapped

FOUND = 1
ENOUGH = 12  # broken promises


def live(side: str, folder: Path, marks: Path) -> int:
    """Run the cycle; errors end up where the product puts them."""
    tap = Tap(folder)
    with tap.watching(), tapped(tap):
        power_cut.cycle(side).live(folder, tap)
    promised = [op.mark for op in tap.ops if op.kind == "mark"]
    flushes = [(op.kind, op.path) for op in tap.ops if op.kind in ("sync", "sync_dir")]
    marks.write_bytes(pickle.dumps((promised, flushes, tap.defects, tap.troubles)))
    return 0


def find(side: str, states: int, search: str) -> int:
    """Print the first promises that this copy of the product breaks, each once."""
    assert Path(edge.__file__).is_relative_to(Path.cwd()), "not the copy in this folder"
    found: set[str] = set()
    for text in itertools.islice(_broken(side, states, search), ENOUGH):
        if text not in found:
            print(text)
        found.add(text)
    return FOUND if found else 0


def _broken(side: str, states: int, search: str) -> Iterator[str]:
    reused = list(_reused_part())
    yield from reused
    if reused:
        return  # no power cut is needed to show it
    module = power_cut.cycle(side)
    try:
        tap = power_cut.record(module.live)
    except HarnessError as err:
        yield f"live: {err}"
        return
    yield from tap.defects
    if search == "cuts":
        cuts = power_cut.spread(tap.ops, states, seed=power_cut.SEED)
        report = power_cut.explore(tap.ops, module.check, cuts, enough=ENOUGH)
        yield from (f"power cut: {text}" for _, text in report.broken)
        return
    for nth, (call, _) in enumerate(tap.calls, start=1):
        if call in power_errors.FLUSHES and not call.startswith("sqlite"):
            found = power_errors.fail_one(module.live, module.check, nth, errno.EIO)
            yield from (f"error: {failure.text}" for failure in found)


def _reused_part() -> Iterator[str]:
    """Nobody may write into a part that another writer, or a crash, left."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        first = PartFile(path)
        try:
            PartFile(path).leave()
        except StorageError:
            return
        finally:
            first.discard()
        yield "direct: a part that was there is opened for writing"


def main(arguments: list[str]) -> int:
    """The exit status."""
    match arguments:
        case ["live", side, folder, marks]:
            return live(side, Path(folder), Path(marks))
        case ["find", side, states, "cuts" | "errors" as search]:
            return find(side, int(states), search)
    raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
