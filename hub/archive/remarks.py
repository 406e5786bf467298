"""What people may say of an event, checked before it is archived. Pure."""

from __future__ import annotations

import unicodedata

from edge.base.errors import CamwatchError

MAX_NOTE = 2000  # characters; a page of text
MAX_USER = 64  # characters
_BREAKS = "\n\t"


class RemarkError(CamwatchError):
    """A remark that cannot be kept; the message names the field."""


class UnknownEventError(CamwatchError):
    """The event is not in this archive."""

    def __init__(self, event: str) -> None:
        super().__init__(f"event {event} is not in the archive", hint="camwatch-hub query lists")


def note_of(text: str) -> str:
    """The note as it is kept: composed Unicode, no space around. Raises RemarkError."""
    note = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    if not note:
        raise RemarkError("note: it is empty")
    if len(note) > MAX_NOTE:
        raise RemarkError(
            f"note: it has {len(note)} characters, at most {MAX_NOTE} are kept",
            hint="put the long text elsewhere and note where it is",
        )
    return _printable("note", note)


def user_of(text: str) -> str:
    """The name of who says it. Raises RemarkError."""
    user = unicodedata.normalize("NFC", text).strip()
    if not 0 < len(user) <= MAX_USER or "\n" in user or "\t" in user:
        raise RemarkError(f"user: a name of 1 to {MAX_USER} characters is needed")
    return _printable("user", user)


def _printable(field: str, text: str) -> str:
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in _BREAKS:
            raise RemarkError(f"{field}: it holds the control character U+{ord(character):04X}")
    return text
