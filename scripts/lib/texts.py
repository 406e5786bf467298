"""The console's texts: gathered from code and templates, brought into its catalogues.

New ones are added without a translation, which a test then asks for; those no longer used go.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polib
from babel.messages.extract import extract_from_dir

ROOT = Path(__file__).resolve().parents[2]
CONSOLE = ROOT / "hub" / "console"
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
OPTIONS = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}}

Key = tuple[str | None, str, str | None]
"""Context, text, and its plural where it counts something."""


def used() -> set[Key]:
    """Every text that the console draws."""
    found: set[Key] = set()
    for _, _, message, _, context in extract_from_dir(
        str(CONSOLE), METHODS, OPTIONS, keywords=KEYWORDS
    ):
        if isinstance(message, tuple):
            found.add((context, message[0], message[1]))
        else:
            found.add((context, message, None))
    return found


def catalogue(language: str) -> polib.POFile:
    """A language's file."""
    return polib.pofile(str(path_of(language)), wrapwidth=100)


def path_of(language: str) -> Path:
    """Where it is."""
    return CONSOLE / "locales" / f"{language}.po"


def key_of(entry: polib.POEntry) -> Key:
    """As `used` tells it."""
    return entry.msgctxt or None, entry.msgid, entry.msgid_plural or None


def update(language: str) -> int:
    """Bring a file up to date, sorted; how many texts have no translation."""
    file, wanted = catalogue(language), used()
    kept = {key_of(entry): entry for entry in file if key_of(entry) in wanted}
    for context, text, plural in wanted - kept.keys():
        entry = polib.POEntry(msgid=text, msgctxt=context)
        if plural is not None:
            entry.msgid_plural, entry.msgstr_plural = plural, {0: ""}
        kept[context, text, plural] = entry
    file.clear()
    file.extend(sorted(kept.values(), key=lambda entry: (entry.msgid, entry.msgctxt or "")))
    file.save(str(path_of(language)))
    return sum(not entry.translated() for entry in file)


if __name__ == "__main__":
    missing = update("vi")
    print(f"{path_of('vi').relative_to(ROOT)}: {missing} texts to translate")
    sys.exit(1 if missing else 0)
