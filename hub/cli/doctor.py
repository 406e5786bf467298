"""`camwatch-hub doctor`: everything that this hub needs, one line each."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from edge.base.clock import SystemClock
from edge.base.findings import tell
from hub.config import HubSettings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def declare(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """The command and its arguments."""
    command = commands.add_parser(
        "doctor",
        parents=[shared],
        help="look at this hub, its broker and its nodes, and say what to do",
        description="Checks everything that this hub needs, one line each: pass, warn, fail, or"
        " skip for what cannot be told. Changes nothing; the hub may run meanwhile."
        " Exit status: 0, or 1 where a check failed, 78 where the settings are wrong.",
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print what was found; 1 where a check failed."""
    from hub.doctor.examination import examine  # the libraries behind it take a while

    found = examine(settings, SystemClock())
    return tell(found, is_json=arguments.json, say=lambda line: print(line, flush=True))
