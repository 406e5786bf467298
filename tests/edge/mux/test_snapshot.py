"""Snapshots fit the wire's limit and stay pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.contract.names import MAX_SNAPSHOT_BYTES
from edge.media.frame import Picture
from edge.mux import snapshot


def gradient(height: int, width: int) -> Picture:
    """A smooth picture with a blue square in it."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, :, 2] = np.linspace(0, 255, width, dtype=np.uint8)
    picture[height // 4 : height // 2, width // 4 : width // 2] = (255, 0, 0)
    return picture


def decode(jpeg: snapshot.Jpeg) -> Picture:
    """The pixels of a JPEG."""
    picture = cv2.imdecode(np.frombuffer(jpeg.data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, np.uint8)


def test_an_ordinary_picture_keeps_its_size_and_colours() -> None:
    """A 720p frame goes out with all its pixels, blue still blue."""
    jpeg = snapshot.encode(gradient(720, 1280))
    assert (jpeg.width, jpeg.height) == (1280, 720)
    assert jpeg.data.startswith(b"\xff\xd8\xff")
    back = decode(jpeg)
    assert back.shape == (720, 1280, 3)
    blue, green, red = back[270, 480]
    assert blue > 230
    assert green < 25
    assert red < 25


def test_a_noisy_large_picture_is_made_to_fit() -> None:
    """Night noise at 1080p needs megabytes; the snapshot still fits the wire's limit."""
    noise = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
    jpeg = snapshot.encode(noise)
    assert len(jpeg.data) <= MAX_SNAPSHOT_BYTES
    assert decode(jpeg).shape == (jpeg.height, jpeg.width, 3)
    assert jpeg.width / jpeg.height == pytest.approx(1920 / 1080, rel=0.02)


def test_quality_goes_down_before_size_does() -> None:
    """A picture slightly over the limit keeps its pixels."""
    noise = np.random.default_rng(2).integers(90, 160, (200, 300, 3), dtype=np.uint8)
    best = snapshot.encode(noise, 10**6)
    fitted = snapshot.encode(noise, len(best.data) - 1)
    assert len(fitted.data) < len(best.data)
    assert (fitted.width, fitted.height) == (300, 200)


def test_the_same_picture_of_two_events_is_two_files() -> None:
    """Files are known by hash: one acknowledgement must not free another event's picture."""
    pair = [snapshot.encode(gradient(90, 160), comment=event) for event in ("first", "second")]
    assert pair[0].data != pair[1].data
    assert b"first" in pair[0].data
    assert np.array_equal(decode(pair[0]), decode(pair[1]))
    assert np.array_equal(decode(pair[0]), decode(snapshot.encode(gradient(90, 160))))


def test_an_impossible_limit_is_an_error() -> None:
    """No JPEG has ten bytes: an error, not a loop."""
    with pytest.raises(snapshot.SnapshotError):
        snapshot.encode(gradient(720, 1280), 10)


@pytest.mark.parametrize("shape", [(0, 0, 3), (10, 10), (10, 10, 4)])
def test_what_is_not_a_bgr_picture_is_refused(shape: tuple[int, ...]) -> None:
    """Empty, grey and four-channel arrays are refused by name, not by OpenCV's assertion."""
    with pytest.raises(snapshot.SnapshotError):
        snapshot.encode(np.zeros(shape, np.uint8))
