"""What several benches share: a broker, a hub and a node of their own, and small words."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.harness.broker import Broker, free_port
from tests.harness.processes import Enrolment, HubProcess, NodeProcess, Settings, enrol

NODE = "bench"


def start_hub(stack: contextlib.ExitStack, folder: Path) -> tuple[Broker, HubProcess, Enrolment]:
    """A broker and a hub that run until `stack` is left, and a node's enrolment with them."""
    broker = Broker(folder / "broker")
    stack.callback(broker.stop)
    broker.start()
    hub = HubProcess(folder / "hub", broker.address, free_port())
    stack.callback(hub.stop)
    enrolment = enrol(hub, broker, NODE)
    hub.start_ready()
    return broker, hub, enrolment


def start_node(
    stack: contextlib.ExitStack, folder: Path, cameras: Sequence[Settings]
) -> tuple[NodeProcess, HubProcess]:
    """A node that watches `cameras` until `stack` is left, and its hub."""
    _, hub, enrolment = start_hub(stack, folder)
    node = NodeProcess(NODE, folder / "node", enrolment, cameras)
    stack.callback(node.stop)
    node.start()
    return node, hub


def positive(text: str) -> float:
    """A number above 0, for argparse."""
    value = float(text)
    if value <= 0:
        raise ValueError
    return value


def say(text: str) -> None:
    """For the person who waits; results go to standard output."""
    print(text, file=sys.stderr, flush=True)
