"""Who watches a camera that asks for it. The password is read anew at each opening."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.base.errors import ConfigError
from edge.capture.errors import OpenError
from edge.config.secrets import read_secret


@dataclass(frozen=True, slots=True)
class Login:
    """A user and the file with the password."""

    user: str
    password_file: Path | None

    def password(self) -> str:
        """The password; empty where there is no file. Raises OpenError."""
        if self.password_file is None:
            return ""
        try:
            return read_secret(self.password_file, field="password_file")
        except ConfigError as err:
            raise OpenError("unauthorised", str(err), hint=err.hint) from err
