"""The version numbers of releases, compared: 1.4.0, and before it 1.4.0rc1, 1.4.0b2, 1.4.0a1.

A subset of PEP 440 in its normal form, so that pip and we agree on what is older.
"""

from __future__ import annotations

import re

PATTERN = r"(0|[1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){1,3}((a|b|rc)(0|[1-9][0-9]{0,3}))?"
MAX_PARTS = 4
_RANKS = {"a": 0, "b": 1, "rc": 2}
_FINAL = 3

Key = tuple[tuple[int, ...], int, int]


def is_version(text: str) -> bool:
    """Whether `text` is the version of a release."""
    return re.fullmatch(PATTERN, text) is not None


def key(text: str) -> Key:
    """What sorts as versions do. Raises ValueError for what is none."""
    if not is_version(text):
        raise ValueError(f"{text[:40]!r} is no version such as 1.4.0 or 1.4.0rc1")
    match = re.fullmatch(r"([0-9.]+?)(?:(a|b|rc)([0-9]+))?", text)
    assert match is not None  # PATTERN is narrower  # noqa: S101
    parts = [int(each) for each in match[1].split(".")]
    padded = tuple(parts + [0] * (MAX_PARTS - len(parts)))
    return (padded, _RANKS[match[2]], int(match[3])) if match[2] else (padded, _FINAL, 0)


def is_older(one: str, other: str) -> bool:
    """Whether `one` came before `other`. Raises ValueError."""
    return key(one) < key(other)
