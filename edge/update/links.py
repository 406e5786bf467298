"""The two links, changed by one rename each: at every moment each names one whole version."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from edge.base import durable
from edge.base.errors import StorageError, storage_error
from edge.contract import version
from edge.update.layout import Layout


def name_of(link: Path) -> str | None:
    """The folder in `versions` that a link names; None where it names none."""
    try:
        target = Path(os.readlink(link))  # noqa: PTH115 - as it stands, not where it leads
    except OSError:
        return None
    is_ours = target.parent.name == "versions" and version.is_version(number(target.name))
    return target.name if is_ours else None


def number(name: str) -> str:
    """The version in a folder's name, which may say which build of it this is: 0.1.0+1f2e3d4c."""
    return name.partition("+")[0]


def point(layout: Layout, link: Path, to: str) -> None:
    """Have the link name that version, durable on return. Raises StorageError."""
    target = layout.versions / to
    if not target.is_dir():
        raise StorageError(f"{target} is gone", path=str(target), is_retryable=False)
    part = link.with_name(f".{link.name}.new")
    try:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        part.symlink_to(Path("versions") / to)
    except OSError as err:
        raise storage_error(err, "cannot make", part) from err
    durable.rename(part, link)
