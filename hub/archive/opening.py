"""Opening the archive that the settings name, for the hub and for the commands alike."""

from __future__ import annotations

import contextlib
import logging
import os
import pwd

from edge.base import durable
from edge.base.clock import SystemClock
from edge.base.errors import ConfigError, StorageError
from edge.base.logs import error_chain
from edge.base.sqlite import DamagedDatabaseError
from hub.archive import folder, problems
from hub.archive.damage import HINT
from hub.archive.folder import Guard, Place
from hub.archive.problems import Problem
from hub.archive.sqlite_archive import SqliteArchive
from hub.config import HubSettings

logger = logging.getLogger(__name__)

QUICK_CHECK_S = 3.0


def place_of(settings: HubSettings) -> Place:
    """Where the settings say that the archive is."""
    return Place(settings.archive_folder, settings.state_path, settings.archive_id)


def open_to_write(settings: HubSettings) -> tuple[SqliteArchive, Guard]:
    """The archive, begun at the first start, and what guards its disk.

    Raises ConfigError, ArchiveAwayError, DamagedDatabaseError, StorageError; nothing was written
    then.
    """
    place = place_of(settings)
    refuse_stray_root(settings)
    durable.make_dirs(place.state)
    marker = folder.prepare(place, settings.archive_path)
    guard = None if marker is None else Guard(place.folder, settings.keep_free)
    if marker is None:
        durable.make_dirs(place.folder)
    try:
        archive = SqliteArchive(settings.archive_path, guard=guard)
    except DamagedDatabaseError as err:
        raise _with_hint(err) from err
    try:
        folder.mark(place)
        if guard is None:
            guard = Guard(place.folder, settings.keep_free)
            archive.guard_by(guard)
    except BaseException:
        archive.close()
        raise
    return archive, guard


def accept(settings: HubSettings) -> str:
    """Let the folder that the settings name hold the archive, begun there if need be; its id.

    Raises StorageError.
    """
    place = place_of(settings)
    if folder.read_id(place.folder) is None:
        durable.make_dirs(place.folder)
        SqliteArchive(settings.archive_path).close()
    return folder.accept(place)


def open_to_read(settings: HubSettings) -> SqliteArchive:
    """The archive for questions. Raises StorageError."""
    place = place_of(settings)
    folder.check(place)
    try:
        return SqliteArchive(settings.archive_path, is_read_only=True)
    except DamagedDatabaseError as err:
        raise _with_hint(err) from err


def refuse_damage(archive: SqliteArchive) -> None:
    """Look for damage for a few seconds. Raises DamagedDatabaseError."""
    try:
        if not archive.check_quickly(QUICK_CHECK_S):
            logger.info(
                "the archive was checked for %.0f s, not to its end; camwatch-hub check does all",
                QUICK_CHECK_S,
            )
    except DamagedDatabaseError as err:
        raise _with_hint(err) from err


def problems_now(settings: HubSettings) -> list[Problem]:
    """What the running hub noted, and what the archive's disk shows now."""
    noted = problems.read(settings.state_path)
    try:
        if folder.check(place_of(settings)) is not None:
            Guard(settings.archive_folder, settings.keep_free).check_media()
    except StorageError as err:
        if all(each.what != "disk" for each in noted):
            noted.append(Problem("disk", error_chain(err), SystemClock().utc()))
    return noted


def refuse_stray_root(settings: HubSettings) -> None:
    """What root would write, the hub's own user could not change later. Raises ConfigError."""
    folder_path = settings.state_path
    with contextlib.suppress(OSError):
        owner = folder_path.stat().st_uid
        if os.geteuid() == 0 and owner != 0:
            name = _user_name(owner)
            raise ConfigError(
                f"state_dir: {folder_path} belongs to {name}, and this is root",
                hint=f"run the hub and its commands as their own user: sudo -u {name} ...",
            )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def _with_hint(err: StorageError) -> StorageError:
    return (
        err
        if err.hint
        else DamagedDatabaseError(str(err), path=err.path, hint=HINT, is_retryable=False)
    )
