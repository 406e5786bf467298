"""How fast the hub takes in what nodes gathered during an outage, while live events keep coming.

Real signed records over a real Mosquitto, with the limits of config/mosquitto, to a real hub. The
outage ends when the backlog's nodes connect; it is drained when each has the hub's signed word for
its last record. What was lost is counted by comparing what was signed with the rows of the archive.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import pwd
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from edge.base.clock import SystemClock
from edge.contract import record
from edge.keys import PublicKey
from edge.uplink.lanes import WINDOW
from hub.archive import SqliteArchive
from hub.config import load_file
from hub.ingest import inbox
from hub.registry import accounts, identity
from hub.registry.broker_access import BrokerAccess
from scripts.bench import backlog_nodes
from scripts.bench.backlog_nodes import Drained, Key, Lived, Town
from scripts.bench.backlog_sqlite import commit_again
from tests.harness.broker import find_mosquitto, free_port
from tests.harness.child import Child
from tests.harness.link import BrokerAddress
from tests.harness.processes import HubProcess

ROOT = Path(__file__).parents[2]
RECORDS, NODES, LIVE_NODES, LIVE_INTERVAL_S = 100_000, 50, 5, 0.2
PROCESSES = 2
WARM_UP_S = 3.0
AIM_P95_S, AIM_RATIO = 2.0, 0.6
GATHER_TIMEOUT_S, DRAIN_TIMEOUT_S = 600.0, 1800.0

Names = list[tuple[str, str]]
Body = Callable[..., None]


@dataclass(frozen=True)
class Result:
    """One run. Lost and foreign are records that should be in the archive, or should not."""

    records: int
    drain_s: float
    latencies_s: list[float]
    idle_latencies_s: list[float]
    lost: int
    foreign: int
    resent: int
    refused: int
    hub_cpu_s: float
    sqlite_s: float | None
    verify_s: float
    batch: int

    @property
    def ratio(self) -> float | None:
        """Records a second of the drain over those of SQLite alone."""
        return None if self.sqlite_s is None else self.sqlite_s / self.drain_s


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when nothing was lost and the aims were reached."""
    parser = argparse.ArgumentParser(prog="scripts/bench/backlog")
    parser.add_argument("--records", type=int, default=RECORDS, help="in all, default %(default)s")
    parser.add_argument("--nodes", type=int, default=NODES, help="default %(default)s")
    parser.add_argument(
        "--window", type=int, default=WINDOW,
        help="records on their way a node, default the product's: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--batch", type=int, default=inbox.MAX_BATCH,
        help="records a transaction for SQLite alone, default the hub's: %(default)s",
    )  # fmt: skip
    parser.add_argument("--folder", type=Path, help="keep the files here")
    arguments = parser.parse_args(argv)
    with contextlib.ExitStack() as stack:
        folder = arguments.folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="camwatch-backlog-"))
        )
        result = measure(
            folder, arguments.records, arguments.nodes, window=arguments.window,
            batch=arguments.batch, say=lambda text: print(text, flush=True),
        )  # fmt: skip
    return report(result)


def measure(
    folder: Path,
    records: int,
    nodes: int,
    *,
    window: int = WINDOW,
    batch: int = inbox.MAX_BATCH,
    has_baseline: bool = True,
    say: Callable[[str], None] = lambda _text: None,
) -> Result:
    """Gather, drain, compare; everything started is ended."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    hub = HubProcess(folder / "hub", BrokerAddress("127.0.0.1", port), free_port())
    archive = hub.state_dir / "archive.sqlite"
    hub.write_settings()
    quiet, lively = enrol(hub, nodes)
    key = hub.public_key_file().read_text(encoding="ascii")
    town = Town(port, PublicKey.from_text(key).raw, window)
    with contextlib.ExitStack() as stack:
        stack.enter_context(broker(folder, hub, port))
        say(f"{nodes} nodes gather {records} records ...")
        shares = [quiet[number::PROCESSES] for number in range(PROCESSES)]
        counts = [records * len(share) // nodes for share in shares]
        counts[0] += records - sum(counts)
        drains = [
            stack.enter_context(process(backlog_nodes.drain, share, count, town))
            for share, count in zip(shares, counts, strict=True)
            if share
        ]
        living = stack.enter_context(process(backlog_nodes.live, lively, LIVE_INTERVAL_S, town))
        for link in (*drains, living):
            wait(link, GATHER_TIMEOUT_S)
        stack.callback(hub.stop)
        hub.start_ready()
        living.send("go")
        time.sleep(WARM_UP_S)
        say("the outage ends ...")
        cpu_s = cpu_of(hub.pid)
        for link in drains:
            link.send("go")
        told = [wait(link, DRAIN_TIMEOUT_S) for link in drains]
        cpu_s = cpu_of(hub.pid) - cpu_s
        living.send("end")
        lived = wait(living, DRAIN_TIMEOUT_S)
        hub.stop()
    drained = [each for each in told if isinstance(each, Drained)]
    assert isinstance(lived, Lived)
    return judge(archive, folder, drained, lived, cpu_s, batch if has_baseline else 0)


def judge(
    archive: Path, folder: Path, drained: list[Drained], lived: Lived, cpu_s: float, batch: int
) -> Result:
    """Compare the archive with what was signed, and time SQLite alone where `batch` is given."""
    began_s, ended_s = min(d.began_s for d in drained), max(d.ended_s for d in drained)
    sent = set[Key]().union(*(d.keys for d in drained), lived.keys)
    there = set(archived(archive))
    pairs = list(zip(lived.sent_s, lived.latencies_s, strict=True))
    return Result(
        records=sum(len(d.keys) for d in drained),
        drain_s=ended_s - began_s,
        latencies_s=[took for at, took in pairs if began_s <= at <= ended_s],
        idle_latencies_s=[took for at, took in pairs if at < began_s],
        lost=len(sent - there),
        foreign=len(there - sent),
        resent=sum(d.resent for d in drained),
        refused=sum(d.refused for d in drained),
        hub_cpu_s=cpu_s,
        sqlite_s=commit_again(archive, folder / "alone.sqlite", batch) if batch else None,
        verify_s=verify_again(archive) if batch else 0.0,
        batch=batch,
    )


def archived(archive: Path) -> list[Key]:
    """Node, epoch, seq and hash of every row, the hash from the payload and not the column."""
    query = (
        "SELECT nodes.name, epochs.epoch, seq, payload FROM records"
        " JOIN epochs ON epochs.id = epoch_id JOIN nodes ON nodes.id = node_id"
    )
    with contextlib.closing(sqlite3.connect(f"file:{archive}?mode=ro", uri=True)) as db:
        return [
            (name, epoch, seq, record.digest(bytes(payload)))
            for name, epoch, seq, payload in db.execute(query)
        ]


def verify_again(archive: Path) -> float:
    """Seconds to check every archived signature, one after the other: no hub can be faster."""
    query = (
        "SELECT public_key, payload, sig FROM records"
        " JOIN epochs ON epochs.id = epoch_id JOIN nodes ON nodes.id = node_id"
    )
    with contextlib.closing(sqlite3.connect(f"file:{archive}?mode=ro", uri=True)) as db:
        signed = [(bytes(key), bytes(data), bytes(sig)) for key, data, sig in db.execute(query)]
    keys = {raw: PublicKey(raw) for raw, _, _ in signed}
    began_s = time.monotonic()
    if not all(keys[raw].verify(data, sig) for raw, data, sig in signed):
        raise AssertionError("an archived signature is not good")
    return time.monotonic() - began_s


def enrol(hub: HubProcess, nodes: int) -> tuple[Names, Names]:
    """Accounts for the backlog's nodes and for the live ones; name and secret of each."""
    settings = load_file(hub.config_file)
    identity.load_key(settings)
    archive = SqliteArchive(settings.archive_path)
    with contextlib.closing(archive):
        clock = SystemClock()
        groups = ("quiet", nodes), ("live", LIVE_NODES)
        quiet, lively = (
            [
                (name, accounts.add(archive, name, "node", clock))
                for name in (f"{group}-{number}" for number in range(1, count + 1))
            ]
            for group, count in groups
        )
        BrokerAccess(settings, archive).publish()
    return quiet, lively


@contextlib.contextmanager
def broker(folder: Path, hub: HubProcess, port: int) -> Iterator[Child]:
    """A Mosquitto with the limits of the shipped example, and the hub's own users and rights."""
    example = (ROOT / "config" / "mosquitto" / "mosquitto.example.conf").read_text(encoding="utf-8")
    limits = [line for line in example.splitlines() if line.startswith(("max_", "set_", "persi"))]
    path = folder / "mosquitto.conf"
    lines = [
        f"listener {port} 127.0.0.1", "use_username_as_clientid true", "allow_anonymous false",
        f"password_file {hub.passwd_file}", f"acl_file {hub.acl_file}",
        f"user {pwd.getpwuid(os.geteuid()).pw_name}", *limits, "log_dest stderr",
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    child = Child("mosquitto", [find_mosquitto(), "-c", str(path)], folder)
    child.start()
    try:
        yield child
    finally:
        child.stop()


@contextlib.contextmanager
def process(body: Body, *arguments: object) -> Iterator[Connection]:
    """Run `body` with `arguments` and a pipe in a process of its own; our end of the pipe."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=body, args=(*arguments, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        child.join(5)
        if child.is_alive():
            child.kill()
            child.join()


def wait(link: Connection, timeout_s: float) -> object:
    """What a process says next; a dead or silent one is an error."""
    if not link.poll(timeout_s):
        raise TimeoutError(f"a process of the load said nothing for {timeout_s:g} s")
    return link.recv()


def cpu_of(pid: int) -> float:
    """Seconds of processor time that a process has used, proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(result: Result) -> int:
    """Print the figures; the exit status."""
    rate = result.records / result.drain_s
    print(f"{result.records} records drained in {result.drain_s:.1f} s: {rate:.0f} records/s; "
          f"the hub used {result.hub_cpu_s:.1f} s of processor time")  # fmt: skip
    print(f"lost {result.lost}, not ours {result.foreign}, sent again {result.resent}, "
          f"refused by the broker {result.refused}")  # fmt: skip
    live_p95 = p95(result.latencies_s)
    for name, values in (("before", result.idle_latencies_s), ("during", result.latencies_s)):
        if values:
            print(f"live events {name} the drain, publish to signed acknowledgement: "
                  f"p50 {statistics.median(values):.3f} s, p95 {p95(values):.3f} s, "
                  f"worst {max(values):.3f} s, n {len(values)}")  # fmt: skip
    is_good = result.lost == 0 and live_p95 < AIM_P95_S
    if result.ratio is not None and result.sqlite_s is not None:
        print(f"SQLite alone, {result.batch} records a transaction: {result.sqlite_s:.1f} s, "
              f"{result.records / result.sqlite_s:.0f} records/s; "
              f"ratio {result.ratio:.2f}")  # fmt: skip
        print(f"Their signatures checked, and nothing else done, on one core: "
              f"{result.verify_s:.1f} s; with SQLite that alone is a ratio of "
              f"{result.sqlite_s / (result.sqlite_s + result.verify_s):.2f}")  # fmt: skip
        is_good &= result.ratio >= AIM_RATIO
    print(f"Aims: nothing lost, live p95 under {AIM_P95_S:g} s, ratio at least {AIM_RATIO}: "
          f"{'reached' if is_good else 'missed'}")  # fmt: skip
    return 0 if is_good else 1


def p95(values: list[float]) -> float:
    """The smallest value that 95 % do not exceed; 0 for none."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)] if ordered else 0.0


if __name__ == "__main__":
    sys.exit(main())
