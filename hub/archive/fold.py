"""One folding of Vietnamese and other text, for what is searched and for what is asked. Pure.

SQLite's own `remove_diacritics` keeps đ, which is a letter of its own to Unicode, and in its first
version misses letters with two marks; so nothing is left to it.
"""

from __future__ import annotations

import re
import unicodedata

_LETTERS = str.maketrans({"đ": "d", "Đ": "d", "ð": "d", "Ð": "d"})  # ð: what old fonts typed for đ
_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Without marks and case: `Đường ĐÀO` becomes `duong dao`."""
    parts = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    bare = "".join(each for each in parts if not unicodedata.combining(each))
    return bare.casefold()


def words(text: str) -> list[str]:
    """The folded words of a text: letters and digits; all else parts them."""
    return _WORD.findall(fold(text))
