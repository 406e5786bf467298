"""`camwatch-hub reader add`, `node add --secret-to` and `key`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from edge.base import durable
from edge.base.clock import SystemClock
from edge.base.errors import StorageError
from hub.archive.opening import open_to_write, refuse_stray_root
from hub.cli.trail import noted
from hub.config import HubSettings
from hub.registry import accounts, identity
from hub.registry.broker_access import BrokerAccess


def add(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Make an account, write the broker's files, give out the secret."""
    given = arguments.secret_to
    to = None if given in (None, "-") else Path(given)
    option = "--to" if arguments.role == "reader" else "--secret-to"
    if to is not None and not os.access(to.parent, os.W_OK):
        raise StorageError(  # before the account is made: its secret is shown only once
            f"{option}: no file can be written in {to.parent}", path=str(to),
            hint="name a folder that exists and that this user may write to",
        )  # fmt: skip
    archive, _ = open_to_write(settings)
    try:
        identity.load_key(settings)
        how = "replace" if arguments.replace else "add"
        with noted(archive, "account.add", f"{arguments.role}:{arguments.name}", how=how):
            secret = accounts.add(
                archive, arguments.name, arguments.role, SystemClock(),
                is_replacing=arguments.replace,
            )  # fmt: skip
        if to is None:
            print(secret)
        else:
            durable.write_file(to, secret.encode() + b"\n")
        BrokerAccess(settings, archive).publish()
    finally:
        archive.close()
    return 0


def print_key(_arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print the hub's public key, base64, made at first use."""
    refuse_stray_root(settings)
    print(identity.load_key(settings).public.text)
    return 0
