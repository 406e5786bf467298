"""`camwatch-hub problems`: everything that a person should know, of the hub and of its nodes."""

from __future__ import annotations

import argparse
import json

from edge.base.clock import utc_text
from edge.base.errors import StorageError
from edge.base.logs import error_chain
from hub.archive.opening import open_to_read, problems_now
from hub.archive.problems import Problem
from hub.cli.nodes import problems_of
from hub.cli.render import local_text
from hub.config import HubSettings

HUB = "hub"


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the problems; 1 when there are any."""
    found: list[tuple[str, str, Problem | None]] = [
        (HUB, problem.text, problem) for problem in problems_now(settings)
    ]
    try:
        archive = open_to_read(settings)
    except StorageError as err:
        if not found:
            found.append((HUB, error_chain(err), None))
    else:
        try:
            nodes = archive.nodes()
        finally:
            archive.close()
        found += [(node.name, text, None) for node in nodes for text in problems_of(node)]
    for who, text, problem in found:
        if arguments.json:
            since = None if problem is None else utc_text(problem.since_utc)
            print(json.dumps({"who": who, "text": text, "since_utc": since}, ensure_ascii=False))
        elif problem is None:
            print(f"{who}: {text}")
        else:
            print(f"{who}: {text} (since {local_text(problem.since_utc, settings.zone)})")
    if not found and not arguments.json:
        print("no problem is known")
    return 1 if found else 0
