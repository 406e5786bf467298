"""The console's texts: English in the code and templates, other languages in locales/LANGUAGE.po.

Catalogues are read once, at start; a text that has no translation appears in English, and a test
fails for it.
"""

from __future__ import annotations

import gettext
import importlib.resources
from collections.abc import Sequence
from functools import cache
from typing import Literal, get_args

import polib

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
NAMES: dict[Language, str] = {"vi": "Tiếng Việt", "en": "English"}
DEFAULT: Language = "en"
CONTEXT_SEPARATOR = "\x04"  # between context and text, as gettext's own files have it


class Texts(gettext.NullTranslations):
    """One language's texts, from a PO file's content; without one, English."""

    def __init__(self, content: str = "") -> None:
        super().__init__()
        self._single: dict[str, str] = {}
        self._plural: dict[str, list[str]] = {}
        for entry in polib.pofile(content) if content else ():
            key = entry.msgid
            if entry.msgctxt:
                key = f"{entry.msgctxt}{CONTEXT_SEPARATOR}{key}"
            if entry.msgid_plural:
                self._plural[key] = [entry.msgstr_plural[n] for n in sorted(entry.msgstr_plural)]
            elif entry.msgstr:
                self._single[key] = entry.msgstr

    def gettext(self, message: str) -> str:
        return self._single.get(message, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        forms = self._plural.get(msgid1)
        if forms:
            return forms[0]  # Vietnamese has one form; CLDR plural rules
        return msgid1 if n == 1 else msgid2

    def pgettext(self, context: str, message: str) -> str:
        return self._single.get(f"{context}{CONTEXT_SEPARATOR}{message}", message)


@cache
def texts_in(language: Language) -> Texts:
    """A language's texts."""
    file = importlib.resources.files("hub.console").joinpath("locales", f"{language}.po")
    return Texts(file.read_text(encoding="utf-8") if file.is_file() else "")


def choose(wanted: Sequence[str | None]) -> Language:
    """The first of the wanted languages that we have; each a code, or an Accept-Language header
    (RFC 9110 section 12.5.4)."""
    for each in wanted:
        for code in _by_quality(each or ""):
            primary = code.partition("-")[0]
            for language in LANGUAGES:
                if primary == language:
                    return language
    return DEFAULT


def _by_quality(header: str) -> list[str]:
    found: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        code, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            quality = 0.0
        if quality > 0:
            found.append((quality, code.strip().lower()))
    return [code for _, code in sorted(found, key=lambda pair: -pair[0])]
