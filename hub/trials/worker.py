"""The process that judges: a wish as JSON on its standard input, a JSON line for each slice.

A process of its own, so that the hub goes on answering while it computes, its memory ends with it,
and what nobody waits for any more can be stopped at once. Run as `python -m hub.trials.worker`.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from edge.base.clock import parse_utc, utc_text
from edge.base.errors import CamwatchError
from edge.trace import changes, trial
from edge.trace.trial import Slice

MEMORY_BYTES = 400 * 2**20  # of data; a hostile segment can inflate to more
CPU_S = 120
NICENESS = 10


def main() -> int:
    """Judge until it is done; 1 with a line {"error": ...} where it cannot be."""
    _be_modest()
    wish = json.load(sys.stdin)
    try:
        change = changes.to(wish["motion"], wish["scheduled"])
        files = [(Path(path), size_bytes) for path, size_bytes in wish["files"]]
        since_utc = parse_utc(wish["since_utc"])
        for part in trial.slices(files, wish["camera"], change, since_utc, wish["confirmed"]):
            _say(_plain(part))
    except CamwatchError as err:
        _say({"error": str(err)})
        return 1
    except MemoryError:
        _say({"error": "a segment of the trace is too large to be judged"})
        return 1
    return 0


def _be_modest() -> None:
    """As far as a hardened service may say so of itself."""
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    with contextlib.suppress(OSError):  # where memory runs out, this goes before the hub
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    for what, limit in ((resource.RLIMIT_DATA, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_S)):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (limit, limit))


def _plain(part: Slice) -> dict[str, Any]:
    return {
        "since_utc": utc_text(part.since_utc),
        "until_utc": utc_text(part.until_utc),
        "judged": [[each.event, each.outcome, each.box] for each in part.judged],
        "new": [utc_text(each) for each in part.new],
    }


def _say(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    sys.exit(main())
