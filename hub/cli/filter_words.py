"""Filters of events on the command line: the words of links and saved filters, as options.

A saved filter keeps the words as they were typed, so that `yesterday` is each day's own yesterday.
"""

from __future__ import annotations

import argparse
from urllib.parse import parse_qsl

from edge.base.clock import SystemClock
from edge.base.errors import CamwatchError
from hub.archive import Archive
from hub.archive.remarks import user_of
from hub.archive.scope import EVERYTHING
from hub.archive.values import KINDS, MARKS, EventFilter
from hub.cli.known_names import refuse_unknown_names
from hub.cli.trail import login_name
from hub.config import HubSettings
from hub.registry import filters
from hub.registry.filters import FilterError

Words = list[tuple[str, str]]


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare an option for each word of a filter, and what gives several at once."""
    add = command.add_argument
    add("--since", metavar="TIME", help="started then or later")
    add("--until", metavar="TIME", help="started before; a day means its end")
    add("--node", help="of this node")
    add("--camera", help="of cameras of this name")
    add("--area", metavar="CODE", help="in this area, or one below it")
    add("--organisation", metavar="CODE", help="of its cameras")
    add("--kind", action="append", help=f"{', '.join(KINDS)}; may be given several times")
    add("--zone", help="that touched this zone")
    add("--label", help="that the node's classifier took for this: person, ...")
    add("--min-duration", metavar="TIME", help="such as 10s or 1m")
    add("--max-duration", metavar="TIME", help="such as 10s or 1m")
    add(
        "--mark", "--state", action="append", type=mark_word, metavar="MARK",
        help=f"that a person marked so: {', '.join(MARKS)}; may be given several times",
    )  # fmt: skip
    add(
        "--text",
        metavar="WORDS",
        help="with these words, with or without their marks, in notes or in names of camera, area"
        " or organisation; '\"words in a row\"' and begin* are understood",
    )
    add("--link", metavar="TEXT", help="the filter of a link: what stands behind its ?")
    add("--saved", metavar="NAME", help="a filter that you saved; other options change it")
    add("--user", metavar="NAME", help="whose saved filters (default: your login name)")


def filter_of(
    arguments: argparse.Namespace, archive: Archive, settings: HubSettings
) -> EventFilter:
    """The filter that the options mean, of what there is. Raises FilterError, CamwatchError."""
    where = filters.parse(
        words_of(arguments, archive), now=SystemClock().utc(), zone=settings.zone, scope=EVERYTHING
    )
    refuse_unknown_names(archive, where)
    return where


def words_of(arguments: argparse.Namespace, archive: Archive) -> Words:
    """The words as typed: of the saved filter, changed by the link's, changed by the options."""
    saved = "" if arguments.saved is None else _saved(arguments, archive)
    link = (arguments.link or "").partition("?")
    given: Words = []
    for word in filters.WORDS:
        value = getattr(arguments, word)
        values = value if isinstance(value, list) else [value]
        given += [(word, each) for each in values if each is not None]
    words: Words = []
    for layer in (parse_qsl(saved), parse_qsl(link[2] or link[0]), given):
        named = {word for word, _ in layer}
        words = [pair for pair in words if pair[0] not in named] + layer
    return words


def asker(arguments: argparse.Namespace) -> str:
    """Whose filters these are: the user that is named, or who types; with sudo, who typed that.

    Raises RemarkError.
    """
    return user_of(arguments.user or login_name())


def _saved(arguments: argparse.Namespace, archive: Archive) -> str:
    user = asker(arguments)
    found = archive.saved_filters(user)
    if arguments.saved not in found:
        names = ", ".join(found) or "none"
        raise CamwatchError(
            f"{user} saved no filter {arguments.saved!r}", hint=f"saved are: {names}"
        )
    return found[arguments.saved]


def mark_word(text: str) -> str:
    """A mark, also with - for _. Raises ArgumentTypeError."""
    word = text.lower().replace("-", "_")
    if word in MARKS:
        return word
    raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(MARKS)}")


def said(err: FilterError) -> str:
    """What is wrong with a filter, by the options that say it."""
    return "; ".join(f"--{word.replace('_', '-')}: {why}" for word, why in err.problems.items())
