"""Short films in which something crosses the picture every two seconds; no thing comes twice."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from tests.harness import nal

WIDTH, HEIGHT, FPS = 256, 144, 10
GOP = FPS // 2  # so that a clip begins and ends close to its event
CROSSING_S = 2.0
FIRST, LAST = 2, 15  # frames of a crossing in which the thing is seen
SIZE = 28  # pixels


def make_film(path: Path, seed: int, crossings: int, *, gop: int = GOP) -> Path:
    """`crossings` things in a row, each of another look and on another line."""
    rng = np.random.default_rng(seed)
    still = rng.integers(70, 110, (HEIGHT // 8, WIDTH // 8), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size, stream.max_b_frames = gop, 0
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "28"}
        for _ in range(crossings):
            thing = rng.integers(150, 235, (SIZE // 4, SIZE // 4), np.uint8)
            thing = thing.repeat(4, 0).repeat(4, 1)
            top = int(rng.integers(10, HEIGHT - SIZE - 10))
            for number in range(round(CROSSING_S * FPS)):
                luma = _frame(still, thing, top, number, rng)
                picture = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
                picture[:HEIGHT] = luma
                frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _frame(
    still: npt.NDArray[np.uint8],
    thing: npt.NDArray[np.uint8],
    top: int,
    number: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.uint8]:
    luma: npt.NDArray[np.uint8] = still + rng.integers(0, 3, still.shape, np.uint8)
    if FIRST <= number <= LAST:
        step = (WIDTH - SIZE) // (LAST - FIRST)
        left = (number - FIRST) * step
        luma[top : top + SIZE, left : left + SIZE] = thing
    return luma


def digests(path: Path) -> list[str]:
    """What each picture of a film or clip is known by, whatever file it is in."""
    return [nal.picture_digest(packet, "h264") for packet in nal.read_file(path)]
