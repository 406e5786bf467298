"""The command camwatch-edge: run, check-config, probe, version."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from edge import __version__
from edge.base import logs
from edge.base.errors import EX_CONFIG, CamwatchError, ConfigError
from edge.config import node as node_config

DEFAULT_CONFIG = Path("/etc/camwatch/edge.yaml")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit status: 0, 1 failed, 2 usage, 78 settings."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except ConfigError as err:
        _complain(err)
        return EX_CONFIG
    except CamwatchError as err:
        _complain(err)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="camwatch-edge", description="Watches cameras: motion becomes signed events and clips."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="watch the cameras until stopped")
    _add_config(run)
    run.set_defaults(command=_run)
    check = commands.add_parser("check-config", help="read the settings and say what is wrong")
    _add_config(check)
    check.set_defaults(command=_check_config)
    probe = commands.add_parser("probe", help="say what a camera sends and what will be decoded")
    probe.add_argument("source", help="rtsp:// URL, file, synthetic:, or the name of a set camera")
    probe.add_argument("--user", help="user name at the camera")
    probe.add_argument("--password-file", help="file with the camera's password, mode 0600")
    probe.add_argument("--transport", choices=("tcp", "udp"), default="tcp", help="how RTP travels")
    probe.add_argument("--seconds", type=float, default=8.0, help="how long to watch (default 8)")
    probe.add_argument("--json", action="store_true", help="print JSON")
    _add_config(probe)
    probe.set_defaults(command=_probe)
    version = commands.add_parser("version", help="print the version")
    version.set_defaults(command=_version)
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, help=f"settings file (default {DEFAULT_CONFIG})"
    )


def _run(arguments: argparse.Namespace) -> int:
    settings = node_config.load(arguments.config)
    logs.set_up(settings.log_level)
    from edge import agent  # the libraries behind it take a second to load

    return agent.run(settings)


def _check_config(arguments: argparse.Namespace) -> int:
    settings = node_config.load(arguments.config)
    cameras = ", ".join(camera.name for camera in settings.cameras)
    print(f"{arguments.config}: good. Node {settings.node} watches {cameras}.")
    return 0


def _probe(arguments: argparse.Namespace) -> int:
    from edge.agent import probe

    return probe(arguments)


def _version(arguments: argparse.Namespace) -> int:
    print(f"camwatch-edge {__version__} (Python {platform.python_version()}, {platform.machine()})")
    return 0


def _complain(err: CamwatchError) -> None:
    print(f"camwatch-edge: {logs.redact(str(err))}", file=sys.stderr)
    if err.hint:
        print(f"  {logs.redact(err.hint)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
