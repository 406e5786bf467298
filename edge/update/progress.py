"""What the installer remembers, over power cuts: one small file, replaced whole.

The agent reads it to tell the hub. Only root writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from edge.base import durable, schema, strictjson
from edge.base.errors import StorageError, storage_error
from edge.base.schema import item
from edge.contract.version import PATTERN as VERSION_PATTERN
from edge.update.errors import UpdateError

FILE = "progress.json"
ON_TRIAL = "trial"  # there while a version is: camwatch-update.path looks for it
MODE = 0o644
DIR_MODE = 0o755
FOLDER_PATTERN = VERSION_PATTERN + r"(\+[0-9a-f]{1,16})?"  # the suffix tells builds apart
MAX_BYTES = 64 * 1024

Stage = Literal["idle", "installing", "on_trial", "good", "returned", "refused", "failed"]


@dataclass(frozen=True)
class Trial:
    """A version that may be running, and what is owed to the one before."""

    wanted: str = item("the folder of the version on trial", pattern=FOLDER_PATTERN)
    before: str = item("that of the version to return to", pattern=FOLDER_PATTERN)
    cameras: tuple[str, ...] = item("that sent packets before", ())
    looked_at: tuple[str, ...] = item("of which frames were looked at before", ())
    boots: tuple[str, ...] = item("boots that it was seen in", ())
    returning: str | None = item("why it is being taken back", None)


@dataclass(frozen=True)
class Progress:
    """How far the installer is."""

    number: int = item("of the last order taken up", 0, min=0)
    stage: Stage = item("what became of it", "idle")
    wanted: str | None = item("the version that it is about", None)
    reason: str | None = item("short word of the contract", None)
    detail: str | None = item("for people", None)
    at_utc: datetime | None = item("when that was", None)
    attempts: int = item("how often this installation was begun", 0, min=0)
    trial: Trial | None = item("while a version is on trial", None)

    def ended(self, stage: Stage, err: UpdateError | None, at_utc: datetime) -> Progress:
        """What is to be remembered once it is over, well or because of `err`."""
        reason, detail = (None, None) if err is None else (err.reason, err.told)
        return Progress(self.number, stage, self.wanted, reason, detail, at_utc)


def load(folder: Path) -> Progress:
    """What is remembered; nothing for a new installation. Raises StorageError."""
    path = folder / FILE
    try:
        value = strictjson.loads(path.read_bytes(), max_bytes=MAX_BYTES)
        return schema.load(Progress, value, unknown="ignore")
    except FileNotFoundError:
        return Progress()
    except OSError as err:
        raise storage_error(err, "cannot read", path) from err
    except (ValueError, schema.SchemaError) as err:
        raise StorageError(f"{path} is damaged: {err}", path=str(path)) from err


def save(folder: Path, progress: Progress) -> None:
    """Remember, durable on return. Raises StorageError."""
    durable.make_dirs(folder, mode=DIR_MODE)
    is_on_trial = progress.trial is not None
    if is_on_trial and not (folder / ON_TRIAL).exists():
        durable.write_file(folder / ON_TRIAL, b"", mode=MODE)
    data = strictjson.dumps(schema.dump(progress))
    durable.write_file(folder / FILE, data, mode=MODE)
    if not is_on_trial:
        durable.remove(folder / ON_TRIAL)
