"""Passwords: what may be one, and their argon2id hashes. Blocking and slow on purpose; callers run
few of these at a time, in worker threads.

The rules are NIST SP 800-63B section 5.1.1.2: length over composition, common ones refused.
Parameters: RFC 9106 with the memory that the OWASP Password Storage Cheat Sheet asks for at least
(19 MiB, 2 passes), which a small hub spares for a log-in, and a pass more.
"""

from __future__ import annotations

import gzip
import importlib.resources
import itertools
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from edge.base.errors import CamwatchError

MIN_CHARS = 8
MAX_CHARS = 200
MEMORY_KIB = 19 * 1024
PASSES = 3
LANES = 1
# One a line, folded: the passwords and English words of eight characters and more in the frequency
# lists of zxcvbn 4.5 (MIT), and what is usual in Vietnam and around cameras.
_COMMON = "common_passwords.txt.gz"
_HASHER = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


class PasswordError(CamwatchError):
    """A password that cannot be taken. `word` is fixed, for translating: short, long, common,
    name, plain."""

    def __init__(self, word: str, message: str) -> None:
        super().__init__(f"password: {message}")
        self.word = word


def check(password: str, name: str) -> None:
    """Whether the user `name` may have it. Raises PasswordError."""
    text = _normal(password)
    if len(text) < MIN_CHARS:
        raise PasswordError("short", f"at least {MIN_CHARS} characters are needed")
    if len(text) > MAX_CHARS:
        raise PasswordError("long", f"at most {MAX_CHARS} characters are taken")
    folded = text.casefold()
    if len(set(folded)) < 4 or _is_run(folded):
        raise PasswordError("plain", "too few different characters, or a mere sequence")
    stem = name.casefold()
    if folded.strip("0123456789!@#.-_ ") == stem or (len(stem) >= 4 and stem in folded):
        raise PasswordError("name", "it is made of the user's name")
    if folded in _common():
        raise PasswordError("common", "too many people use this one")


def hash_of(password: str) -> str:
    """Its argon2id hash in PHC form, with a salt of its own."""
    return _HASHER.hash(_normal(password))


def is_right(password: str, known_hash: str | None) -> bool:
    """Whether the hash is of this password; as slow where there is no hash."""
    try:
        return _HASHER.verify(known_hash or _NOBODY, _normal(password)) and known_hash is not None
    except (Argon2Error, InvalidHashError):
        return False


def is_outdated(known_hash: str) -> bool:
    """Whether it was made under other parameters."""
    return _HASHER.check_needs_rehash(known_hash)


def _normal(password: str) -> str:
    """The same for a typed ố and its decomposed form; at most what is hashed at all."""
    return unicodedata.normalize("NFC", password[: MAX_CHARS * 4])


def _is_run(text: str) -> bool:
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(text)}
    return steps in ({1}, {-1})


def _common() -> frozenset[str]:
    """The list, read each time: passwords are chosen rarely, and it need not stay in memory."""
    packed = importlib.resources.files("hub.registry").joinpath(_COMMON).read_bytes()
    return frozenset(gzip.decompress(packed).decode().split("\n"))


# A hash of nothing that anybody knows, for names that nobody has.
_NOBODY = (
    f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}"
    "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
