"""What people may say of an event."""

from __future__ import annotations

import pytest

from hub.archive.remarks import MAX_NOTE, RemarkError, note_of, user_of


def test_a_note_is_kept_composed_and_trimmed() -> None:
    """However the keyboard wrote its letters and its line ends."""
    assert note_of("  đu\u031bo\u031b\u0300ng \r\nhai người\n") == "đường \nhai người"


@pytest.mark.parametrize("text", ["", " \n ", "x" * (MAX_NOTE + 1), "bell \x07", "half \ud800"])
def test_a_note_that_cannot_be_kept_is_named(text: str) -> None:
    """Empty, too long, or with control characters."""
    with pytest.raises(RemarkError, match=r"^note: "):
        note_of(text)


@pytest.mark.parametrize("text", ["", "x" * 65, "two\nlines", "esc \x1b[2J"])
def test_a_user_name_that_cannot_be_kept_is_named(text: str) -> None:
    """One line, of a bounded length."""
    with pytest.raises(RemarkError, match=r"^user: "):
        user_of(text)
    assert user_of(" Nguyễn Lan ") == "Nguyễn Lan"
