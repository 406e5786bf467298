"""`camwatch-edge replay`: other settings on what was seen, from traces or from clips."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from edge.base.errors import ConfigError
from edge.base.units import format_duration
from edge.config import node as node_config
from edge.contract.motion import MotionSettings
from edge.trace import changes, command
from edge.trace.command import CONFIRMED_LOST, NOTHING_LOST, Output
from edge.trace.folder import SUFFIX
from edge.trace.verdicts import Verdicts, read

TRACES = "traces"


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments, beside `--config`."""
    command.add_arguments(parser)
    parser.add_argument("--since", metavar="TIME", help="7d, 12h (ago), or 2026-01-31T23:59:59Z")
    parser.add_argument("--until", metavar="TIME", help="the same")
    parser.add_argument(
        "--traces", type=Path, metavar="FOLDER", help="traces elsewhere than in state_dir"
    )
    parser.add_argument(
        "clips", nargs="*", type=Path, metavar="CLIP",
        help="decode these clips instead of reading traces",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Print what would be; 3 where a confirmed event would be lost. Raises CamwatchError."""
    output = Output(is_json=arguments.json, lists_all=arguments.all)
    if arguments.clips:
        return _clips(arguments, output)
    command.check(arguments)
    folder = arguments.traces
    if folder is None:
        folder = Path(node_config.load(arguments.config).state_dir) / TRACES
    if not folder.is_dir():
        raise ConfigError(
            f"there are no traces in {folder}",
            hint="traces.keep is on by default; see docs/replay.md",
        )
    window = command.window_of(arguments.since, arguments.until, datetime.now(UTC))
    tapes = command.chosen(sorted(folder.glob(f"**/*{SUFFIX}")), arguments.camera)
    return command.run(arguments, tapes, window, output)


def _clips(arguments: argparse.Namespace, output: Output) -> int:
    """Decode clips; each is named by its event, as `camwatch-hub clip` or the spool has it."""
    from edge.camera import rewatch  # loaded late: the libraries behind it take a second

    ran = _ran(arguments)
    change = changes.of(arguments.sets, arguments.settings)
    settings = change(arguments.camera or "", ran)
    verdicts: Verdicts = read(arguments.verdicts) if arguments.verdicts else {}
    status = NOTHING_LOST
    for path in arguments.clips:
        then, length_s = rewatch.watch(path, ran)
        now, _ = rewatch.watch(path, settings)
        event = path.name.split(".")[0]
        verdict = verdicts.get(event)
        if verdict == "confirmed" and not now:
            status = CONFIRMED_LOST
        value: dict[str, object] = {
            "clip": str(path),
            "verdict": verdict,
            "seconds": round(length_s, 3),
            "then": [[round(each.started_s, 2), round(each.ended_s, 2)] for each in then],
            "now": [[round(each.started_s, 2), round(each.ended_s, 2)] for each in now],
        }
        words = "gone" if then and not now else "new" if now and not then else "kept"
        said = words if then or now else "nothing, then and now"
        line = f"{path}: {format_duration(length_s)}, {verdict or 'not judged'}: {said}"
        command.show(output, value, [line])
    return status


def _ran(arguments: argparse.Namespace) -> MotionSettings:
    """The camera's own settings; the defaults where no settings file is there."""
    if not arguments.config.exists():
        return MotionSettings()
    cameras = node_config.load(arguments.config).cameras
    found = [each for each in cameras if arguments.camera in (None, each.name)]
    if not found:
        known = ", ".join(each.name for each in cameras)
        raise ConfigError(f"--camera: there is no camera {arguments.camera}; known: {known}")
    if len(found) > 1:
        raise ConfigError("--camera: say of which camera the clips are")
    return found[0].motion
