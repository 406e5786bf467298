"""Secrets and keys that settings name by file: read once at start, refused with their field."""

from __future__ import annotations

import stat
from pathlib import Path

from edge.base.errors import ConfigError
from edge.keys import KeyFileError, PublicKey

MAX_SECRET_BYTES = 4096


def read_secret(path: Path, *, field: str) -> str:
    """The first line of `path`. Raises ConfigError naming `field`; the secret is in no message."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8")[:MAX_SECRET_BYTES]
    except (OSError, UnicodeDecodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "not a text file"
        raise ConfigError(f"{field}: cannot read {path}: {reason}") from err
    if mode & 0o077:
        raise ConfigError(
            f"{field}: {path} can be read by others (mode {mode:04o})", hint=f"chmod 600 {path}"
        )
    secret = text.partition("\n")[0].strip()
    if not secret:
        raise ConfigError(f"{field}: {path} is empty")
    return secret


def read_hub_key(path: Path) -> PublicKey:
    """The hub's public key, by which it is known. Raises ConfigError naming the field."""
    try:
        return PublicKey.from_text(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, KeyFileError) as err:
        raise ConfigError(
            f"hub.public_key_file: cannot use {path}: {err}",
            hint="copy what `camwatch-hub key` prints on the hub into it",
        ) from err
