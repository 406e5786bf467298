"""Logging to standard error, one line an entry, as journald takes it, with no secret in it.

INFO: a state changed. WARNING: degraded and mending itself. ERROR: something lost or a person
needed. URLs go through `redact`.
"""

from __future__ import annotations

import logging
import os
import re
import sys

# People write passwords with / : and @ in them unescaped, so everything between the first colon
# after :// and the last @ of the word is taken for one: better a path too much than a password.
_URL_SECRET = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]{0,15}://)(?P<user>[^\s:]*):(?P<secret>\S*)@", re.IGNORECASE
)
_QUERY_SECRET = re.compile(
    r"(?P<key>[?&;#][\w.-]{0,40}?(?:pass|pwd|token|secret|key|auth|credential|sig)[\w.-]{0,40}=)"
    r"[^&;\s]+",
    re.IGNORECASE,
)
_HEADER_SECRET = re.compile(r"(?P<key>\b(?:basic|bearer)\s+)[\w.~+/=-]{8,}", re.IGNORECASE)


def redact(text: str) -> str:
    """`text` without the password of any URL, secret query value or HTTP credential in it."""
    text = _URL_SECRET.sub(r"\g<scheme>\g<user>:***@", text)
    text = _QUERY_SECRET.sub(r"\g<key>***", text)
    return _HEADER_SECRET.sub(r"\g<key>***", text)


class RedactingFormatter(logging.Formatter):
    """Formats a record, traceback included, and redacts the whole."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def set_up(level: str = "info") -> None:
    """Log to standard error from now on; without times where journald adds its own."""
    handler = logging.StreamHandler(sys.stderr)
    line = "%(levelname)s %(name)s: %(message)s"
    if "JOURNAL_STREAM" not in os.environ:
        line = "%(asctime)s " + line
    handler.setFormatter(RedactingFormatter(line))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def error_chain(err: BaseException) -> str:
    """An error and its causes on one line, for logs that do without a traceback."""
    parts: list[str] = []
    seen: BaseException | None = err
    while seen is not None and len(parts) < 6:
        parts.append(f"{type(seen).__name__}: {seen}" if str(seen) else type(seen).__name__)
        seen = seen.__cause__
    return " <- ".join(parts)
