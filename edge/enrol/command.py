"""`camwatch-edge enrol`: its steps in order."""

from __future__ import annotations

import argparse
import os
import pwd
import sys
from datetime import datetime
from pathlib import Path

from edge import keys
from edge.base import crashpoint, durable, logs
from edge.base.clock import Clock, SystemClock
from edge.base.errors import ConfigError, StorageError
from edge.base.timesync import Machine
from edge.contract import nodefile
from edge.contract.errors import ContractError
from edge.contract.nodefile import NodeFile
from edge.enrol import note
from edge.enrol.plan import Plan, plan
from edge.enrol.redeem import Redeemer

KEY_FILE = "node.key"
STANDARD = "-"
PUBLIC_MODE = 0o644


def run(arguments: argparse.Namespace) -> int:
    """Join the hub; 0 once this box is the node, or was before. Raises CamwatchError."""
    logs.set_up("info")
    file = read(arguments.file)
    config: Path = arguments.config
    _refuse_stray_root(config.parent)
    made = plan(
        file, config.parent, None if arguments.force else _before(config), arguments.state_dir
    )
    durable.make_dirs(config.parent, mode=0o755)
    known = note.load(config.parent)
    is_known = known is not None and known.token_sha256 == note.digest_of(file.token)
    if is_known and known is not None and known.is_done and config.exists():
        print(f"this box is {file.node} already")
    else:
        _join(file, made, config, arguments.wait)
        cameras = ", ".join(camera.name for camera in made.settings.cameras)
        print(f"this box is {file.node} now, and watches {cameras}: {config}")
    if arguments.file != STANDARD and not arguments.keep:
        wipe(Path(arguments.file))
    return 0


def read(name: str) -> NodeFile:
    """The node file of that name, or from standard input. Raises ConfigError."""
    try:
        if name == STANDARD:
            data = sys.stdin.buffer.read(nodefile.MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as opened:
                data = opened.read(nodefile.MAX_BYTES + 1)
    except OSError as err:
        raise ConfigError(f"cannot read {name}: {err.strerror}") from err
    try:
        return nodefile.decode(data)
    except ContractError as err:
        raise ConfigError(
            f"{name}: {err}", hint="make a new one at the hub: camwatch-hub node replace NAME"
        ) from err


def wipe(path: Path) -> None:
    """Write over the file and remove it. Where that cannot be, what is left is a used token."""
    try:
        size_bytes = path.stat().st_size
        held = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.write(held, b"\0" * size_bytes)
            os.fsync(held)
        finally:
            os.close(held)
        durable.remove(path)
    except (OSError, StorageError) as err:
        print(f"camwatch-edge: {path} cannot be wiped: {err}; remove it", file=sys.stderr)


class _Times:
    """The box's clock, and whether it was set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._machine = Machine()

    def utc(self) -> datetime:
        return self._clock.utc()

    def is_set(self) -> bool:
        return self._machine.read() is not None


def _join(file: NodeFile, made: Plan, config: Path, wait_s: float) -> None:
    """Steps 2 to 7 of this room."""
    folder = config.parent
    state_dir = Path(made.settings.state_dir)
    durable.make_dirs(state_dir)
    key = keys.load_or_make(state_dir / KEY_FILE)
    noted = note.begin(folder, file.token)
    secret = noted.secret or _kept_secret(folder / made.secret_name)
    Redeemer(file, key, secret, _Times(SystemClock())).redeem(wait_s)
    crashpoint.at("enrol.redeemed")
    for name, data in made.public.items():
        durable.write_file(folder / name, data, mode=PUBLIC_MODE)
    for name, data in made.private.items():
        durable.write_file(folder / name, data)
    durable.write_file(folder / made.secret_name, secret.encode() + b"\n")
    if made.is_changed:
        if config.exists():
            before = config.with_name(config.name + ".before")
            durable.write_file(before, config.read_bytes())
        durable.write_file(config, made.text)
    note.finish(folder, noted)


def _kept_secret(path: Path) -> str:
    """Of a box that is done with this token, and whose settings were removed since."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(
            f"this node file was used here before, and {path} is gone",
            hint="make a new one at the hub: camwatch-hub node replace NAME",
        ) from err


def _before(config: Path) -> bytes | None:
    try:
        return config.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as err:
        raise ConfigError(f"cannot read {config}: {err.strerror}") from err


def _refuse_stray_root(folder: Path) -> None:
    """What root would write, the agent's own user could not read. Raises ConfigError."""
    try:
        owner = folder.stat().st_uid
    except OSError:
        return
    if os.geteuid() == 0 and owner != 0:
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = f"#{owner}"
        raise ConfigError(
            f"{folder} belongs to {name}, and this is root",
            hint=f"run this as its own user: sudo -u {name} camwatch-edge enrol ...",
        )
