"""The installers' pages: every message that they explain is one that the software says."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hub.console.texts import Language, texts_in
from scripts.lib.join_pictures import FOLDER
from scripts.lib.screenshots import MAX_BYTES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / "install.md", ROOT / "docs" / "cai-dat.md"]
ANYTHING = "…"  # in a message: what differs from time to time
SHORTEST = 6  # of a part of a message, to be worth a look


@cache
def sources() -> str:
    """All that can say something, in one string; what is split over lines is put together."""
    paths = [
        path
        for room in ("scripts", "edge", "hub")
        for path in sorted((ROOT / room).rglob("*"))
        if path.is_file() and (path.suffix in ("", ".py", ".sh"))
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    return re.sub(r'"\s*\n\s*f?"', "", text)


def messages(page: Path) -> list[str]:
    """The first column of the last table."""
    text = page.read_text(encoding="utf-8").rpartition("\n## ")[2]
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_message_on_the_card_is_said_by_the_software(page: Path) -> None:
    """Word by word, but for what changes."""
    found = messages(page)
    assert len(found) > 30
    parts = [
        part.strip(" ();,:")
        for message in found
        for part in message.split(ANYTHING)
        if len(part.strip(" ();,:")) >= SHORTEST
    ]
    assert [part for part in parts if part not in sources()] == []


def test_a_message_that_nothing_says_would_be_found() -> None:
    """The test above can fail."""
    assert "the hub has gone fishing" not in sources()


def test_both_languages_explain_the_same() -> None:
    """In the same order; and every message has something to do."""
    english, vietnamese = PAGES
    assert messages(english) == messages(vietnamese)
    for page in PAGES:
        rows = re.findall(r"^\| `.*$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert all(row.count("|") == 4 and row.rstrip("| ")[-1] != "|" for row in rows)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_scripts_pictures_and_links_are_there(page: Path) -> None:
    """And each picture can be drawn."""
    text = page.read_text(encoding="utf-8")
    for script in re.findall(r"\bscripts/[a-z-]+", text):
        assert (ROOT / script).exists(), script
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (page.parent / link).exists(), link
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+\.svg)\)", text)
    assert len(pictures) >= 2
    for picture in pictures:
        assert ElementTree.parse(page.parent / picture).getroot().tag.endswith("svg")  # noqa: S314


def test_every_picture_is_shown_and_small() -> None:
    """Those of the console in its page's language."""
    shown: set[Path] = set()
    for page, language in zip(PAGES, ("en", "vi"), strict=True):
        found = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
        photographs = [each for each in found if each.endswith(".jpg")]
        assert photographs and all(each.endswith(f"-{language}.jpg") for each in photographs)
        shown |= {page.parent / each for each in found}
    assert shown == set(FOLDER.glob("*"))
    assert all(path.stat().st_size <= MAX_BYTES for path in shown)


@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_console_calls_its_pages_as_they_do(language: Language) -> None:
    """In the page's language."""
    page = PAGES[0] if language == "en" else PAGES[1]
    for text in ("Nodes", "Add nodes"):
        assert f"*{texts_in(language).gettext(text)}*" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("script", ["install-hub", "install-node"])
def test_each_option_that_the_pages_name_is_one_of_the_script(script: str) -> None:
    """On a line that calls it; the script's own help names each too."""
    text = (ROOT / "scripts" / script).read_text(encoding="utf-8")
    taken = set(re.findall(r"^        (--[a-z-]+(?: \| --[a-z-]+)*)\)", text, re.MULTILINE))
    options = {each for several in taken for each in several.split(" | ")} | {"--help"}
    head = text.partition("set -euo")[0]
    assert options - {"--help"} <= set(re.findall(r"--[a-z-]+", head)), "its help names them all"
    for page in PAGES:
        lines = [line for line in page.read_text("utf-8").splitlines() if f"{script} " in line]
        named = {each for line in lines for each in re.findall(r"`[^`]*`", line) if script in each}
        for each in named:
            assert set(re.findall(r"--[a-z-]+", each)) <= options, each
