"""The end of a trial: a node that the hub owes nothing, ended so that it can add nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from tests.harness.processes import NodeProcess
from tests.system import stage


def end_drained(node: NodeProcess, timeout_s: float) -> None:
    """Kill the node at a moment when no record, file or event waits on it, within `timeout_s`.

    It is held while we look: between a look and the kill, a running one may say something more. One
    that is held in the middle of a commit's flush has written what nobody can read before the next
    recovery, so what the dead one left is looked at, too, and it is started again for that.
    """

    def has_ended() -> bool:
        if not is_drained(node.state_dir):
            return False
        node.pause()
        if not is_drained(node.state_dir):
            node.resume()
            return False
        node.kill()
        if is_drained(node.state_dir):
            return True
        node.start_ready()
        return False

    stage.wait(has_ended, timeout_s, "an empty journal")


def is_drained(state_dir: Path) -> bool:
    """Whether that node's journal holds nothing that waits."""
    uri = f"{(state_dir / 'journal.db').as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=10)) as db:
        (waiting,) = db.execute(
            "SELECT (SELECT count(*) FROM records) + (SELECT count(*) FROM files)"
            " + (SELECT count(*) FROM open_events)"
        ).fetchone()
    return bool(waiting == 0)
