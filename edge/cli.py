"""The command camwatch-edge: run, check-config, probe, journal, version."""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from edge import __version__, keys
from edge.base import logs, memory
from edge.base.clock import SystemClock
from edge.base.errors import EX_CONFIG, CamwatchError, ConfigError
from edge.config import address
from edge.config import node as node_config
from edge.config.camera import CameraSettings
from edge.contract import names
from edge.outbox import report

DEFAULT_CONFIG = Path("/etc/camwatch/edge.yaml")
JOURNAL_FILE = "journal.db"
KEY_FILE = "node.key"


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
    probe.add_argument("source", help=f"{address.KINDS_TEXT}; or the name of a set camera")
    probe.add_argument(
        "command_line", nargs="*", metavar="ARGUMENT", help="for exec: -- the program to run"
    )
    probe.add_argument("--user", help="user name at the camera")
    probe.add_argument("--password-file", help="file with the camera's password, mode 0600")
    probe.add_argument("--transport", choices=("tcp", "udp"), default="tcp", help="how RTP travels")
    probe.add_argument("--seconds", type=float, default=8.0, help="how long to watch (default 8)")
    probe.add_argument("--json", action="store_true", help="print JSON")
    _add_config(probe)
    probe.set_defaults(command=_probe)
    journal = commands.add_parser("journal", help="show what waits for the hub, and check it")
    journal.add_argument("--json", action="store_true", help="print JSON")
    journal.add_argument(
        "--verify", action="store_true", help="check every stored record's content and signature"
    )
    _add_config(journal)
    journal.set_defaults(command=_journal)
    version = commands.add_parser("version", help="print the version")
    version.set_defaults(command=_version)
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    default = DEFAULT_CONFIG
    parser.add_argument(
        "--config", type=Path, default=default, help=f"settings file (default {default})"
    )


def _run(arguments: argparse.Namespace) -> int:
    settings = node_config.load(arguments.config)
    logs.set_up(settings.log_level)
    memory.be_small()
    memory.one_thread_each()
    from edge import agent  # loaded late: the libraries behind it take a second

    return agent.run(settings)


def _check_config(arguments: argparse.Namespace) -> int:
    settings = node_config.load(arguments.config)
    cameras = ", ".join(camera.name for camera in settings.cameras)
    print(f"{arguments.config}: good. Node {settings.node} watches {cameras}.")
    return 0


def _probe(arguments: argparse.Namespace) -> int:
    from edge.capture import probe  # as above
    from edge.capture.errors import CaptureError

    try:
        report = probe.probe(_probed_camera(arguments), seconds=arguments.seconds)
    except CaptureError as err:
        _complain(err)
        return probe.exit_status(err)
    if arguments.json:
        print(json.dumps(report.to_json(), ensure_ascii=False, indent=2))
    else:
        print("\n".join(report.lines()))
    return 0


def _probed_camera(arguments: argparse.Namespace) -> CameraSettings:
    """The camera of that name in the settings, or one made of the given address."""
    if re.fullmatch(names.CAMERA_PATTERN, arguments.source) and not Path(arguments.source).exists():
        for camera in node_config.load(arguments.config).cameras:
            if camera.name == arguments.source:
                return camera
        raise ConfigError(f"{arguments.config} has no camera named {arguments.source}")
    try:
        return CameraSettings(
            name="probed",
            source=arguments.source,
            command=tuple(arguments.command_line),
            user=arguments.user,
            password_file=arguments.password_file,
            transport=arguments.transport,
        )
    except ValueError as err:
        raise ConfigError(str(err)) from err


def _journal(arguments: argparse.Namespace) -> int:
    settings = node_config.load(arguments.config)
    folder = Path(settings.state_dir)
    if not (folder / JOURNAL_FILE).exists():
        raise ConfigError(
            f"state_dir: {folder} holds no journal", hint="the agent makes it at its first start"
        )
    found = report.report(
        folder / JOURNAL_FILE,
        node=settings.node,
        key=keys.load_or_make(folder / KEY_FILE).public,
        clock=SystemClock(),
        is_verifying=arguments.verify,
    )
    if arguments.json:
        print(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
    else:
        print("\n".join(found.lines()))
    return 1 if found.damage else 0


def _version(arguments: argparse.Namespace) -> int:
    print(f"camwatch-edge {__version__} (Python {platform.python_version()}, {platform.machine()})")
    return 0


def _complain(err: CamwatchError) -> None:
    print(f"camwatch-edge: {logs.redact(str(err))}", file=sys.stderr)
    if err.hint:
        print(f"  {logs.redact(err.hint)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
