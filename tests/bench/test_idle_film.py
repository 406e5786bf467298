"""The idle bench's films show what their truth says, and can be looped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from scripts.bench import idle_film
from scripts.bench.idle_film import FPS, GOP, FilmError
from scripts.bench.idle_streams import Action, Control, Light, Stream

FILM_S = 24


def stream(control: Control = "vbr", light: Light = "day", action: Action = "idle") -> Stream:
    return Stream(360, control, light, action, FILM_S)


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film in which two vehicles pass."""
    path = tmp_path_factory.mktemp("films") / "moving.mp4"
    idle_film.make(stream(action="moving").film, path)
    return path


@pytest.mark.parametrize(
    "made",
    [
        stream("vbr"), stream("cbr"), stream("crf", "night"),
        stream("vbr", "night", "moving"),
    ],
    ids=lambda made: made.name,
)  # fmt: skip
def test_a_film_holds_its_own_truth(made: Stream, tmp_path: Path) -> None:
    """Its GOPs and rate are as asked for, and pixels move only where somebody is."""
    idle_film.make(made.film, tmp_path / "film.mp4")
    idle_film.check(made.film, tmp_path / "film.mp4")


def test_a_film_passes_no_check_for_another_truth(moving: Path, tmp_path: Path) -> None:
    """Who is there and should not be is found, and so is who should be there and is not."""
    film = stream(action="moving").film
    idle_film.check(film, moving)
    with pytest.raises(FilmError, match="where nobody is"):
        idle_film.check(replace(film, is_moving=False), moving)
    with pytest.raises(FilmError, match="constant 400"):
        idle_film.check(replace(film, rate_control="bitrate=400"), moving)
    idle_film.make(stream().film, tmp_path / "idle.mp4")
    with pytest.raises(FilmError, match="not to be seen"):
        idle_film.check(film, tmp_path / "idle.mp4")


def test_the_seam_of_a_loop_is_as_any_other_place(moving: Path) -> None:
    """From the last frame to the first the picture changes no more than between two others, and
    the first GOP is as large as the others."""
    with av.open(str(moving)) as container:
        sizes = [packet.size for packet in container.demux(video=0) if packet.dts is not None]
    with av.open(str(moving)) as container:
        lumas = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    lights = np.array([luma.mean() for luma in lumas])
    assert abs(lights[0] - lights[-1]) <= 1.5 * np.abs(np.diff(lights)).max()
    # Between two keyframes sizes follow each other alike, seam or not.
    gops = np.array(sizes).reshape(-1, GOP).sum(axis=1)
    quiet = [
        number
        for number in range(len(gops))
        if not any(
            first < (number + 1) * GOP and last >= number * GOP
            for first, last in stream(action="moving").film.crossings()
        )
    ]
    assert quiet[0] == 0
    assert gops[0] == pytest.approx(np.median(gops[quiet]), rel=0.15)


def test_movement_takes_a_tenth_of_a_film_of_a_minute() -> None:
    """Both crossings end before the film does."""
    for height in (720, 1080):
        film = Stream(height, "vbr", "day", "moving").film
        crossings = film.crossings()
        assert len(crossings) == 2
        assert crossings[-1][1] < film.frames - FPS
        share = sum(last - first + 1 for first, last in crossings) / film.frames
        assert share == pytest.approx(0.1, abs=0.01)


def test_noise_is_fresh_in_every_frame_by_night() -> None:
    """Two frames of a quiet night differ by far more than two of a quiet day."""

    def restlessness(light: Light) -> float:
        first, second = (
            frame[:360].astype(float)
            for frame in map(np.copy, stream(light=light).film.pictures((0, 1)))
        )
        return float((first - second).std())

    assert restlessness("night") > 2 * restlessness("day") > 2
