"""The folder that holds the archive: known by a random id, so that an empty mount point is not
taken for it, and never filled to its last byte.

`archive.id` in the archive's folder is its marker, written once, after the database. The hub's
state folder, if it is another one, remembers the id, and the settings may name it. Order of making:
1. database  2. marker  3. remembered id. So a remembered id without a marker means that the
archive is somewhere else, and a marker without a database that the database is lost: both are
refused rather than begun anew. A marker without a remembered id is an archive that was brought
here, and is remembered.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from edge.base import durable
from edge.base.errors import DiskFullError, StorageError, own_user_hint, storage_error
from edge.base.units import format_size

logger = logging.getLogger(__name__)

MARKER = "archive.id"
ID_BYTES = 16
_ID = re.compile(r"[0-9a-f]{32}")
RECORDS_SHARE = 4  # records are taken down to this part of what is to stay free
RESUME_SHARE = 16  # and taken again once this part of it more is free
MOUNT_HINT = (
    "mount the archive's disk; if that folder is meant to hold the archive from now on,"
    " run camwatch-hub accept-archive"
)


class ArchiveAwayError(StorageError):
    """The folder does not hold the archive that belongs here; its disk is probably not mounted."""


@dataclass(frozen=True)
class Place:
    """Where the archive is to be: its folder, the hub's own folder, and the id if settings say."""

    folder: Path
    state: Path
    set_id: str | None = None

    @property
    def is_apart(self) -> bool:
        """Whether the archive's folder is another than the hub's."""
        return self.folder.absolute() != self.state.absolute()


def check(place: Place) -> str | None:
    """The id of the archive that is there; None before the first start. Changes nothing.

    Raises ArchiveAwayError when the folder does not hold the archive that belongs there.
    """
    marker, known = read_id(place.folder), _known_id(place)
    if known is not None and marker is None:
        raise ArchiveAwayError(
            f"{place.folder} does not hold the archive {known}",
            path=str(place.folder),
            hint=MOUNT_HINT,
        )
    if known is not None and marker != known:
        raise ArchiveAwayError(
            f"{place.folder} holds the archive {marker}, expected is {known}",
            path=str(place.folder),
            hint=MOUNT_HINT,
        )
    return marker


def prepare(place: Place, database: Path) -> str | None:
    """As `check`, before the hub opens its database; also refuses to begin an archive on the disk
    of the state folder where another disk was probably meant, and to begin anew beside a marker.

    Raises StorageError.
    """
    marker = check(place)
    is_there = database.exists() and database.stat().st_size > 0
    if marker is not None and not is_there:
        raise StorageError(
            f"the archive's database {database} is gone, though its folder is the right one",
            path=str(database),
            hint=f"bring it back, or remove {place.folder / MARKER} to begin a new archive",
            is_retryable=False,
        )
    if marker is None and not is_there and place.is_apart and not _has_own_disk(place):
        raise ArchiveAwayError(
            f"{place.folder} is to hold a new archive, but is not on a disk of its own",
            path=str(place.folder),
            hint=MOUNT_HINT,
        )
    return marker


def mark(place: Place) -> str:
    """Write what is missing of marker and remembered id, the database being there; the id."""
    marker = read_id(place.folder)
    if marker is None:
        marker = secrets.token_hex(ID_BYTES)
        durable.write_file(place.folder / MARKER, marker.encode() + b"\n")
        logger.info("%s holds the archive %s from now on", place.folder, marker)
    if place.is_apart and read_id(place.state) != marker:
        durable.write_file(place.state / MARKER, marker.encode() + b"\n")
    return marker


def accept(place: Place) -> str:
    """Make the folder the archive's, whatever was known before; its id. The database is there
    already. Raises StorageError."""
    durable.make_dirs(place.state)
    if read_id(place.folder) is None and place.set_id is not None:
        durable.write_file(place.folder / MARKER, place.set_id.encode() + b"\n")
    if place.is_apart:
        durable.remove(place.state / MARKER)
    return mark(place)


def read_id(folder: Path) -> str | None:
    """The id in a folder's marker; None where there is none. Raises StorageError."""
    path = folder / MARKER
    try:
        text = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as err:
        raise StorageError(
            f"cannot read {path}: {err.strerror}", path=str(path), is_retryable=False,
            hint=own_user_hint("camwatch-hub"),
        ) from err  # fmt: skip
    except OSError as err:
        raise storage_error(err, "cannot read", path) from err
    except ValueError:
        text = ""
    if not _ID.fullmatch(text):
        raise ArchiveAwayError(f"{path} holds no archive's id", path=str(path), hint=MOUNT_HINT)
    return text


def _known_id(place: Place) -> str | None:
    if place.set_id is not None:
        return place.set_id
    return read_id(place.state) if place.is_apart else None


def _has_own_disk(place: Place) -> bool:
    try:
        return place.folder.stat().st_dev not in (
            place.state.stat().st_dev,
            Path("/").stat().st_dev,
        )
    except OSError:
        return False


class Guard:
    """Asks before every write whether the archive's disk is there and has room.

    Any thread may ask; an answer costs two system calls. Records may take of the room that clips
    and snapshots must leave, so that media never starve records.
    """

    def __init__(self, folder: Path, keep_free_bytes: int) -> None:
        """The folder must hold the archive now. Raises ArchiveAwayError."""
        self._folder = folder
        self._marker = folder / MARKER
        self._keep_free_bytes = keep_free_bytes
        self._low: set[str] = set()
        self._id = read_id(folder)
        self._file = self._look()

    def check_records(self) -> None:
        """Whether records may be written. Raises ArchiveAwayError, DiskFullError."""
        self._check("records", self._keep_free_bytes // RECORDS_SHARE)

    def check_media(self) -> None:
        """Whether clips and snapshots may be written. Raises ArchiveAwayError, DiskFullError."""
        self._check("clips and snapshots", self._keep_free_bytes)

    def check_mounted(self) -> None:
        """Whether the archive's disk is there. Raises ArchiveAwayError."""
        found = self._look()
        if found == self._file:
            return
        if read_id(self._folder) != self._id:
            raise self._away()
        self._file = found

    def _check(self, what: str, least_bytes: int) -> None:
        self.check_mounted()
        free_bytes = self.free_bytes()
        if what in self._low:
            least_bytes += self._keep_free_bytes // RESUME_SHARE
        if free_bytes < least_bytes:
            self._low.add(what)
            raise DiskFullError(
                f"{self._folder}: {format_size(free_bytes)} free, at least"
                f" {format_size(least_bytes)} must stay free of {what} (setting keep_free)",
                path=str(self._folder),
                hint="make room on that disk, or set keep_free lower",
            )
        self._low.discard(what)

    def free_bytes(self) -> int:
        """Room on that disk; 0 without inodes. Raises StorageError."""
        try:
            found = os.statvfs(self._folder)
        except OSError as err:
            raise storage_error(err, "cannot ask for room in", self._folder) from err
        has_no_inode = found.f_files > 0 and found.f_favail == 0
        return 0 if has_no_inode else found.f_bavail * found.f_frsize

    def _look(self) -> tuple[int, int]:
        try:
            found = self._marker.stat()
        except (FileNotFoundError, NotADirectoryError) as err:
            raise self._away() from err
        except OSError as err:
            raise storage_error(err, "cannot look at", self._marker) from err
        return found.st_dev, found.st_ino

    def _away(self) -> ArchiveAwayError:
        return ArchiveAwayError(
            f"{self._folder} does not hold the archive {self._id} any more",
            path=str(self._folder),
            hint="mount the archive's disk again; the hub goes on by itself",
        )
