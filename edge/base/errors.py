"""The root of every error this software raises on purpose.

    CamwatchError
    |- ConfigError            wrong settings; exit status 78 (sysexits.h EX_CONFIG)
    |- StorageError           a disk or database failed
    |  `- DiskFullError       the same, by lack of space, inodes or quota
    |- schema.SchemaError     a value does not fit its declared shape
    |- keys.KeyFileError      a key file cannot be used
    |- contract.ContractError bytes from the wire that are not what the contract says
    |- capture.CaptureError   a camera or file cannot be watched
    |- enrol.EnrolmentError   the hub did not take this box
    |  `- enrol.RefusedTokenError  nor will it, by this node file; exit status 78
    |- classify.ModelError    a model that labels events cannot be used
    `- mux.MuxError           packets that cannot be put into a clip

Rooms convert foreign errors (FFmpeg, sqlite3, MQTT, OS) at their door with `raise ... from err`.
"""

from __future__ import annotations

import errno
import os

EX_CONFIG = 78  # sysexits.h
FULL_DISK_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})


class CamwatchError(Exception):
    """Something went wrong that a person can act on, or that a later attempt can mend.

    `hint` says what to do about it; `is_retryable` whether waiting and trying again can help.
    """

    exit_status = 1
    """Of a command that ends by it."""

    def __init__(self, message: str, *, hint: str = "", is_retryable: bool = False) -> None:
        super().__init__(message)
        self.hint = hint
        self.is_retryable = is_retryable


class ConfigError(CamwatchError):
    """The settings cannot be used. The message lists every problem, one a line."""

    exit_status = EX_CONFIG


class StorageError(CamwatchError):
    """A file or database operation failed; what was being written must be taken as not written."""

    def __init__(
        self, message: str, *, path: str = "", hint: str = "", is_retryable: bool = True
    ) -> None:
        super().__init__(message, hint=hint, is_retryable=is_retryable)
        self.path = path


class DiskFullError(StorageError):
    """No space, inodes or quota left at `path`."""


def own_user_hint(program: str) -> str:
    """What to do where a file may not be read: services and their commands share one user."""
    return f"run it as its own user: sudo -u {program} {program} ..."


def storage_error(err: OSError, doing: str, path: str | os.PathLike[str]) -> StorageError:
    """The storage error for `err`, with a class of its own for a full disk."""
    kind = DiskFullError if err.errno in FULL_DISK_ERRNOS else StorageError
    return kind(f"{doing} {os.fspath(path)}: {err.strerror or err}", path=os.fspath(path))
