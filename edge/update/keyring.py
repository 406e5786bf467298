"""The public keys of release makers that this node trusts."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from edge.base.errors import ConfigError
from edge.keys import KeyFileError, PublicKey

SUFFIX = ".pub"
MAX_KEYS = 16
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def load(folder: Path) -> list[PublicKey]:
    """All keys in the folder; none where there is no folder. Raises ConfigError.

    What somebody else than root (or we ourselves) could have put there is no key to trust.
    """
    try:
        _refuse_foreign(folder)
        paths = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX)
        for path in paths:
            _refuse_foreign(path)
        return [PublicKey.from_text(path.read_text(encoding="ascii")) for path in paths[:MAX_KEYS]]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, KeyFileError) as err:
        raise ConfigError(
            f"{folder}: a release key cannot be used: {err}",
            hint="each *.pub there is what `release keygen` printed",
        ) from err


def _refuse_foreign(path: Path) -> None:
    info = path.lstat()
    if stat.S_ISLNK(info.st_mode):
        raise ConfigError(f"{path} is a link", hint="put the file itself there")
    if info.st_uid not in (0, os.geteuid()) or info.st_mode & WRITABLE_BY_OTHERS:
        raise ConfigError(
            f"{path} can be written by others than root",
            hint=f"chown root {path}; chmod go-w {path}",
        )
