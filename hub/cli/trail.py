"""Commands in the audit trail: whatever shows one event or its files, exports, or changes something
leaves a deed, durable before it is shown or done. Lists of events leave none, as elsewhere.

A deed bears who logged in at the machine, whatever name --user gave: that is a detail of it.
tests/hub/cli/test_trail.py names the deed of every command, or why it leaves none.
"""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edge.base.clock import SystemClock
from edge.base.errors import CamwatchError
from hub.archive import Archive
from hub.archive.audit import Deed
from hub.archive.opening import open_to_write
from hub.archive.values import Event
from hub.config import HubSettings
from hub.registry.users import Actor

LOGIN_UID = Path("/proc/self/loginuid")  # pam_loginuid(8): set at log-in, kept by su and sudo
NO_UID = 2**32 - 1  # of what no log-in began, such as a service


def login_name() -> str:
    """Who logged in, also where sudo made them somebody else; of what no log-in began, who typed
    sudo, or whose process it is."""
    with contextlib.suppress(OSError, ValueError):
        uid = int(LOGIN_UID.read_text(encoding="ascii"))
        if uid != NO_UID:
            return _name_of(uid)
    return os.environ.get("SUDO_USER") or _name_of(os.getuid())


def actor() -> Actor:
    """Who runs the command; their address is the machine's user whose process it is."""
    now_utc, user = SystemClock().utc(), _name_of(os.getuid())
    return Actor(Deed(now_utc, login_name(), "command", user, ""))


@contextlib.contextmanager
def noted(
    archive: Archive, action: str, target: str, *, name: str = "", **detail: str
) -> Iterator[None]:
    """Write that it is done, then have it done; and that it was refused where it raises
    CamwatchError. `name` is the one that it is to bear, if any, told where it is another's."""
    who = actor()
    if name not in ("", who.deed.user):
        detail["as"] = name
    deed = who.does(action, target, **detail)
    archive.audit.append([deed])
    try:
        yield
    except CamwatchError:
        archive.audit.append([replace(deed, outcome="refused")])
        raise


def tell(settings: HubSettings, action: str, target: str, **detail: str) -> None:
    """Write what a command that else only reads is about to show. Raises StorageError, ConfigError;
    it must not be shown then."""
    archive, _ = open_to_write(settings)
    try:
        archive.audit.append([actor().does(action, target, **detail)])
    finally:
        archive.close()


def tell_event(settings: HubSettings, action: str, event: Event, **detail: str) -> None:
    """The same of one event."""
    tell(settings, action, f"event:{event.id}", camera=event.camera_path, **detail)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"
