"""How far this box has come with which token; the one thing that has to survive a power cut."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.base import crashpoint, durable, schema, strictjson
from edge.base.errors import ConfigError
from edge.base.schema import item
from edge.contract import enrolment

NAME = "enrolment.json"
MAX_BYTES = 4096
SECRET_BYTES = 32
Joined = Literal["done", "begun", "never", "unknown"]
"""By a node file: it was, it was begun and did not end, it never was, its note cannot be read."""


@dataclass(frozen=True)
class Note:
    """`secret` is the one that the hub is told; gone once it is where the settings have it."""

    token_sha256: str = item("hexadecimal; the token itself is in the node file", max_length=64)
    secret: str | None = item("until it is done", None, pattern=enrolment.SECRET_PATTERN,
                              is_secret=True)  # fmt: skip
    is_done: bool = item("all is written", False)


def load(folder: Path) -> Note | None:
    """What an earlier run noted; None for none. Raises ConfigError."""
    path = folder / NAME
    try:
        value = strictjson.loads(path.read_bytes(), max_bytes=MAX_BYTES)
        return schema.load(Note, value, unknown="ignore")
    except FileNotFoundError:
        return None
    except OSError as err:
        raise ConfigError(f"cannot read {path}: {err.strerror}") from err
    except (ValueError, schema.SchemaError) as err:
        raise ConfigError(f"{path} is damaged: {err}", hint="remove it, run this again") from err


def standing(folder: Path) -> Joined:
    """Whether this box has joined by a node file, as far as the note can be read."""
    try:
        known = load(folder)
    except ConfigError:
        return "unknown"
    if known is None:
        return "never"
    return "done" if known.is_done else "begun"


def begin(folder: Path, token: str) -> Note:
    """The note of this token: that of an earlier run, or a fresh one, durable on return.

    Raises ConfigError, StorageError.
    """
    known = load(folder)
    if known is not None and known.token_sha256 == digest_of(token):
        return known
    fresh = Note(digest_of(token), secrets.token_urlsafe(SECRET_BYTES))
    _write(folder, fresh)
    crashpoint.at("enrol.noted")
    return fresh


def finish(folder: Path, known: Note) -> None:
    """All is written. Raises StorageError."""
    _write(folder, Note(known.token_sha256, None, True))


def digest_of(token: str) -> str:
    """What is noted of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _write(folder: Path, value: Note) -> None:
    durable.write_file(folder / NAME, strictjson.dumps(schema.dump(value)) + b"\n")
