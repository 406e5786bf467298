"""`camwatch-hub live NODE/CAMERA -o FILE`: what a camera sees now, into a file or a player."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import stat
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from edge.base.durable import PRIVATE_MODE
from edge.base.errors import storage_error
from edge.base.units import format_size
from edge.contract import names
from hub.config import HubSettings
from hub.control.client import HubLine

STDOUT = "-"
_CAMERA = re.compile(rf"({names.NODE_PATTERN})/({names.CAMERA_PATTERN})")

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def declare(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """The arguments."""
    command = commands.add_parser(
        "live",
        parents=[shared],
        help="show what a camera sees now",
        description="Writes the camera's own packets as fragmented MP4 until it is stopped, through"
        " the hub that runs on this machine. For a player:"
        " camwatch-hub live gate-3/gate -o - | ffplay -",
    )
    command.add_argument("camera", type=_camera, metavar="NODE/CAMERA", help="such as gate-3/gate")
    command.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="where to; - for standard output"
    )
    command.add_argument(
        "--stream", choices=("large", "small"), default="large", help="which of the camera's two"
    )
    command.add_argument(
        "--jpeg", action="store_true", help="a JPEG a second instead, one behind the other"
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Write until the stream ends or the reader has had enough."""
    node, camera = arguments.camera
    form = "jpeg" if arguments.jpeg else "fmp4"
    wish = {
        "ask": "live", "node": node, "camera": camera, "form": form, "size": arguments.stream,
    }  # fmt: skip
    with HubLine(settings.state_path, wish) as line, _output(arguments.output) as output:
        what = line.answer
        print(f"{what['width']}x{what['height']} {what['mime']}", file=sys.stderr)
        written = 0
        for block in line.blocks():
            written += output.write(block)
            output.flush()
    print(f"camwatch-hub: the stream ended after {format_size(written)}", file=sys.stderr)
    return 0 if written else 1


@contextlib.contextmanager
def _output(name: str) -> Iterator[BinaryIO]:
    """A file, or standard output. What is seen live is not evidence: nothing is made durable."""
    if name == STDOUT:
        yield sys.stdout.buffer
        return
    try:
        with open(name, "wb", opener=_private) as file:
            yield file
    except OSError as err:
        raise storage_error(err, "cannot write", name) from err


def _private(path: str, flags: int) -> int:
    """Open for the own user alone, whoever could read what was there before."""
    file = os.open(path, flags, PRIVATE_MODE)
    if stat.S_ISREG(os.fstat(file).st_mode):
        os.fchmod(file, PRIVATE_MODE)
    return file


def _camera(text: str) -> tuple[str, str]:
    node, _, camera = text.partition("/")
    if not _CAMERA.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not NODE/CAMERA, such as gate-3/gate")
    return node, camera
