"""JSON as the wire means it."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.base import strictjson


def refused(data: bytes) -> str:
    with pytest.raises(ValueError) as caught:
        strictjson.loads(data, max_bytes=100_000)
    assert type(caught.value) in (ValueError, json.JSONDecodeError)
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"NaN", "NaN is not a JSON number"),
        (b"[Infinity]", "Infinity is not a JSON number"),
        (b'{"a":-Infinity}', "-Infinity is not a JSON number"),
        (b"1e999", "1e999 is out of range"),
        (b"-1e999", "out of range"),
        (b"9" * 21, "an integer of 21 digits"),
        (b"9" * 50_000, "an integer of 50000 digits"),
        (b'{"a":1,"a":1}', "a key stands twice in one object"),
        (b'[{"b":{"a":1,"a":2}}]', "a key stands twice in one object"),
        (b'{"a":1,"\\u0061":2}', "a key stands twice in one object"),
        (b'"\\ud800"', "holds a lone surrogate"),
        (b'{"\\udfff":1}', "holds a lone surrogate"),
        (b'"\xed\xa0\x80"', "not UTF-8 at byte 1"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"[" * 33 + b"]" * 33, "nested deeper than 32"),
        (b"[" * 50_000, "nested deeper than 32"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "nested deeper than 32"),
        (b'["' + b"]" * 40_000 + b'",' + b"[" * 40_000, "nested deeper than 32"),
        (b"]" * 40_000 + b"[" * 40_000, "not JSON"),
    ],
)  # fmt: skip
def test_what_python_would_take_or_choke_on_is_one_value_error(data: bytes, complaint: str) -> None:
    """Every refusal is a ValueError that says why."""
    assert complaint in refused(data)


def test_too_many_bytes_are_not_even_parsed() -> None:
    """The limit is the caller's."""
    with pytest.raises(ValueError, match="6 bytes, at most 5 are allowed"):
        strictjson.loads(b"[1,2,3]"[:6], max_bytes=5)


@pytest.mark.parametrize(
    "text", ["[[[{{{" * 20, "]]]" * 40, '\\"[', "\\", 'a"]["b', "\\\\", "\n", "\U0001f600"]
)
def test_text_may_hold_any_brackets_and_quotes(text: str) -> None:
    """What a camera's error says must not look like nesting."""
    assert strictjson.loads(json.dumps([text, {text: 1}]).encode(), max_bytes=10_000) == [
        text,
        {text: 1},
    ]


def test_thirty_two_levels_are_taken() -> None:
    """The limit itself is allowed."""
    assert strictjson.loads(b"[" * 32 + b"]" * 32, max_bytes=100) is not None


def test_writing_is_compact_and_keeps_order_and_letters() -> None:
    """The bytes are what is signed, so their form is fixed."""
    assert (
        strictjson.dumps({"b": 1, "a": ["máy", None, 0.5]})
        == '{"b":1,"a":["máy",null,0.5]}'.encode()
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_may_not_be_read_is_not_written(value: object) -> None:
    """Nothing leaves that the other side would refuse."""
    with pytest.raises(ValueError):
        strictjson.dumps([value])


@given(data=st.binary(max_size=400))
@example(data=b'"\\')
@example(data=b'"\\u')
@example(data=b"-")
@example(data=b"1e")
@example(data=b'{"":' * 40)
def test_any_bytes_give_a_value_or_a_value_error(data: bytes) -> None:
    """Nothing else escapes."""
    try:
        strictjson.loads(data, max_bytes=300)
    except ValueError:
        return


@given(text=st.text(alphabet='[]{}",:\\0123456789eE+-.tfnu \n', max_size=200))
def test_any_soup_of_json_signs_gives_a_value_or_a_value_error(text: str) -> None:
    """The same from nearer by."""
    try:
        strictjson.loads(text.encode(), max_bytes=300)
    except ValueError:
        return
