"""The console's texts: every one has its Vietnamese, and none is left over."""

from __future__ import annotations

import re

import pytest

from hub.console import texts
from hub.console.texts import LANGUAGES
from scripts.lib import texts as catalogues

_PLACE = re.compile(r"%\(\w+\)[sd]")


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != texts.DEFAULT])
def test_every_text_is_translated_and_no_other_is_in_the_catalogue(language: str) -> None:
    """After a change of a text: scripts/write-texts, then write the translation in."""
    entries = {catalogues.key_of(entry): entry for entry in catalogues.catalogue(language)}
    assert set(entries) == catalogues.used()
    assert [key for key, entry in entries.items() if not entry.translated()] == []


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != texts.DEFAULT])
def test_a_translation_takes_the_same_values(language: str) -> None:
    """Else a page would fail in one language only."""
    for entry in catalogues.catalogue(language):
        for translation in (entry.msgstr, *entry.msgstr_plural.values()):
            if translation:
                assert sorted(_PLACE.findall(translation)) == sorted(_PLACE.findall(entry.msgid))


def test_texts_come_in_the_language_with_their_plural() -> None:
    """Vietnamese has one form, English two; what has no translation stays English."""
    vi, en = texts.texts_in("vi"), texts.texts_in("en")
    assert (vi.gettext("Log in"), en.gettext("Log in")) == ("Đăng nhập", "Log in")
    assert vi.gettext("no such text") == "no such text"
    forms = ("%(n)d day ago", "%(n)d days ago")
    assert [en.ngettext(*forms, n) for n in (1, 2)] == [*forms]
    assert vi.ngettext(*forms, 1) == vi.ngettext(*forms, 2) == "%(n)d ngày trước"


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ((None, None, None), "en"), ((None, None, "vi-VN,vi;q=0.9,en-US;q=0.8"), "vi"),
        ((None, None, "fr,en;q=0.2,vi;q=0.8"), "vi"), (("en", "vi", "vi"), "en"),
        ((None, "vi", "en"), "vi"), (("xx", None, "de"), "en"), ((None, None, "vi;q=0"), "en"),
        ((None, None, "vi;q=x, ;;,,"), "en"),
    ],
)  # fmt: skip
def test_the_first_language_that_is_wanted_and_there_is_taken(
    wanted: tuple[str | None, ...], language: str
) -> None:
    """By this browser's choice, the user's, then what the browser asks for by its weights."""
    assert texts.choose(wanted) == language
