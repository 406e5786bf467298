"""What a JPEG's headers say, on real ones and on any bytes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media import jpeg


def made(width: int, height: int, *options: int, channels: int = 3) -> bytes:
    """A JPEG by OpenCV, of noise."""
    shape = (height, width, channels)[: 2 if channels == 1 else 3]
    pixels = np.random.default_rng(1).integers(0, 255, shape, np.uint8)
    done, data = cv2.imencode(".jpg", pixels, list(options))
    assert done
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(made(322, 182), id="baseline"),
        pytest.param(made(322, 182, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), id="progressive"),
        pytest.param(made(322, 182, channels=1), id="gray"),
        pytest.param(made(322, 182, cv2.IMWRITE_JPEG_RST_INTERVAL, 4), id="restarts"),
    ],
)
def test_the_size_is_read_from_the_header(data: bytes) -> None:
    """Width first, of every kind that cameras send."""
    assert jpeg.size(data) == (322, 182)
    assert jpeg.size(b"\xff\xd8\xff\xff" + data[2:]) == (322, 182)  # fill bytes


def test_a_thumbnail_inside_is_not_taken_for_the_picture() -> None:
    """A segment is passed over by its length, whatever it holds."""
    small = made(16, 16)
    segment = b"\xff\xe1" + (len(small) + 2).to_bytes(2, "big") + small
    assert jpeg.size(b"\xff\xd8" + segment + made(322, 182)[2:]) == (322, 182)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff\xd8", b"GIF89a" + bytes(90), b"\xff\xd8" + bytes(200),
        b"\xff\xd8\xff\xd9" + bytes(9), b"\xff\xd8\xff\xc3\x00\x11\x08\x01\x01\x01\x01\x03",
        b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x00\x01\x01\x03",
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 300,
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    """Garbage, a start without more, a lossless kind, no height, segments without an end."""
    with pytest.raises(ValueError, match="JPEG"):
        jpeg.size(data)


def test_a_cut_off_picture_is_told_from_a_whole_one() -> None:
    """Whatever follows the end, as some cameras add."""
    data = made(322, 182)
    assert jpeg.is_whole(data)
    assert jpeg.is_whole(data + bytes(500))
    assert not jpeg.is_whole(data[: len(data) * 9 // 10])


@given(st.binary(max_size=300), st.integers(0, 600))
def test_any_bytes_give_a_size_or_a_value_error(noise: bytes, at: int) -> None:
    """Alone and in the middle of a picture."""
    picture = made(64, 48)
    for data in (b"\xff\xd8" + noise, picture[:at] + noise + picture[at:]):
        try:
            width, height = jpeg.size(data)
        except ValueError:
            continue
        assert 0 < width < 1 << 16
        assert 0 < height < 1 << 16
