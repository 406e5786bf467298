"""The command camwatch-edge: run, check-config, doctor, probe, check-model, replay, journal, ..."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import threading
import typing
from collections.abc import Sequence
from pathlib import Path

from edge import __version__, discovering, keys, replay, selftest, updating
from edge.base import findings, logs, memory
from edge.base.clock import SystemClock
from edge.base.errors import EX_CONFIG, CamwatchError, ConfigError
from edge.config import node as node_config
from edge.config.camera import CameraSettings
from edge.config.classify import ClassifySettings, Kind
from edge.contract import address, names
from edge.enrol import arguments as enrol_arguments
from edge.outbox import report

DEFAULT_CONFIG = Path("/etc/camwatch/edge.yaml")
JOURNAL_FILE = "journal.db"
KEY_FILE = "node.key"

if typing.TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit status: 0, 1 failed, 2 usage, 78 settings."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except CamwatchError as err:
        _complain(err)
        return err.exit_status
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
    _add_enrol(commands)
    shown = commands.add_parser(
        "show-config",
        help="print the settings that hold, and where each comes from",
        description="Prints each setting with where it comes from: the settings file, a default, or"
        " the hub, whose settings lie over the file. Exit status: 78 where the file is wrong.",
    )
    shown.add_argument("--json", action="store_true", help="print JSON")
    _add_config(shown)
    shown.set_defaults(command=_show_config)
    _add_doctor(commands)
    probe = commands.add_parser("probe", help="say what a camera sends and what will be decoded")
    probe.add_argument("source", help=f"{address.KINDS_TEXT}; or the name of a set camera")
    probe.add_argument(
        "command_line", nargs="*", metavar="ARGUMENT", help="for exec: -- the program to run"
    )
    probe.add_argument("--user", help="user name at the camera")
    probe.add_argument("--password-file", help="file with the camera's password, mode 0600")
    probe.add_argument("--transport", choices=("tcp", "udp"), default="tcp", help="how RTP travels")
    probe.add_argument("--seconds", type=float, default=8.0, help="how long to watch (default 8)")
    probe.add_argument(
        "--no-sub", action="store_true", help="do not look for the camera's small stream"
    )
    probe.add_argument(
        "--onvif-port", type=int, action="append", metavar="PORT",
        help="where the camera answers by ONVIF (default: the usual ports in turn)",
    )  # fmt: skip
    probe.add_argument("--json", action="store_true", help="print JSON")
    _add_config(probe)
    probe.set_defaults(command=_probe)
    discovering.declare(commands)
    _add_check_model(commands)
    again = commands.add_parser(
        "replay",
        help="try other settings on what was seen, without waiting for a night",
        description="Tries other motion settings on the traces that this node keeps, or on clips."
        " Exit status 3: a confirmed event would be lost.",
    )
    replay.declare(again)
    _add_config(again)
    again.set_defaults(command=replay.run)
    journal = commands.add_parser("journal", help="show what waits for the hub, and check it")
    journal.add_argument("--json", action="store_true", help="print JSON")
    journal.add_argument(
        "--verify", action="store_true", help="check every stored record's content and signature"
    )
    _add_config(journal)
    journal.set_defaults(command=_journal)
    itself = commands.add_parser(
        "self-test",
        help="try whether this installation works on this machine",
        description="Has a synthetic street watched: one event with clip and signed records,"
        " in a folder of its own. Touches no camera, no hub and no journal.",
    )
    selftest.declare(itself)
    itself.set_defaults(command=_self_test)
    update = commands.add_parser("update", help="what becomes of updates on this node")
    updating.declare(update, DEFAULT_CONFIG)
    version = commands.add_parser("version", help="print the version")
    version.set_defaults(command=_version)
    return parser


def _add_enrol(commands: Commands) -> None:
    join = commands.add_parser(
        "enrol",
        help="join a hub by the node file that it made",
        description="Makes this box the node that a node file is for: redeems its one-time token,"
        " and writes the settings. Safe to run again. Exit status: 0, or 1 where the hub cannot be"
        " reached or what hinders it may pass, 78 where the node file or the settings cannot be"
        " used, or the hub refuses the token for good.",
    )
    enrol_arguments.declare(join)
    _add_config(join)
    join.set_defaults(command=_enrol)


def _add_doctor(commands: Commands) -> None:
    doctor = commands.add_parser(
        "doctor",
        help="look at this node, its cameras and its way to the hub, and say what to do",
        description="Checks everything that this node needs, one line each: pass, warn, fail, or"
        " skip for what cannot be told here. Changes nothing; the agent may run meanwhile."
        " Exit status: 0, or 1 where a check failed, 78 where the settings are wrong.",
    )
    doctor.add_argument(
        "--seconds", type=discovering.seconds, default=10.0, metavar="N",
        help="how long to watch each camera (default 10; 40 to be sure of a frozen one)",
    )  # fmt: skip
    doctor.add_argument("--no-cameras", action="store_true", help="leave the cameras out")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    _add_config(doctor)
    doctor.set_defaults(command=_doctor)


def _add_check_model(commands: Commands) -> None:
    model = commands.add_parser(
        "check-model", help="try the model that labels events, on pictures of yours"
    )
    model.add_argument("pictures", nargs="*", type=Path, metavar="PICTURE", help="JPEG or PNG")
    model.add_argument("--model", help="ONNX file (default: that of the settings)")
    model.add_argument("--kind", choices=typing.get_args(Kind), default="auto")
    model.add_argument("--input-px", type=int, default=416, help="side of its input (default 416)")
    model.add_argument("--classes-file", help="its classes, one a line (default: the 80 of COCO)")
    model.add_argument("--json", action="store_true", help="print JSON")
    _add_config(model)
    model.set_defaults(command=_check_model)


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

    return _ended(agent.run(settings))


def _ended(status: int) -> int:
    """What to exit with; exits at once where a thread hangs still.

    Python's own end would kill it in the middle of a library, where C++ takes that for an error and
    aborts the process (python/cpython issue 87135).
    """
    if threading.active_count() > 1:
        os._exit(status)
    return status


def _check_config(arguments: argparse.Namespace) -> int:
    from edge.settings import origin  # as above

    found = origin.look(arguments.config)
    settings = found.settings
    cameras = ", ".join(camera.name for camera in settings.cameras)
    print(f"{arguments.config}: good. Node {settings.node} watches {cameras}.")
    if found.problem or found.state.seen:
        print(f"{found.summary}; camwatch-edge show-config tells more")
    return 0


def _enrol(arguments: argparse.Namespace) -> int:
    from edge.enrol import command  # as above

    return command.run(arguments)


def _show_config(arguments: argparse.Namespace) -> int:
    from edge.settings import origin  # as above

    found = origin.look(arguments.config)
    if arguments.json:
        print(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
    else:
        print("\n".join(found.lines()))
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from edge.settings import origin  # as above

    settings = origin.look(arguments.config).settings
    from edge.doctor.account import Account  # as above
    from edge.doctor.examination import examine
    from edge.enrol import note

    found = examine(
        settings, SystemClock(), seconds=arguments.seconds, has_cameras=not arguments.no_cameras,
        account=Account(settings.node, note.standing(arguments.config.parent)),
    )  # fmt: skip
    return findings.tell(found, is_json=arguments.json, say=lambda line: print(line, flush=True))


def _probe(arguments: argparse.Namespace) -> int:
    from edge.capture import onvif, probe, substream  # as above
    from edge.capture.errors import CaptureError

    camera = _probed_camera(arguments)
    try:
        report = probe.probe(camera, seconds=arguments.seconds)
    except CaptureError as err:
        _complain(err)
        return probe.exit_status(err)
    if not arguments.json:
        print("\n".join(report.lines()), flush=True)  # the search takes some seconds more
    sub = None
    if camera.kind == "rtsp" and not arguments.no_sub:
        sub = substream.search(camera, report, ports=arguments.onvif_port or onvif.PORTS)
    if arguments.json:
        found = report.to_json() | {"sub": sub.to_json() if sub else None}
        print(json.dumps(found, ensure_ascii=False, indent=2))
    elif sub:
        print("\n".join(sub.lines()))
    return 0


def _check_model(arguments: argparse.Namespace) -> int:
    from edge.classify import trial  # as above
    from edge.classify.errors import ModelError

    try:
        found = trial.run(_model_settings(arguments), arguments.pictures)
    except ModelError as err:
        _complain(err)
        return 1 if err.is_retryable else EX_CONFIG
    if arguments.json:
        print(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
    else:
        print("\n".join(found.lines()))
    return 0


def _model_settings(arguments: argparse.Namespace) -> ClassifySettings:
    """Of the given model, or of the settings' one."""
    if arguments.model is None:
        settings = node_config.load(arguments.config).classify
        if settings.model is None:
            raise ConfigError("classify.model: none is set", hint="set one, or give --model FILE")
        return settings
    try:
        return ClassifySettings(
            model=arguments.model,
            kind=arguments.kind,
            input_px=arguments.input_px,
            classes_file=arguments.classes_file,
        )
    except ValueError as err:
        raise ConfigError(str(err)) from err


def _probed_camera(arguments: argparse.Namespace) -> CameraSettings:
    """The camera of that name in the settings, or one made of the given address."""
    if re.fullmatch(names.CAMERA_PATTERN, arguments.source) and not Path(arguments.source).exists():
        from edge.settings import origin  # as above

        for camera in origin.look(arguments.config).settings.cameras:
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


def _self_test(arguments: argparse.Namespace) -> int:
    memory.one_thread_each()
    return _ended(selftest.run(arguments))


def _version(arguments: argparse.Namespace) -> int:
    print(f"camwatch-edge {__version__} (Python {platform.python_version()}, {platform.machine()})")
    return 0


def _complain(err: CamwatchError) -> None:
    print(f"camwatch-edge: {logs.redact(str(err))}", file=sys.stderr)
    if err.hint:
        print(f"  {logs.redact(err.hint)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
