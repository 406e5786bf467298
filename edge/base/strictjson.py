"""JSON as the wire means it: UTF-8, no NaN, no duplicate keys, bounded depth and size.

Python's own parser accepts NaN, Infinity, duplicate keys and lone surrogates, and answers deep
nesting with RecursionError; here every refusal is one ValueError.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

MAX_DEPTH = 32
MAX_INT_DIGITS = 20  # 64-bit and a sign
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)  # possessive: one pass, no backtracking
_BRACKET = re.compile(r"[\[\]{}]")


def dumps(value: object) -> bytes:
    """Compact UTF-8 JSON with keys as given. Raises ValueError for NaN and lone surrogates."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def loads(data: bytes, *, max_bytes: int) -> object:
    """Parse one JSON document of at most `max_bytes`. Raises ValueError saying what is wrong."""
    if len(data) > max_bytes:
        raise ValueError(f"{len(data)} bytes, at most {max_bytes} are allowed")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as err:
        raise ValueError(f"not UTF-8 at byte {err.start}") from err
    if _depth(text) > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            parse_int=_bounded_int,
            parse_float=_finite_float,
        )
        if "\\u" in text:  # the only way to a surrogate in what was UTF-8
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as err:
        raise ValueError("holds a lone surrogate") from err
    except json.JSONDecodeError as err:
        raise ValueError(f"not JSON: {err.msg} at character {err.pos}") from err
    return value


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _bounded_int(digits: str) -> int:
    if len(digits) > MAX_INT_DIGITS:
        raise ValueError(f"an integer of {len(digits)} digits")
    return int(digits)


def _finite_float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:24]} is out of range")
    return number


def _depth(text: str) -> int:
    """The deepest nesting of brackets outside strings, so that text may hold any brackets.

    A string that is never closed hides nothing: the parser stops in it too. Where there are fewer
    brackets than MAX_DEPTH in all, their number is answer enough.
    """
    brackets = text.count("[") + text.count("{")
    if brackets <= MAX_DEPTH:
        return brackets
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest
