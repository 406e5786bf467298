"""Broker, hub and node as real processes, wired as an installer would wire them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.harness.broker import Broker
from tests.harness.patience import PATIENCE_S
from tests.harness.plugin import HubFactory, NodeFactory
from tests.harness.processes import Enrolment, HubProcess, NodeProcess, Settings

Row = dict[str, Any]
ASK_AGAIN_S = 5.0  # of an archive that has not changed


class Town:
    """A hub on a broker, and nodes that it knows."""

    def __init__(self, broker: Broker, hub: HubFactory, node: NodeFactory) -> None:
        self.broker = broker
        self.hub = hub()
        self._make_node = node

    def enrol(self, name: str) -> Enrolment:
        """Let the hub make a node's credentials, and the broker take them."""
        secret_file = self.hub.add_node(name)
        key_file = self.hub.folder / "hub.pub"
        key_file.write_text(self.hub.command("key").stdout, encoding="utf-8")
        self.broker.adopt(self.hub.passwd_file, self.hub.acl_file)
        return Enrolment(self.broker.address, self.hub.url, secret_file, key_file)

    def add_node(
        self, name: str, cameras: Sequence[Settings], more: Settings | None = None
    ) -> NodeProcess:
        """A node that is enrolled and not yet started."""
        return self._make_node(name, cameras, self.enrol(name), more)

    def query(self, *arguments: str) -> list[Row]:
        """What `camwatch-hub query --json` prints; nothing found is no error."""
        return run_query(self.hub, *arguments)

    def wait_for_events(
        self, is_done: Callable[[list[Row]], bool], timeout_s: float, *arguments: str
    ) -> list[Row]:
        """Ask whenever the archive has changed until the events satisfy `is_done`, for PATIENCE_S
        at least. Asking is a process of its own: again and again without need, it would take more
        of the machine than what is waited for."""
        timeout_s = max(timeout_s, PATIENCE_S)
        limit_s = time.monotonic() + timeout_s
        while True:
            asked_s, before = time.monotonic(), self._archive_stamp()
            rows = self.query(*arguments)
            if is_done(rows):
                return rows
            while self._archive_stamp() == before and time.monotonic() < asked_s + ASK_AGAIN_S:
                time.sleep(0.1)
            assert time.monotonic() < limit_s, f"after {timeout_s} s the archive holds {rows}"

    def _archive_stamp(self) -> list[tuple[int, int]]:
        """Differs after each commit to the hub's archive."""
        files = [self.hub.state_dir / f"archive.sqlite{end}" for end in ("", "-wal")]
        stats = [path.stat() for path in files if path.exists()]
        return [(stat.st_mtime_ns, stat.st_size) for stat in stats]

    def clip(self, event: str, part: int, target: Path) -> Path:
        """`camwatch-hub clip`: one part of an event's clip, verified by the hub."""
        done = self.hub.command("clip", event, "--part", str(part), "-o", str(target))
        assert done.returncode == 0, done.stderr
        return target


def run_query(hub: HubProcess, *arguments: str) -> list[Row]:
    """The events that `camwatch-hub query --json` prints."""
    done = hub.command("query", "--json", "--limit", "1000", *arguments)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
