"""Pictures out of a multipart stream, careful cameras and careless ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.multipart import MAX_HEAD_BYTES, MAX_PICTURE_BYTES, Parts, boundary_of

PICTURE = b"\xff\xd8 a picture \r\n\r\n with lines \xff\xd9"


def stream(*, length: bool = True, line: bytes = b"\r\n", mark: bytes = b"--x") -> bytes:
    head = mark + line + b"Content-Type: image/jpeg" + line
    head += b"content-length: %d" % len(PICTURE) + line if length else b""
    return (head + line + PICTURE + line) * 3 + mark + line


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("line", [b"\r\n", b"\n"])
@pytest.mark.parametrize("length", [True, False])
def test_pictures_come_out_whole(step: int, line: bytes, length: bool) -> None:
    """However the bytes are cut up, with or without a length; without one, the line's end stays."""
    parts, found, data = Parts("x"), [], stream(length=length, line=line)
    for at in range(0, len(data), step):
        found += parts.push(data[at : at + step])
    assert [each.rstrip() for each in found] == [PICTURE.rstrip()] * 3
    assert parts.strange == 0


@pytest.mark.parametrize(
    ("declared", "boundary"),
    [
        ("multipart/x-mixed-replace; boundary=x", "x"),
        ("multipart/x-mixed-replace;boundary=--x", "x"),
        ('multipart/x-mixed-replace; boundary="x y"; charset=a', "x y"),
        ("multipart/x-mixed-replace; Boundary = x;a=b", "x"),
        ("multipart/x-mixed-replace", None),
        ("multipart/x-mixed-replace; boundary=--", None),
    ],
)
def test_the_boundary_is_read_as_cameras_write_it(declared: str, boundary: str | None) -> None:
    """With quotes, without, and with dashes that belong to the delimiter."""
    assert boundary_of(declared) == boundary


def test_more_dashes_than_declared_do_no_harm() -> None:
    """Some cameras declare the dashes too."""
    assert len(Parts("x").push(stream(mark=b"----x"))) == 3


def test_parts_that_are_no_pictures_are_passed_over() -> None:
    """And a wrong length costs the picture, not the stream."""
    text = b"--x\r\nContent-Length: 5\r\n\r\nhello\r\n"
    short = b"--x\r\nContent-Length: 4\r\n\r\n\xff\xd8 much more than four bytes\r\n"
    parts = Parts("x")
    assert parts.push(text + short + stream())[1:] == [PICTURE] * 3
    assert parts.strange == 1


@pytest.mark.parametrize(
    "hostile",
    [
        b"--x\r\nContent-Length: 999999999\r\n\r\n",
        b"--x\r\nA: " + b"a" * (MAX_HEAD_BYTES + 1),
        b"--x\r\n\r\n\xff\xd8" + b"a" * (MAX_PICTURE_BYTES + 1),
    ],
)
def test_what_would_fill_the_memory_is_refused(hostile: bytes) -> None:
    """A length, headers or a picture beyond any camera's."""
    with pytest.raises(ValueError, match=r"picture of|headers"):
        Parts("x").push(hostile)


@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from(
    [b"--x", b"\r\n\r\n", b"Content-Length: 3", b"\n", b"\xff\xd8"])), max_size=30))  # fmt: skip
def test_any_bytes_are_taken(chunks: list[bytes]) -> None:
    """Nothing but a picture or a refusal comes of them."""
    parts = Parts("x")
    for chunk in chunks:
        for picture in parts.push(chunk):
            assert picture.startswith(b"\xff\xd8")
