"""A process in which a group of parsers is fuzzed: python -m tests.fault.fuzz_child GROUP SCALE.

Its address space is bounded, so that an input which makes a parser ask for memory without end
shows as a MemoryError here and harms nobody else. One JSON line a target goes to standard output.
"""

from __future__ import annotations

import dataclasses
import faulthandler
import json
import logging
import resource
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

from tests.fault import fuzz_disk, fuzz_hub, fuzz_media, fuzz_wire
from tests.fault.fuzz_engine import Target, run

SPARE_BYTES = 512 * 2**20  # beyond what the process has when its seeds are made
GROUPS: dict[str, Callable[[Path], list[Target]]] = {
    "wire": fuzz_wire.targets,
    "media": fuzz_media.targets,
    "disk": fuzz_disk.targets,
    "hub": fuzz_hub.targets,
}


def main(group: str, scale: int) -> None:
    """Fuzz all targets of `group`; ends with a traceback at the first defect."""
    faulthandler.enable()
    warnings.simplefilter("error")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="camwatch-fuzz-") as folder:
        targets = GROUPS[group](Path(folder))
        pages = int(Path("/proc/self/statm").read_text().split()[0])  # proc(5): program size
        limit = pages * resource.getpagesize() + SPARE_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        for target in targets:
            print(json.dumps(dataclasses.asdict(run(target, scale))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
