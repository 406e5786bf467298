"""Folding: what is typed without marks finds what is written with them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.archive.fold import fold, words
from hub.archive.scope import Scope


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("đường đào", "duong dao"),
        ("Đường Điện Biên Phủ", "DUONG DIEN BIEN PHU"),
        ("trường tiểu học", "truong tieu hoc"),
        ("Trần Hưng Đạo", "tran hung dao"),
        ("chợ Đầm", "cho dam"),
        ("hoà", "hòa"),
        ("quỳnh ưỡng ẫậẵ", "quynh uong aaa"),
        ("STRASSE", "straße"),
    ],
)
def test_marks_and_case_do_not_matter(written: str, typed: str) -> None:
    """Neither stacked marks, nor đ, nor how the letters are composed."""
    assert fold(written) == fold(typed)
    assert fold(unicodedata.normalize("NFD", written)) == fold(typed)


def test_words_are_parted_by_all_but_letters_and_digits() -> None:
    """Punctuation of addresses and codes."""
    assert words("Số 12/3-B, đường_Lê Lợi (cũ)") == [
        "so",
        "12",
        "3",
        "b",
        "duong",
        "le",
        "loi",
        "cu",
    ]


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    """So it does not matter who folded first."""
    assert [fold(word) for word in words(text)] == words(text)


def test_a_scope_of_everything_names_nothing_else() -> None:
    """A contradiction is refused where it is made."""
    with pytest.raises(ValueError, match="names no areas"):
        Scope(is_everything=True, areas=frozenset({"to-5"}))
