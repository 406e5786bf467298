"""The broker's password and ACL files, made whole from the accounts each time one changes.

Each account is held to its own part of the topic tree: a node to its own subtree, a reader (home
automation, a display) to reading. Where a node is out, the hub may write its status, and only then:
to take back what stands there. The broker reads the files again on SIGHUP.

One more line names the files' generation: an account without any rights, whose name and password
follow from all the rest. Whoever can log in with it knows that the broker has read these very files
(docs/design/enrolment.md). `acl` is written before `passwd`, so that whoever gets in has rights.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.base import durable
from edge.base.errors import storage_error
from edge.contract import topics
from hub.archive.values import Credential
from hub.registry.accounts import SECRET_BYTES
from hub.registry.passwd import mqtt_hash

FILE_MODE = 0o640  # the broker's group may read
DIR_MODE = 0o750
HOME_ASSISTANT = "homeassistant"  # Home Assistant's default discovery prefix
GENERATION_PREFIX = "_generation-"  # no node's name begins so


def read_or_make_secret(path: Path) -> str:
    """The hub's own password at the broker, made in `path` if absent. Raises StorageError."""
    if not path.exists():
        durable.make_dirs(path.parent, mode=DIR_MODE)
        durable.write_file(path, secrets.token_urlsafe(SECRET_BYTES).encode() + b"\n")
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as err:
        raise storage_error(err, "cannot read", path) from err


def write(
    folder: Path, accounts: Sequence[Credential], *, hub_user: str, hub_secret: str,
    shut_out: Sequence[str] = (),
) -> bool:  # fmt: skip
    """Write `passwd` and `acl` in `folder` where they differ; true when something changed.

    `shut_out` are nodes that have no account any more.
    """
    durable.make_dirs(folder, mode=DIR_MODE)
    texts = _texts(accounts, shut_out, hub_user=hub_user, hub_secret=hub_secret)
    changed = [name for name, text in texts.items() if write_if_changed(folder / name, text)]
    return bool(changed)


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold off other writers, in this process and others: what they read of the accounts must not
    be written over what is newer. Blocks for as long as they take. Raises StorageError."""
    durable.make_dirs(folder, mode=DIR_MODE)
    path = folder / "lock"
    try:
        held = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as err:
        raise storage_error(err, "cannot lock", path) from err
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def generation(folder: Path, hub_secret: str) -> tuple[str, str]:
    """Name and password of the account that proves that the files are read as they are now.

    Raises StorageError.
    """
    path = folder / "passwd"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as err:
        raise storage_error(err, "cannot read", path) from err
    name = lines[-1].partition(":")[0] if lines else ""
    return name, _generation_secret(name, hub_secret)


def outdated(
    folder: Path, accounts: Sequence[Credential], *, hub_user: str, hub_secret: str,
    shut_out: Sequence[str] = (),
) -> list[str]:  # fmt: skip
    """The names of the files that `write` would change. Raises StorageError."""
    found = []
    texts = _texts(accounts, shut_out, hub_user=hub_user, hub_secret=hub_secret)
    for name, text in texts.items():
        try:
            if (folder / name).read_bytes() != text.encode():
                found.append(name)
        except FileNotFoundError:
            found.append(name)
        except OSError as err:
            raise storage_error(err, "cannot read", folder / name) from err
    return found


def _texts(
    accounts: Sequence[Credential], shut_out: Sequence[str], *, hub_user: str, hub_secret: str
) -> dict[str, str]:
    """What the files hold, by name, in the order in which they are written."""
    lines = [f"{hub_user}:{mqtt_hash(hub_user, hub_secret)}"]
    lines += [f"{account.name}:{account.mqtt_hash}" for account in accounts]
    acl = acl_text(accounts, shut_out, hub_user=hub_user)
    digest = hashlib.sha256("\n".join((*lines, acl)).encode()).hexdigest()
    name = GENERATION_PREFIX + digest[:16]
    lines.append(f"{name}:{mqtt_hash(name, _generation_secret(name, hub_secret))}")
    return {"acl": acl, "passwd": "\n".join(lines) + "\n"}


def _generation_secret(name: str, hub_secret: str) -> str:
    return hmac.new(hub_secret.encode(), name.encode(), hashlib.sha256).hexdigest()


def acl_text(accounts: Sequence[Credential], shut_out: Sequence[str] = (), *, hub_user: str) -> str:
    """The ACL file: one section an account, nothing for anybody else."""
    known = {account.name for account in accounts}
    taken_back = [f"write {topics.status(node)}" for node in shut_out if node not in known]
    sections = [_section(hub_user, _hub_rules() + taken_back)]
    for account in accounts:
        rules = _node_rules(account.name) if account.role == "node" else _reader_rules()
        sections.append(_section(account.name, rules))
    return "# Made by camwatch-hub from its accounts; changes here are lost.\n" + "\n".join(
        sections
    )


def _section(user: str, rules: Sequence[str]) -> str:
    return "\n".join([f"user {user}", *(f"topic {rule}" for rule in rules)]) + "\n"


def _hub_rules() -> list[str]:
    leaves = (topics.STATUS, topics.RECORD, f"{topics.SNAPSHOT}/+", topics.HEALTH,
              topics.REPLY, f"{topics.REPLY}/+", topics.UPDATE_STATE,
              topics.APPLIED)  # fmt: skip
    return [
        *(f"read {topics.of_all_nodes(leaf)}" for leaf in leaves),
        f"write {topics.of_all_nodes(topics.ACK)}",
        f"write {topics.of_all_nodes(topics.COMMAND)}",
        f"write {topics.of_all_nodes(topics.UPDATE_ORDER)}",
        f"write {topics.of_all_nodes(topics.WANTED)}",
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
        f"write {topics.tamper(node, '+')}",
        f"write {topics.camera_status(node, '+')}",
        f"write {topics.reply(node)}",
        f"write {topics.reply(node)}/+",
        f"write {topics.update_state(node)}",
        f"read {topics.ack(node)}",
        f"read {topics.command(node)}",
        f"read {topics.update_order(node)}",
        f"write {topics.applied(node)}",
        f"read {topics.wanted(node)}",
    ]


def _reader_rules() -> list[str]:
    """Not for displays: a command's token, pictures that somebody asked for, cameras' addresses."""
    return [
        f"deny {topics.of_all_nodes(topics.COMMAND)}",
        f"deny {topics.of_all_nodes(topics.REPLY)}/#",
        f"deny {topics.of_all_nodes(topics.CONFIG)}/#",
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
