"""What `camwatch-edge replay` and `camwatch-hub replay` have in common: arguments and output."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from edge.base.clock import parse_utc
from edge.base.errors import CamwatchError, ConfigError
from edge.base.units import parse_duration_s
from edge.trace import changes, report, suppressed, tape, verdicts
from edge.trace.compare import compare
from edge.trace.tape import Tape, Window
from edge.trace.verdicts import Verdicts

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(9000, 1, 1, tzinfo=UTC)
NOTHING_LOST, CONFIRMED_LOST = 0, 3


@dataclass(frozen=True)
class Output:
    """How results are printed; times in `zone`, None for the machine's own."""

    is_json: bool
    lists_all: bool
    zone: tzinfo | None = None


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What both commands take."""
    command.add_argument("--camera", help="of cameras of this name (default: all)")
    command.add_argument(
        "--set", action="append", default=[], dest="sets", metavar="NAME=VALUE",
        help="try this, such as motion.sensitivity=4; may be given several times",
    )  # fmt: skip
    command.add_argument(
        "--settings", type=Path, metavar="FILE",
        help="try the motion settings of this file (YAML, as the node's)",
    )  # fmt: skip
    command.add_argument(
        "--verdicts", type=Path, metavar="FILE",
        help="what events were: ids with confirmed or false_alarm, JSON or CSV",
    )  # fmt: skip
    command.add_argument(
        "--suppressed", action="store_true",
        help="instead, count what the settings that ran kept from becoming events",
    )  # fmt: skip
    command.add_argument("--all", action="store_true", help="list every event")
    command.add_argument("--json", action="store_true", help="one JSON object a camera")


def window_of(since: str | None, until: str | None, now: datetime) -> Window | None:
    """The window between two times: 2h or 7d ago, or RFC 3339. Raises ConfigError."""
    if since is None and until is None:
        return None

    def moment(text: str | None, name: str, default: datetime) -> datetime:
        if text is None:
            return default
        try:
            return now - timedelta(seconds=parse_duration_s(text))
        except (ValueError, OverflowError):
            pass
        try:
            return parse_utc(text)
        except ValueError as err:
            raise ConfigError(
                f"--{name}: {text[:40]!r} is no time", hint="7d, 12h, or 2026-01-31T23:59:59Z"
            ) from err

    return moment(since, "since", BEGINNING), moment(until, "until", END)


def check(arguments: argparse.Namespace) -> changes.Change | None:
    """What is to be tried, before traces are read; None where nothing is. Raises ConfigError."""
    if arguments.suppressed:
        return None
    if not arguments.sets and arguments.settings is None:
        raise ConfigError(
            "nothing to try", hint="give --set motion.sensitivity=4, or --settings FILE"
        )
    return changes.of(arguments.sets, arguments.settings)


def chosen(
    paths: Sequence[Path], camera: str | None, *,
    hint: str = "a node keeps them unless told not to",
) -> list[Tape]:  # fmt: skip
    """The tapes in these segments, of the cameras asked for. `hint` says why there may be none.

    Raises ConfigError for a camera that the others are not of, CamwatchError where there is none.
    """
    found = tape.load(paths)
    wanted = [each for each in found if camera in (None, each.camera)]
    if not found:
        raise CamwatchError("there are no traces here", hint=hint)
    if not wanted:
        known = ", ".join(sorted({each.camera for each in found}))
        raise ConfigError(
            f"there are no traces of camera {camera}", hint=f"there are some of {known}"
        )
    return wanted


def run(
    arguments: argparse.Namespace,
    tapes: Sequence[Tape],
    window: Window | None,
    output: Output,
    known: Verdicts | None = None,
) -> int:
    """Judge anew and print; 3 where a confirmed event would be lost. Raises ConfigError."""
    change = check(arguments)
    if change is None:
        for each in tapes:
            found = suppressed.count(each, window)
            rest = suppressed.uncounted(each, window)
            lines = report.suppressed_lines(each, found, rest, output.zone)
            show(output, report.suppressed_object(each, found, rest), lines)
        return NOTHING_LOST
    said = verdicts.read(arguments.verdicts) if arguments.verdicts else known or {}
    status = NOTHING_LOST
    for each in tapes:
        camera = each.camera
        compared = compare(
            each,
            lambda ran, camera=camera: change(camera, ran),  # type: ignore[misc]
            verdicts=said,
            window=window,
        )
        lines = report.comparison_lines(compared, output.zone, lists_all=output.lists_all)
        show(output, report.comparison_object(compared), lines)
        status = CONFIRMED_LOST if compared.lost_confirmed else status
    return status


def show(output: Output, value: dict[str, object], lines: Sequence[str]) -> None:
    """Print a camera's result in the form asked for."""
    print(json.dumps(value, ensure_ascii=False) if output.is_json else "\n".join(lines), flush=True)
