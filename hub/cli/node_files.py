"""`camwatch-hub node`: node files for boxes that join, for one, many, or one more box of a name;
and shutting a node out."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.base import durable
from edge.base.clock import SystemClock
from edge.base.errors import CamwatchError, ConfigError, StorageError
from edge.base.units import format_count
from edge.contract import names, nodefile
from edge.contract.errors import ContractError
from edge.contract.nodefile import FileCamera, NodeFile
from hub.archive.opening import open_to_write
from hub.cli import accounts
from hub.cli.registry_files import read_file
from hub.cli.render import local_text
from hub.cli.trail import actor
from hub.config import HubSettings
from hub.registry import identity, node_table, qr
from hub.registry.broker_access import PROOF_S, BrokerAccess, BrokerBehindError
from hub.registry.enrolment import NewNode, NodeFileError, NodeFiles, camera_of, named_source
from hub.registry.node_table import COLUMNS

__all__ = ["COLUMNS", "add", "import_", "replace", "revoke"]
STANDARD = "-"
MAX_PASSWORD_BYTES = 4096
SHOWN = 5  # of the files that are there already


@dataclass(frozen=True)
class _Open:
    """What the commands work with."""

    files: NodeFiles
    access: BrokerAccess


def add(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Make a node and write its file; with --secret-to an account at once."""
    if arguments.secret_to is not None:
        return accounts.add(arguments, settings)
    if arguments.replace:
        raise NodeFileError(
            "usage", "--replace goes with --secret-to",
            hint=f"camwatch-hub node replace {arguments.name} makes a new node file",
        )  # fmt: skip
    node = NewNode(arguments.name, _cameras(arguments), arguments.area, arguments.organisation)
    where = _Where.of(arguments, is_replacing=False)
    with _opened(settings) as opened:
        (file,) = opened.files.add([node], actor(), arguments.valid)
    return where.write(file, settings)


def replace(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Make a new file for a known node; with --now its box is out when this returns."""
    cameras, where = _cameras(arguments), _Where.of(arguments, is_replacing=True)
    with _opened(settings) as opened:
        file = opened.files.replace(
            arguments.name, actor(), arguments.valid, cameras=cameras, is_now=arguments.now
        )
        where.write(file, settings)
        if arguments.now:
            _bring(opened.access, arguments.name)
    return 0


def import_(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Make files for all nodes of a CSV file; a file that is there already stays, and none is
    made then."""
    content = read_file(arguments.file)
    folder = Path(arguments.to)
    durable.make_dirs(folder)
    _refuse_closed("--to", folder)
    suffixes = (nodefile.SUFFIX, ".png") if arguments.qr else (nodefile.SUFFIX,)

    def look(names: Sequence[str]) -> None:
        _spare_all([folder / f"{name}{suffix}" for name in names for suffix in suffixes])

    with _opened(settings) as opened:
        files = node_table.import_nodes(opened.files, content, actor(), arguments.valid, look)
    for file in files:
        durable.write_file(folder / f"{file.node}{nodefile.SUFFIX}", nodefile.encode(file))
        if arguments.qr:
            durable.write_file(folder / f"{file.node}.png", qr.png(file))
    print(f"{format_count(len(files), 'node file')} in {folder}")
    return 0


def revoke(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Shut a node out; 0 once the broker has shown that it is out. How soon that was is said."""
    with _opened(settings) as opened:
        begun_s = time.monotonic()
        opened.files.revoke(arguments.name, actor())
        _bring(opened.access, arguments.name)
        took_s = time.monotonic() - begun_s
    print(f"{arguments.name} is out; the broker showed it after {took_s:.2f} s")
    return 0


def _bring(access: BrokerAccess, name: str) -> None:
    """Have the broker know that the account of `name` has ended, and show it within PROOF_S.

    Raises BrokerBehindError: the account has ended all the same.
    """
    access.publish()
    try:
        access.prove(PROOF_S)
    except BrokerBehindError as err:
        raise BrokerBehindError(
            f"the account of {name} has ended, but its connection may go on: {err}",
            hint=err.hint,
            is_retryable=True,
        ) from err


@contextlib.contextmanager
def _opened(settings: HubSettings) -> Iterator[_Open]:
    archive, _ = open_to_write(settings)
    try:
        key = identity.load_key(settings)
        files = NodeFiles(settings, archive, key, SystemClock())
        yield _Open(files, BrokerAccess(settings, archive))
    finally:
        archive.close()


def _cameras(arguments: argparse.Namespace) -> tuple[FileCamera, ...]:
    """The cameras on the command line. Raises NodeFileError, ConfigError."""
    subs = dict(_named(each) for each in arguments.sub_stream)
    password = _password(arguments.camera_password_file)
    if arguments.camera_user is not None and password is None:
        raise NodeFileError(
            "camera", "--camera-user: there is no password for it", field="password",
            hint="give the file with it: --camera-password-file FILE",
        )  # fmt: skip
    found = []
    for number, text in enumerate(arguments.camera):
        fallback = "camera" if number == 0 else f"camera-{number + 1}"
        name, source = named_source(text, fallback)
        found.append(
            camera_of(
                name, source, sub_source=subs.pop(name, None), user=arguments.camera_user,
                password=password,
            )
        )  # fmt: skip
    if subs:
        raise NodeFileError(
            "camera", f"--sub-stream {next(iter(subs))}: there is no --camera of that name",
            field="sub_source",
        )  # fmt: skip
    return tuple(found)


def _named(text: str) -> tuple[str, str]:
    name, equals, url = text.partition("=")
    if not equals or not names.is_node(name):
        raise NodeFileError("camera", "--sub-stream: give NAME=URL", field="sub_source")
    return name, url


def _password(path: str | None) -> str | None:
    """Raises ConfigError; the password is in no message."""
    if path is None:
        return None
    try:
        if Path(path).stat().st_mode & 0o077:
            raise ConfigError(
                f"--camera-password-file: {path} can be read by others", hint=f"chmod 600 {path}"
            )
        text = Path(path).read_text(encoding="utf-8")[:MAX_PASSWORD_BYTES]
    except OSError as err:
        raise ConfigError(
            f"--camera-password-file: cannot read {path}: {err.strerror}",
            hint="a file of mode 0600 that belongs to the user who runs this",
        ) from err
    except UnicodeDecodeError as err:
        raise ConfigError(
            f"--camera-password-file: {path} is not UTF-8", hint="write the password as plain text"
        ) from err
    return text.partition("\n")[0].strip() or None


@dataclass(frozen=True)
class _Where:
    """Where a node file and its QR code go; looked at before a token is made."""

    file: str | None
    code: str | None

    @classmethod
    def of(cls, arguments: argparse.Namespace, *, is_replacing: bool) -> _Where:
        """A folder as --to takes NAME.node. Raises StorageError where nothing can be written
        there, or what is there would be lost."""
        name, to, code = arguments.name, arguments.to, arguments.qr
        if to is None and code != STANDARD:
            to = f"{name}{nodefile.SUFFIX}"
        elif to not in (None, STANDARD) and Path(to).is_dir():
            to = str(Path(to) / f"{name}{nodefile.SUFFIX}")
        for option, path in (("--to", to), ("--qr", code)):
            if path in (None, STANDARD):
                continue
            _refuse_closed(option, Path(path).parent)
        if code not in (None, STANDARD) and Path(code).suffix not in (".png", ".svg"):
            raise CamwatchError(f"--qr: {code} ends neither with .png nor with .svg")
        if to not in (None, STANDARD):
            _spare_file(Path(to), name)
        if code not in (None, STANDARD) and not (is_replacing and Path(code).stem == name):
            _spare(Path(code), "--qr")
        return cls(to, code)

    def write(self, file: NodeFile, settings: HubSettings) -> int:
        """Write both and say so."""
        if self.file == STANDARD:
            sys.stdout.write(nodefile.encode(file).decode())
        elif self.file is not None:
            durable.write_file(Path(self.file), nodefile.encode(file))
        if self.code == STANDARD:
            print(qr.terminal(file))
        elif self.code is not None:
            draw = qr.svg if self.code.endswith(".svg") else qr.png
            durable.write_file(Path(self.code), draw(file))
        for line in _said(self, file, settings):
            print(f"camwatch-hub: {line}", file=sys.stderr)
        return 0


def _refuse_closed(option: str, folder: Path) -> None:
    """Raises StorageError where this user can write no file in that folder."""
    if not os.access(folder, os.W_OK):
        raise StorageError(
            f"{option}: no file can be written in {folder}", path=str(folder),
            hint="name a folder that exists and that this user may write to",
        )  # fmt: skip


def _spare_all(paths: Sequence[Path]) -> None:
    """Keep what is at any of `paths`. Raises StorageError that names the first of them."""
    there = [path for path in paths if os.path.lexists(path)]
    if not there:
        return
    more = f", and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
    raise StorageError(
        f"--to: {', '.join(map(str, there[:SHOWN]))}{more}: there already, and nothing was made",
        path=str(there[0]), is_retryable=False,
        hint="name another folder, or remove these if nobody needs them",
    )  # fmt: skip


def _spare_file(path: Path, name: str) -> None:
    """Keep what is at `path`, unless it is a node file of `name`. Raises StorageError."""
    owner = None
    if path.is_file():
        with contextlib.suppress(OSError, ContractError), path.open("rb") as file:
            owner = nodefile.decode(file.read(nodefile.MAX_BYTES + 1)).node
    if owner != name:
        _spare(path, "--to", owner)


def _spare(path: Path, option: str, owner: str | None = None) -> None:
    """Keep what is at `path`. Raises StorageError where something is."""
    if not os.path.lexists(path):
        return
    whose = f", for {owner}" if owner else ""
    raise StorageError(
        f"{option}: {path} is there already{whose}", path=str(path), is_retryable=False,
        hint="name another file, or remove that one if nobody needs it",
    )  # fmt: skip


def _said(where: _Where, file: NodeFile, settings: HubSettings) -> Sequence[str]:
    until = local_text(file.expires_utc, settings.zone)
    lines = [f"{where.file or 'the code'} is for one box, until {until}; keep it secret"]
    if not file.cameras:
        lines.append(
            f"no camera in it: the box needs its own /etc/camwatch/edge.yaml for {file.node}"
        )
    return lines
