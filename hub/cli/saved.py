"""`camwatch-hub filter`: filters that a user keeps under a name."""

from __future__ import annotations

import argparse
import json
import sys

from edge.base.clock import SystemClock
from hub.archive.opening import open_to_read, open_to_write
from hub.cli import filter_words
from hub.cli.render import table
from hub.cli.trail import noted
from hub.config import HubSettings
from hub.registry import filters, saved
from hub.registry.filters import FilterError

USAGE = 2
CHANGE = "filter.change"


def save(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Keep the filter that the options mean."""
    archive, _ = open_to_write(settings)
    try:
        words = filter_words.words_of(arguments, archive)
        filter_words.filter_of(arguments, archive, settings)
        user = filter_words.asker(arguments)
        with noted(archive, CHANGE, f"filter:{arguments.name}", name=user, how="save"):
            saved.save(
                archive, user, arguments.name, words, now=SystemClock().utc(), zone=settings.zone
            )
    except FilterError as err:
        print(f"camwatch-hub: {filter_words.said(err)}", file=sys.stderr)
        return USAGE
    finally:
        archive.close()
    return 0


def show(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the user's filters; 1 when there is none."""
    archive = open_to_read(settings)
    try:
        found = archive.saved_filters(filter_words.asker(arguments))
    finally:
        archive.close()
    if arguments.json:
        for name, query in found.items():
            print(json.dumps({"name": name, "filter": query}, ensure_ascii=False))
    elif found:
        print("\n".join(table([("name", "filter"), *found.items()])))
    return 0 if found else 1


def remove(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Forget a filter; 1 when there is no such one."""
    archive, _ = open_to_write(settings)
    try:
        user = filter_words.asker(arguments)
        with noted(archive, CHANGE, f"filter:{arguments.name}", name=user, how="remove"):
            is_gone = archive.remove_filter(user, arguments.name)
    finally:
        archive.close()
    if not is_gone:
        print(f"camwatch-hub: there is no filter {arguments.name!r}", file=sys.stderr)
    return 0 if is_gone else 1


def link(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the filter in the form that links carry, which means the same to everybody."""
    archive = open_to_read(settings)
    try:
        print(filters.text_of(filter_words.filter_of(arguments, archive, settings)))
    except FilterError as err:
        print(f"camwatch-hub: {filter_words.said(err)}", file=sys.stderr)
        return USAGE
    finally:
        archive.close()
    return 0
