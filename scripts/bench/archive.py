"""How long an operator's questions take in a large archive. See the script of the same name."""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from hub.archive import SqliteArchive
from hub.archive.scope import EVERYTHING
from scripts.bench import archive_asked, archive_fill, archive_questions
from scripts.bench.archive_asked import AskedArchive, AskedHub
from tests.harness.broker import HUB, Broker, free_port
from tests.harness.credentials import Authority
from tests.harness.processes import HubProcess

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Fill, ask, print; 1 when an aim is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--keep", type=Path, metavar="DIR")
    parser.add_argument("--interface", action="store_true")
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ask is not None:
        return _ask_archive(arguments.ask, arguments.rounds)
    with tempfile.TemporaryDirectory(prefix="camwatch-archive-") as made:
        folder: Path = arguments.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "archive.sqlite"
        if not path.exists():
            print(f"filling {path} with {arguments.events} events", flush=True)
            part = folder / "filling.sqlite"
            part.unlink(missing_ok=True)
            archive_fill.fill(part, arguments.events)
            part.rename(path)
        size = sum(each.stat().st_size for each in folder.iterdir()) / 2**30
        print(f"{size:.1f} GiB; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        if not arguments.interface:
            with tempfile.TemporaryDirectory(prefix="camwatch-archive-hub-") as made_for_hub:
                return _ask_hub(path, Path(made_for_hub), arguments.rounds)
        command = [sys.executable, __file__, "--ask", str(path), "--rounds", str(arguments.rounds)]
        return subprocess.run(command, cwd=ROOT, check=False).returncode


def _ask_archive(path: Path, rounds: int) -> int:
    """Ask the archive's interface, in this process."""
    rng = random.Random(7)
    archive = SqliteArchive(path, is_read_only=True)
    registry = archive.registry()
    try:
        asked = AskedArchive(archive, archive_asked.some_scopes(registry, rng))
        return archive_questions.ask(asked, registry, rounds, rng)
    finally:
        archive.close()


def _ask_hub(path: Path, folder: Path, rounds: int) -> int:
    """Start a hub with its broker on the archive, and ask it over HTTPS with tokens."""
    rng = random.Random(7)
    archive = SqliteArchive(path)
    registry = archive.registry()
    scopes = [EVERYTHING, *archive_asked.some_scopes(registry, rng)]
    tokens = archive_asked.add_users(archive, scopes, f"bench-{os.getpid()}")
    archive.close()
    with contextlib.ExitStack() as stack:
        broker = Broker(folder / "broker")
        stack.callback(broker.stop)
        broker.start()
        hub = HubProcess(
            folder / "hub", broker.address, free_port(),
            secret_file=broker.secret_file(HUB), authority=Authority(folder / "tls"),
            more={"archive_dir": str(path.parent), "log_level": "warning"},
        )  # fmt: skip
        accepted = hub.command("accept-archive")
        if accepted.returncode != 0:
            raise RuntimeError(accepted.stderr)
        stack.callback(hub.stop)
        hub.start_ready()
        asked = AskedHub(hub, tokens)
        stack.callback(asked.close)
        return archive_questions.ask(asked, registry, rounds, rng)


if __name__ == "__main__":
    sys.exit(main())
