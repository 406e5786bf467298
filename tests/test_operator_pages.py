"""The operator's pages in docs/ name every page of the console, and pictures that are there."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import pytest

from hub.console.pages import NAVIGATION
from hub.console.texts import Language, texts_in
from hub.console.words import WORDS
from scripts.lib.screenshots import FOLDER, MAX_BYTES

ROOT = Path(__file__).parents[1]
PAGES: dict[Language, Path] = {
    "en": ROOT / "docs" / "operator.md",
    "vi": ROOT / "docs" / "nguoi-truc.md",
}


def pictures_of(page: Path) -> set[Path]:
    """What a page shows of the console."""
    found = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    shown = {(page.parent / each).resolve() for each in found}
    return {each for each in shown if each.suffix == ".jpg"}


@pytest.mark.parametrize("page", [*PAGES.values(), ROOT / "README.md"], ids=lambda page: page.name)
def test_each_picture_that_a_page_names_is_there_and_small(page: Path) -> None:
    """It can be decoded, and weighs no more than the writer allows."""
    pictures = pictures_of(page)
    assert pictures
    for picture in pictures:
        assert cv2.imread(str(picture)) is not None, picture
        assert picture.stat().st_size <= MAX_BYTES, picture


def test_no_picture_lies_about_that_no_page_shows() -> None:
    """Each is in one language's page."""
    shown = set().union(*(pictures_of(page) for page in PAGES.values()))
    assert shown == set(FOLDER.glob("*"))


@pytest.mark.parametrize("language", PAGES)
def test_every_page_of_the_navigation_is_explained_by_its_name(language: Language) -> None:
    """As the console itself calls it in that language."""
    text = PAGES[language].read_text(encoding="utf-8")
    missing = [e.name for e in NAVIGATION if f"*{texts_in(language).gettext(e.text)}*" not in text]
    assert missing == []


@pytest.mark.parametrize("language", PAGES)
def test_every_state_of_a_camera_is_explained_by_its_word(language: Language) -> None:
    """With its shape before it, as the console draws it."""
    text, known = PAGES[language].read_text(encoding="utf-8"), texts_in(language)
    for word in (*WORDS["condition"].values(), *WORDS["watch"].values()):
        assert re.search(rf"^\| [●◐▲◆○] {known.gettext(word)} \|", text, re.MULTILINE), word
