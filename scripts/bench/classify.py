"""What labels cost a node, per event and in memory, against a node without a model in the same run.

Both watch the same film, in which a car crosses in each loop, at the same time; whatever else the
machine does slows both. Of each, the process and all that it started is counted; the model's share
of memory is the difference while its process runs, and what is left of it after that has ended.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.bench import idle_meter, parties
from scripts.bench.parties import positive, say
from tests.harness.child import HarnessError
from tests.harness.processes import HubProcess, NodeProcess, enrol
from tests.system import stage

MODEL = Path(__file__).parents[3] / "shared" / "models" / "yolox_nano.onnx"
MINUTES, WARM_UP_S, SAMPLE_S, IDLE_S = 3.0, 20.0, 0.25, 2.0
PLAIN, LABELS = "plain", "labels"


@dataclass
class Use:
    """Of one node: processor time, and resident memory in MB at most and at the end."""

    cpu_s: float
    most_mb: float
    own_mb: float


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where it cannot be."""
    parser = argparse.ArgumentParser(prog="scripts/bench/classify")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--classes", type=int, default=3, help="that the model knows (default 3)")
    parser.add_argument("--input-px", type=int, default=416)
    parser.add_argument("--minutes", type=positive, default=MINUTES)
    parser.add_argument(
        "--idle", type=float, default=IDLE_S, help="seconds the model stays loaded after a look"
    )
    arguments = parser.parse_args(argv)
    if not arguments.model.exists():
        print(f"scripts/bench/classify: no model at {arguments.model}", file=sys.stderr)
        return 1
    try:
        with tempfile.TemporaryDirectory(prefix="camwatch-classify-") as folder:
            return measure(Path(folder), arguments)
    except (HarnessError, idle_meter.EndedError) as err:
        print(f"scripts/bench/classify: {err}", file=sys.stderr)
        return 1


def measure(folder: Path, arguments: argparse.Namespace) -> int:
    """One run. Raises HarnessError, EndedError."""
    film = stage.car(folder / "car.mp4")
    names = [f"class-{number}" for number in range(arguments.classes)]
    classify = {
        "model": str(arguments.model), "input_px": arguments.input_px, "classes": names,
        "labels": names[:64], "idle_s": arguments.idle, "min_confidence": 0.05,
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        broker, hub, _ = parties.start_hub(stack, folder)
        nodes = {}
        for name, more in ((PLAIN, {}), (LABELS, {"classify": classify})):
            enrolment = enrol(hub, broker, name)
            cameras = [stage.camera("gate", film)]
            nodes[name] = NodeProcess(name, folder / name, enrolment, cameras, more=more)
            stack.callback(nodes[name].stop)
        for node in nodes.values():
            node.start_ready()
        say(f"warming up for {WARM_UP_S:g} s, then {arguments.minutes:g} minutes ...")
        time.sleep(WARM_UP_S)
        before = {name: _events(hub, name) for name in nodes}
        used = _watch(nodes, arguments.minutes * 60)
        events = {name: _events(hub, name) - before[name] for name in nodes}
        looked = _looked(hub)
    return _report(used, events, looked, arguments)


def _watch(nodes: dict[str, NodeProcess], window_s: float) -> dict[str, Use]:
    began = {name: idle_meter.cpu_s(node.pid) for name, node in nodes.items()}
    used = {name: Use(0.0, 0.0, 0.0) for name in nodes}
    limit_s = time.monotonic() + window_s
    while time.monotonic() < limit_s:
        time.sleep(SAMPLE_S)
        for name, node in nodes.items():
            mine = used[name]
            mine.most_mb = max(mine.most_mb, idle_meter.rss_mb(node.pid))
            if idle_meter.tree(node.pid) == [node.pid]:
                mine.own_mb = max(mine.own_mb, idle_meter.rss_mb(node.pid))
    for name, node in nodes.items():
        used[name].cpu_s = idle_meter.cpu_s(node.pid) - began[name]
    return used


def _rows(hub: HubProcess, node: str) -> list[dict[str, object]]:
    done = hub.command("query", "--json", "--limit", "10000", "--node", node)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _events(hub: HubProcess, node: str) -> int:
    return sum(row["state"] == "ended" for row in _rows(hub, node))


def _looked(hub: HubProcess) -> str:
    rows = [row for row in _rows(hub, LABELS) if row["state"] == "ended"]
    return f"{sum(row['labels'] is not None for row in rows)} of {len(rows)}"


def _report(
    used: dict[str, Use], events: dict[str, int], looked: str, arguments: argparse.Namespace
) -> int:
    plain, labels = used[PLAIN], used[LABELS]
    count = max(1, events[LABELS])
    print(f"{arguments.model.name}, {arguments.input_px} px; events {events[PLAIN]} without,"
          f" {events[LABELS]} with; of all, {looked} were looked at")  # fmt: skip
    print(f"  {'':14} {'CPU s':>8} {'RSS MB, alone':>14} {'and with child':>15}")
    for name, use in used.items():
        print(f"  {name:14} {use.cpu_s:8.2f} {use.own_mb:14.1f} {use.most_mb:15.1f}")
    more_ms = 1000 * (labels.cpu_s - plain.cpu_s) / count
    ratio, a_minute = labels.cpu_s / plain.cpu_s, count / arguments.minutes
    print(
        f"Labels cost {more_ms:.0f} ms of processor time an event ({ratio:.2f} times the node"
        f" without, at {a_minute:.1f} events a minute), {labels.most_mb - plain.most_mb:.0f} MB"
        " while the model is loaded."
    )
    if labels.own_mb:
        print(f"After it has ended, the node holds {labels.own_mb - plain.own_mb:+.1f} MB more.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
