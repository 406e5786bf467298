"""`camwatch-hub replay` and `suggest`: other settings on the traces that nodes sent.

The verdicts are the marks of the archive, unless a file is named.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from edge.base import schema
from edge.base.clock import SystemClock
from edge.base.errors import CamwatchError
from edge.contract.settings import CAMERAS, Plain, SettableCamera, flat, over
from edge.trace import command, report, suggest
from edge.trace.candidates import Plan
from edge.trace.command import BEGINNING, END, Output
from edge.trace.suggest import Advice, Proposal
from edge.trace.tape import Tape, Window
from edge.trace.verdicts import Verdict, Verdicts, read
from hub.archive.opening import open_to_read
from hub.archive.values import CameraKey, EventFilter, Mark
from hub.cli.filter_words import asker
from hub.cli.known_names import refuse_unknown_names
from hub.cli.registry_files import writing
from hub.cli.settings import apply, own_path, said
from hub.config import HubSettings
from hub.registry import settings as settings_of
from hub.registry import when
from hub.traces import TraceStore

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

PAGE = 1000
USAGE, NOTHING = 2, 1
JUDGED: dict[Mark, Verdict] = {"confirmed": "confirmed", "false_alarm": "false_alarm"}


def declare(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Both commands' arguments."""
    times = " TIME is as for query."
    again = commands.add_parser(
        "replay",
        parents=[shared],
        help="try other motion settings on what cameras saw",
        description="Tries other motion settings on the traces that nodes sent, and says which"
        " events would be gone, kept and new, against the marks of the archive. Exit status 3: a"
        " confirmed event would be lost." + times,
    )
    command.add_arguments(again)
    again.set_defaults(run=run)
    advice = commands.add_parser(
        "suggest",
        parents=[shared],
        help="propose motion settings that drop false alarms",
        description="Proposes settings by the events that were marked confirmed or false alarm."
        " Each comes with the proof, by replay, that no confirmed event is lost." + times,
    )
    advice.add_argument("--camera", help="of cameras of this name (default: all)")
    advice.add_argument("--verdicts", type=Path, metavar="FILE", help="instead of marks")
    advice.add_argument("--json", action="store_true", help="one JSON object a camera")
    advice.add_argument(
        "--apply", type=_number, metavar="NUMBER",
        help="set that proposal from here: needs --node and --camera; settings undo takes it back",
    )  # fmt: skip
    advice.add_argument("--user", metavar="NAME", help="of --apply: who (default: your login name)")
    advice.set_defaults(run=run_suggest, all=False)
    for each in (again, advice):
        each.add_argument("--node", help="of this node (default: all)")
        each.add_argument("--since", metavar="TIME", help="events that began then or later")
        each.add_argument("--until", metavar="TIME", help="events that began before")


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Judge anew and print."""
    try:
        window = _window(arguments, settings)
    except ValueError as err:
        print(f"camwatch-hub: {err}", file=sys.stderr)
        return USAGE
    command.check(arguments)
    tapes = _tapes(arguments, settings)
    known = {} if arguments.verdicts or arguments.suppressed else _marks(arguments, settings)
    return command.run(arguments, tapes, window, _output(arguments, settings), known)


def run_suggest(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print proposals; 1 where there are none. With `--apply`, set one of them."""
    if arguments.apply is not None and not (arguments.node and arguments.camera):
        print("camwatch-hub: --apply: name the camera, with --node and --camera", file=sys.stderr)
        return USAGE
    try:
        window = _window(arguments, settings)
    except ValueError as err:
        print(f"camwatch-hub: {err}", file=sys.stderr)
        return USAGE
    tapes = _tapes(arguments, settings)
    said = read(arguments.verdicts) if arguments.verdicts else _marks(arguments, settings)
    output = _output(arguments, settings)
    status = NOTHING
    for tape in tapes:
        own = _own(settings, tape)
        plan = None if own is None else Plan.of(own)
        advice = suggest.advise(tape, said, window=window, plan=plan)
        command.show(output, report.advice_object(advice), report.advice_lines(advice, output.zone))
        status = 0 if advice.proposals else status
        if arguments.apply is not None:
            _apply(arguments, settings, advice, own)
    return status


def _own(settings: HubSettings, tape: Tape) -> SettableCamera | None:
    """The camera's own settings and schedules, as the node said; None where it did not."""
    if not settings.archive_path.exists():
        return None
    archive = open_to_read(settings)
    try:
        return settings_of.effective_camera(archive, CameraKey(tape.node, tape.camera))
    finally:
        archive.close()


def _apply(
    arguments: argparse.Namespace, settings: HubSettings, advice: Advice,
    own: SettableCamera | None,
) -> None:  # fmt: skip
    """Make a version of the node's settings with the proposal in it."""
    if arguments.apply > len(advice.proposals):
        raise CamwatchError(
            f"--apply {arguments.apply}: there is no such proposal",
            hint=f"there are {len(advice.proposals)}",
        )
    proposal = advice.proposals[arguments.apply - 1]
    camera = advice.tape.camera

    def how(plain: Plain) -> Plain:
        if own is not None:
            _refuse_changed(own, plain, advice.tape, proposal)
        for path, value in flat(proposal.candidate.written).items():
            settings_of.put(plain, own_path(camera, path), value)
        return plain

    note = f"suggested: {proposal.name}, drops {proposal.dropped} of {proposal.false_alarms}"
    with writing(settings) as archive:
        made = apply(archive, advice.tape.node, how, note, asker(arguments))
    print(said(made), file=sys.stderr if arguments.json else sys.stdout)


def _refuse_changed(own: SettableCamera, plain: Plain, tape: Tape, proposal: Proposal) -> None:
    """Raises CamwatchError where what is proposed was changed since it was proven: it would be
    put back. `plain`: what the hub wants of the node now."""
    part = {CAMERAS: {own.name: plain.get(CAMERAS, {}).get(own.name, {})}}
    wanted = over({own.name: schema.dump(own)}, part)[own.name]
    key, ran = proposal.candidate.key, tape.settings
    is_same = getattr(wanted.motion, key) == getattr(
        own.motion if proposal.candidate.only_at is not None else ran, key
    )
    if not is_same or wanted.schedules != own.schedules:
        raise CamwatchError(
            f"--apply: motion.{key} or the schedules were changed since the traces were made",
            hint="nodes send traces about an hour late; try again then",
        )


def _number(text: str) -> int:
    """Raises ArgumentTypeError."""
    if text.isascii() and text.isdigit() and 1 <= int(text[:3]) <= 99:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not the number of a proposal")


def _tapes(arguments: argparse.Namespace, settings: HubSettings) -> list[Tape]:
    if settings.archive_path.exists():
        archive = open_to_read(settings)
        try:
            where = EventFilter(node=arguments.node, camera=arguments.camera)
            refuse_unknown_names(archive, where)
        finally:
            archive.close()
    store = TraceStore(
        settings.traces_path,
        camera_bytes=settings.traces.max_bytes_a_camera,
        keep_s=settings.traces.keep_s,
    )
    return command.chosen(
        store.paths(arguments.node), arguments.camera, hint="nodes send traces about an hour late"
    )


def _marks(arguments: argparse.Namespace, settings: HubSettings) -> Verdicts:
    """The marks of the archive that are verdicts."""
    found: dict[str, Verdict] = {}
    where = EventFilter(node=arguments.node, camera=arguments.camera, marks=tuple(JUDGED))
    archive = open_to_read(settings)
    try:
        before = None
        while page := archive.events(where, limit=PAGE, before=before):
            found |= {each.id: JUDGED[each.mark] for each in page if each.mark in JUDGED}
            before = page[-1].key
    finally:
        archive.close()
    return found


def _window(arguments: argparse.Namespace, settings: HubSettings) -> Window | None:
    if arguments.since is None and arguments.until is None:
        return None
    now = SystemClock().utc()

    def moment(text: str | None, default: datetime, *, is_end: bool) -> datetime:
        if text is None:
            return default
        return when.parse(text, now=now, zone=settings.zone, is_end=is_end)

    return (
        moment(arguments.since, BEGINNING, is_end=False),
        moment(arguments.until, END, is_end=True),
    )


def _output(arguments: argparse.Namespace, settings: HubSettings) -> Output:
    return Output(is_json=arguments.json, lists_all=arguments.all, zone=settings.zone)
