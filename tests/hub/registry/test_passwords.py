"""What may be a password, and how it is kept."""

from __future__ import annotations

import unicodedata

import pytest

from hub.registry import passwords
from hub.registry.passwords import PasswordError


@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("", "short"), ("ngắnqua", "short"), ("x" * 201, "long"),
        ("password1", "common"), ("Matkhau123", "common"), ("12345678a", "common"),
        ("aaaaaaaaaa", "plain"), ("abcdefghij", "plain"), ("98765432", "plain"),
        ("nguyen.van.an", "name"), ("Nguyen.Van.An2026!", "name"),
    ],
)  # fmt: skip
def test_what_is_easily_guessed_is_refused(password: str, word: str) -> None:
    """By length, common lists, the user's own name and mere sequences."""
    with pytest.raises(PasswordError) as caught:
        passwords.check(password, "nguyen.van.an")
    assert caught.value.word == word


@pytest.mark.parametrize("password", ["bốn từ không liên quan", "kq7vm2xw", "tàu hoả xanh lá cây"])
def test_length_is_enough_whatever_it_is_made_of(password: str) -> None:
    """No classes of characters are asked for."""
    passwords.check(password, "anna")


def test_a_hash_is_argon2id_and_never_twice_the_same() -> None:
    """With the memory that the parameters say."""
    one, other = passwords.hash_of("bốn từ"), passwords.hash_of("bốn từ")
    assert one != other
    assert one.startswith("$argon2id$v=19$m=19456,t=3,p=1$")
    assert passwords.is_right("bốn từ", one) and passwords.is_right("bốn từ", other)
    assert not passwords.is_right("bốn tu", one)
    assert not passwords.is_outdated(one)
    assert passwords.is_outdated(one.replace("t=3", "t=2"))


def test_the_same_letters_typed_on_another_keyboard_are_the_same_password() -> None:
    """macOS composes ố otherwise than Windows."""
    known = passwords.hash_of(unicodedata.normalize("NFC", "bốn từ không"))
    assert passwords.is_right(unicodedata.normalize("NFD", "bốn từ không"), known)


@pytest.mark.parametrize("known", [None, "", "nonsense", "$argon2id$v=19$m=8,t=1,p=1$AA$AA"])
def test_nothing_fits_what_is_no_hash(known: str | None) -> None:
    """Neither a user who has none yet, nor a damaged one."""
    assert not passwords.is_right("bốn từ", known)
