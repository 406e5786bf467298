"""Arguments in, exit status out; every error becomes one clear message."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.base import logs
from edge.base.errors import CamwatchError
from hub.cli.arguments import make_parser
from hub.config import load_file

FOUND = 0
INTERRUPTED = 130  # 128 + SIGINT, as shells say it


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    arguments = make_parser().parse_args(argv)
    try:
        settings = load_file(Path(arguments.config)) if arguments.needs_settings else None
        level = settings.log_level if settings and arguments.command == "run" else "warning"
        logs.set_up(level)
        status: int = arguments.run(arguments, settings)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as head, has had enough. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FOUND
    except KeyboardInterrupt:
        return INTERRUPTED
    except CamwatchError as err:
        return _complain(err)
    return status


def _complain(err: CamwatchError) -> int:
    for line in str(err).splitlines():
        print(f"camwatch-hub: {line}", file=sys.stderr)
    if err.hint:
        print(f"camwatch-hub: hint: {err.hint}", file=sys.stderr)
    return err.exit_status
