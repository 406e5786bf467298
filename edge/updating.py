"""`camwatch-edge update`: what the updates' installer does, for its unit and for people on site."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from edge import __version__, selftest
from edge.base import logs
from edge.base.clock import SystemClock, utc_text
from edge.base.errors import CamwatchError, ConfigError, storage_error
from edge.config import node as node_config
from edge.config.secrets import read_hub_key
from edge.contract import releasefile
from edge.update import layout as layouts
from edge.update import links, progress, trial
from edge.update.build import Facts
from edge.update.installer import HOLD_S, LIMIT_S, SILENT_S, Installer, Node, Terms
from edge.update.progress import Progress

RESTART = "systemctl --no-block restart camwatch-edge.service"


def declare(parser: argparse.ArgumentParser, config: Path) -> None:
    """The command's arguments."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    status = actions.add_parser(
        "status", help="say which versions lie here and what was tried last"
    )
    status.set_defaults(command=_status)
    run = actions.add_parser("run", help="take up what the agent fetched (camwatch-update.service)")
    run.set_defaults(command=_run)
    install = actions.add_parser(
        "install",
        help="install a release from a file, as root, where no hub can bring it",
        description="Checks the release as if the hub had brought it, builds and tests it beside"
        " the version that runs, puts it on trial, and takes it back unless all works as before."
        " Exit status: 0 it is good, 1 it was refused, failed, or taken back.",
    )
    install.add_argument("release", type=Path, metavar="FILE")
    install.add_argument("--allow-older", action="store_true", help="an older version is meant")
    install.set_defaults(command=_install)
    end = actions.add_parser(
        "end-trial",
        help="end a trial that was cut short (scripts/install-node)",
        description="Has the version before run at the next start, and forgets the trial. For"
        " install-node, which keeps updates away meanwhile; it restarts nothing.",
    )
    end.set_defaults(command=_end_trial)
    for each in (run, install):
        each.add_argument(
            "--config", type=Path, default=config, help=f"settings (default {config})"
        )
        each.add_argument("--hold-s", type=float, default=HOLD_S, help="how long it has to be well")
        each.add_argument("--limit-s", type=float, default=LIMIT_S, help="how long it may take")
        each.add_argument("--silent-s", type=float, default=SILENT_S, help="without a sign of life")
        each.add_argument("--restart-with", default=RESTART, metavar="COMMAND",
                          help=f"what starts the agent anew (default: {RESTART})")  # fmt: skip


def _run(arguments: argparse.Namespace) -> int:
    """0 whatever became of it, as the hub is told; not 0 asks systemd to try again."""
    logs.set_up("info")
    os.umask(0o022)  # versions and notes are read by other users
    with _turn():
        _installer(arguments).run()
    return 0


def _install(arguments: argparse.Namespace) -> int:
    logs.set_up("info")
    _need_root()
    os.umask(0o022)
    with _turn(), releasefile.open_file(arguments.release) as opened:
        done = _installer(arguments).install(
            opened.manifest,
            opened.signature,
            opened.copy_bundle,
            may_be_older=arguments.allow_older,
        )
    print("\n".join(_lines(done)))
    return 0 if done.stage == "good" else 1


def _end_trial(_: argparse.Namespace) -> int:
    """Without a turn of its own: the caller has it."""
    logs.set_up("info")
    _need_root()
    os.umask(0o022)
    ended = trial.end(layouts.of_this_software(), SystemClock())
    if ended is None:
        print("no version is on trial")
    else:
        print(f"the trial of {ended.wanted} in place of {ended.before} is ended")
    return 0


def _need_root() -> None:
    if os.geteuid() != 0 and layouts.of_this_software().root == Path("/"):
        raise CamwatchError("only root may change what runs", hint="sudo camwatch-edge update ...")


def _status(arguments: argparse.Namespace) -> int:
    layout = layouts.of_this_software()
    current = links.name_of(layout.current)
    if current is None:
        raise ConfigError(
            f"{layout.software} is no installation that can be updated",
            hint="install the node with scripts/install-node",
        )
    print(f"runs:    {current}")
    proven = links.name_of(layout.proven)
    print(f"proven:  {proven or 'nothing'}")
    kept = sorted(path.name for path in layout.versions.iterdir())
    print(f"kept:    {', '.join(kept)}")
    print("\n".join(_lines(progress.load(layout.state))))
    return 0


def _lines(found: Progress) -> list[str]:
    when = f", {utc_text(found.at_utc)}" if found.at_utc is not None else ""
    lines = [f"update:  {found.stage}{f' {found.wanted}' if found.wanted else ''}{when}"]
    return lines + ([f"because: {found.reason}: {found.detail}"] if found.reason else [])


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    """One installer or update at a time. Raises CamwatchError while another is under way."""
    path = layouts.of_this_software().turns
    try:
        held = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as err:
        raise storage_error(err, "cannot lock", path) from err
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as err:
        raise CamwatchError(
            "another installation or update is under way", hint="wait until it has ended",
            is_retryable=True,
        ) from err  # fmt: skip
    finally:
        os.close(held)


def _installer(arguments: argparse.Namespace) -> Installer:
    settings = node_config.load(arguments.config)
    return Installer(
        layouts.of_this_software(),
        Node(
            settings.node,
            arguments.config,
            Path(settings.state_dir),
            read_hub_key(Path(settings.hub.public_key_file)),
        ),
        clock=SystemClock(),
        restart=shlex.split(arguments.restart_with),
        facts=_facts,
        terms=Terms(arguments.hold_s, arguments.limit_s, arguments.silent_s),
    )


def _facts() -> Facts:
    found = selftest.facts()
    return Facts(__version__, int(str(found["journal"])), int(str(found["journal_usable_from"])))
