"""The broker's password and ACL files, made whole from the accounts each time one changes.

Each account is held to its own part of the topic tree: a node to its own subtree, a reader (home
automation, a display) to reading. The broker reads the files again on SIGHUP.
"""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Sequence
from pathlib import Path

from edge.base import durable
from edge.base.errors import CamwatchError, storage_error
from edge.contract import topics
from hub.archive.values import Credential
from hub.registry.accounts import SECRET_BYTES
from hub.registry.passwd import mqtt_hash

FILE_MODE = 0o640  # the broker's group may read
DIR_MODE = 0o750
HOME_ASSISTANT = "homeassistant"  # Home Assistant's default discovery prefix


def read_or_make_secret(path: Path) -> str:
    """The hub's own password at the broker, made in `path` if absent. Raises StorageError."""
    if not path.exists():
        durable.make_dirs(path.parent, mode=DIR_MODE)
        durable.write_file(path, secrets.token_urlsafe(SECRET_BYTES).encode() + b"\n")
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as err:
        raise storage_error(err, "cannot read", path) from err


def write(folder: Path, accounts: Sequence[Credential], *, hub_user: str, hub_secret: str) -> bool:
    """Write `passwd` and `acl` in `folder` where they differ; true when something changed."""
    durable.make_dirs(folder, mode=DIR_MODE)
    lines = [f"{hub_user}:{mqtt_hash(hub_user, hub_secret)}"]
    lines += [f"{account.name}:{account.mqtt_hash}" for account in accounts]
    is_new_passwd = write_if_changed(folder / "passwd", "\n".join(lines) + "\n")
    is_new_acl = write_if_changed(folder / "acl", acl_text(accounts, hub_user=hub_user))
    return is_new_passwd or is_new_acl


def acl_text(accounts: Sequence[Credential], *, hub_user: str) -> str:
    """The ACL file: one section an account, nothing for anybody else."""
    sections = [_section(hub_user, _hub_rules())]
    for account in accounts:
        rules = _node_rules(account.name) if account.role == "node" else _reader_rules()
        sections.append(_section(account.name, rules))
    return "# Made by camwatch-hub from its accounts; changes here are lost.\n" + "\n".join(
        sections
    )


def reload(broker_pid: int) -> None:
    """Have the broker read its files again. Raises CamwatchError when there is no such process."""
    try:
        os.kill(broker_pid, signal.SIGHUP)
    except OSError as err:
        raise CamwatchError(
            f"cannot signal the broker, process {broker_pid}: {err.strerror}",
            hint="the files are written; reload the broker by hand",
        ) from err


def _section(user: str, rules: Sequence[str]) -> str:
    return "\n".join([f"user {user}", *(f"topic {rule}" for rule in rules)]) + "\n"


def _hub_rules() -> list[str]:
    leaves = (topics.STATUS, topics.RECORD, f"{topics.SNAPSHOT}/+", topics.HEALTH)
    return [
        *(f"read {topics.of_all_nodes(leaf)}" for leaf in leaves),
        f"write {topics.of_all_nodes(topics.ACK)}",
        f"write {topics.camera_snapshot('+', '+')}",
        f"write {HOME_ASSISTANT}/device/+/config",
        f"read {HOME_ASSISTANT}/status",
    ]


def _node_rules(node: str) -> list[str]:
    return [
        f"write {topics.status(node)}",
        f"write {topics.record(node)}",
        f"write {topics.snapshot(node, '+')}",
        f"write {topics.health(node)}",
        f"write {topics.motion(node, '+')}",
        f"write {topics.camera_status(node, '+')}",
        f"read {topics.ack(node)}",
    ]


def _reader_rules() -> list[str]:
    return [
        f"read {topics.ROOT}/#",
        f"read {HOME_ASSISTANT}/#",
        f"write {HOME_ASSISTANT}/status",
    ]


def write_if_changed(path: Path, text: str, mode: int = FILE_MODE) -> bool:
    """Bring a file up to `text`; whether that was needed. Raises StorageError."""
    data = text.encode()
    try:
        if path.read_bytes() == data:
            return False
    except FileNotFoundError:
        pass
    except OSError as err:
        raise storage_error(err, "cannot read", path) from err
    durable.write_file(path, data, mode=mode)
    return True
