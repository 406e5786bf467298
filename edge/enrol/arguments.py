"""The arguments of `camwatch-edge enrol`. Light, since every command loads them."""

from __future__ import annotations

import argparse

from edge.base.units import parse_duration_s


def declare(command: argparse.ArgumentParser) -> None:
    """Its arguments, beside --config."""
    command.add_argument(
        "file", metavar="NODEFILE", help="from the hub; - reads one, or its QR code's text"
    )
    command.add_argument(
        "--wait", type=_wait, default=0.0, metavar="TIME",
        help="try so long where the hub cannot be reached, such as 10m (default: once)",
    )  # fmt: skip
    command.add_argument(
        "--force", action="store_true",
        help="do not take over settings that are there; they are kept as edge.yaml.before",
    )  # fmt: skip
    command.add_argument(
        "--keep", action="store_true", help="do not wipe the node file when all is done"
    )
    command.add_argument(
        "--state-dir", metavar="DIR", help="folder for journal, key and spool (default: as settings"
        " say, or /var/lib/camwatch-edge)",
    )  # fmt: skip


def _wait(text: str) -> float:
    try:
        return parse_duration_s(text)
    except (ValueError, OverflowError) as err:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 10m") from err
