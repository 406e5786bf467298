"""What a node writes to its card while nobody moves, by file.

strace sees each write and flush of the node's process; what SQLite writes through mapped memory it
does not see, so the kernel's own count of pages made dirty stands beside it (proc_pid_io(5),
write_bytes; nothing on tmpfs). The camera shows noise and nobody; a run in which an event began is
no idle run and fails.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.bench import parties
from scripts.bench.card_writes import Writes, projected, read_trace
from scripts.bench.parties import positive, say
from tests.harness.broker import OBSERVER
from tests.harness.child import Child, HarnessError
from tests.harness.processes import NodeProcess
from tests.harness.traffic import Traffic

MINUTES, WARM_UP_S = 5.0, 60.0
SOURCE = "synthetic:?still=1&width=640&height=360&fps=10"
CALLS = "write,pwrite64,writev,pwritev,pwritev2,ftruncate,fsync,fdatasync,unlink,rename,renameat"
ATTACH_S = 10.0


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when it was an idle run."""
    arguments = _parser().parse_args(argv)
    try:
        with tempfile.TemporaryDirectory(prefix="camwatch-card-", dir=arguments.folder) as folder:
            return measure(Path(folder), arguments)
    except HarnessError as err:
        print(f"scripts/bench/card: {err}", file=sys.stderr)
        return 1


def measure(folder: Path, arguments: argparse.Namespace) -> int:
    """One run. Raises HarnessError."""
    window_s = arguments.minutes * 60
    with contextlib.ExitStack() as stack:
        broker, _, enrolment = parties.start_hub(stack, folder)
        cameras = [
            {"name": f"camera-{number + 1}", "source": arguments.source}
            for number in range(arguments.cameras)
        ]
        node = NodeProcess(parties.NODE, folder / "node", enrolment, cameras)
        stack.callback(node.stop)
        traffic = stack.enter_context(Traffic(broker.address, broker.account(OBSERVER)))
        node.start_ready()
        say(f"warming up for {arguments.warm_up:g} s, then {arguments.minutes:g} minutes ...")
        time.sleep(arguments.warm_up)
        before, said_bytes = _count(traffic), node.err_path.stat().st_size
        dirty_bytes = _dirty_bytes(node.pid)
        lines = _traced(stack, folder, node, window_s)
        dirty_bytes = _dirty_bytes(node.pid) - dirty_bytes
        if not node.is_running:
            raise HarnessError(f"the node ended: {node.tail()}")
        records = _count(traffic) - before
        said_bytes = node.err_path.stat().st_size - said_bytes
        events = sum(b'"event.started"' in each.payload for each in traffic.messages)
    report(read_trace(lines, node.state_dir), dirty_bytes, window_s)
    print(f"{records} records, {said_bytes} bytes of log in {window_s:g} s")
    if events:
        say(f"{events} events began: this was no idle run")
    return 1 if events else 0


def report(files: dict[str, Writes], dirty_bytes: int, window_s: float) -> None:
    """Print the table."""
    print(f"{'file':<28}{'calls':>7}{'bytes':>10}{'flushes':>9}{'flushed':>10}")
    for name, each in sorted(files.items()):
        row = f"{each.calls:7}{each.byte_count:10}{each.flushes:9}{each.flushed_bytes:10}"
        print(f"{name:<28}{row}")
    total = Writes.total(files.values())
    for name, count in (
        ("written by calls", total.byte_count),
        ("flushed, in pages of 4 KiB", total.flushed_bytes),
        ("made dirty (kernel)", dirty_bytes),
    ):
        hour, year = projected(count, window_s)
        print(f"  {name:<28}{hour / 1e3:9.1f} kB an hour {year / 1e9:7.2f} GB a year")
    hour, _ = projected(total.flushes, window_s)
    print(f"  {'flushes':<28}{hour:9.0f}    an hour")


def _traced(
    stack: contextlib.ExitStack, folder: Path, node: NodeProcess, window_s: float
) -> list[str]:
    """What strace says of the node in `window_s`. Raises HarnessError where it cannot watch."""
    path = folder / "trace"
    argv = ["strace", "-f", "-y", "-qq", "-s", "0", "-e", f"trace={CALLS}", "-e", "signal=none"]
    strace = Child("strace", [*argv, "-o", str(path), "-p", str(node.pid)], folder)
    stack.callback(strace.stop)
    strace.start()
    limit_s = time.monotonic() + ATTACH_S
    while not _is_traced(node.pid, strace.pid):
        if not strace.is_running or time.monotonic() > limit_s:
            raise HarnessError(
                f"strace cannot watch the node: {strace.tail()}"
                " (run it as root, or set kernel.yama.ptrace_scope to 0)"
            )
        time.sleep(0.05)
    time.sleep(window_s)
    strace.stop()
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def _is_traced(pid: int, tracer: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return f"TracerPid:\t{tracer}\n" in status


def _dirty_bytes(pid: int) -> int:
    text = Path(f"/proc/{pid}/io").read_text(encoding="ascii")
    fields = dict(line.split(": ") for line in text.splitlines())
    return int(fields["write_bytes"])


def _count(traffic: Traffic) -> int:
    return len({each.payload for each in traffic.messages if each.is_leaf("record", "bench")})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench/card")
    parser.add_argument("--minutes", type=positive, default=MINUTES, help="default %(default)g")
    parser.add_argument(
        "--warm-up", type=float, default=WARM_UP_S, help="seconds before, default %(default)g"
    )
    parser.add_argument("--source", default=SOURCE, help="a camera that shows nobody")
    parser.add_argument("--cameras", type=int, default=1, help="so many of it, default 1")
    parser.add_argument("--folder", type=Path, help="on the disk to be looked at, not tmpfs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
