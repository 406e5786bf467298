"""Living, frozen and black pictures, made and encoded for the purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np
import pytest

from edge.capture.decode import small_luma
from edge.media.frame import Luma
from edge.motion.picture import BLACK_S, FROZEN_S, FROZEN_UNKEYED_S, PictureCheck, State

WIDTH, HEIGHT, FPS, GOP = 320, 180, 10, 20
RNG = np.random.default_rng(7)
YARD = RNG.integers(40, 200, (HEIGHT // 10, WIDTH // 10)).repeat(10, 0).repeat(10, 1)
SECOND_NS = 1_000_000_000
Draw = Callable[[float], np.ndarray]


def noisy(picture: np.ndarray, deviation: float) -> Luma:
    """The picture as a sensor with so much noise gives it."""
    noise = RNG.normal(0, deviation, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def states(
    draw: Draw,
    seconds: float,
    *,
    gop: int = GOP,
    check: PictureCheck | None = None,
    start_s: float = 0,
) -> list[tuple[float, State]]:
    """When the state changed, and to what, while these pictures were looked at."""
    check = check or PictureCheck()
    changes: list[tuple[float, State]] = []
    for number in range(round(seconds * FPS)):
        at_s = start_s + number / FPS
        luma = draw(at_s).astype(np.uint8)
        state = check.observe(luma, round(at_s * SECOND_NS), round(at_s * FPS) // gop)
        if not changes or changes[-1][1] != state:
            changes.append((at_s, state))
    return changes


def encoded(
    draw: Draw, seconds: float, options: dict[str, str]
) -> Iterator[tuple[float, Luma, int]]:
    """The same pictures through an H.264 encoder and decoder; with them the keyframes so far."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.gop_size = Fraction(1, FPS), Fraction(FPS), GOP
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency"} | options
    decoder = av.CodecContext.create("h264", "r")
    keyframes = 0
    for number in range(round(seconds * FPS)):
        picture = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        picture[:HEIGHT] = draw(number / FPS)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        for packet in encoder.encode(frame):
            keyframes += packet.is_keyframe
            for shown in decoder.decode(packet):
                yield number / FPS, small_luma(shown, WIDTH), keyframes


def judged(draw: Draw, seconds: float, options: dict[str, str]) -> list[State]:
    """All states that came up, in order, without repetitions."""
    check = PictureCheck()
    seen: list[State] = []
    for at_s, luma, keyframes in encoded(draw, seconds, options):
        state = check.observe(luma, round(at_s * SECOND_NS), keyframes)
        if not seen or seen[-1] != state:
            seen.append(state)
    return seen


def test_sensor_noise_is_life() -> None:
    """An empty yard at night, with the weakest noise that a sensor has, is not frozen."""
    assert states(lambda _: noisy(YARD, 0.6), 200) == [(0, "live")]


def test_a_repeated_picture_is_frozen_after_half_a_minute() -> None:
    """Before that it is a suspicion, which coverage does not settle."""
    check = PictureCheck()
    states(lambda _: noisy(YARD, 1), 10, check=check)
    frozen = noisy(YARD, 1)
    changes = states(lambda _: frozen, 60, check=check, start_s=10)
    assert [state for _, state in changes] == ["live", "still", "frozen"]
    assert changes[-1][0] == pytest.approx(10 + FROZEN_S, abs=1)


def test_a_camera_that_comes_back_to_life_is_live_at_once() -> None:
    """The first differing picture ends it."""
    check = PictureCheck()
    frozen = noisy(YARD, 1)
    states(lambda _: frozen, 60, check=check)
    changes = states(lambda _: noisy(YARD, 1), 5, check=check, start_s=60)
    assert changes[-1][1] == "live"
    assert changes[-1][0] <= 60.6


def test_pictures_that_differ_within_half_a_minute_are_not_frozen() -> None:
    """A camera that smooths its noise away still codes each keyframe a little differently."""
    seconds: list[State] = [
        state for _, state in states(lambda at_s: noisy(YARD, 0) + int(at_s // 25) % 2, 300)
    ]
    assert "frozen" not in seconds


def test_without_a_new_keyframe_a_still_picture_may_be_a_long_gop() -> None:
    """Cameras with smart codecs send a minute of nothing between two keyframes."""
    frozen = noisy(YARD, 1)
    changes = states(lambda _: frozen, 240, gop=10**6)
    assert [state for _, state in changes] == ["live", "still", "frozen"]
    assert changes[-1][0] == pytest.approx(FROZEN_UNKEYED_S, abs=1)


@pytest.mark.parametrize("options", [{"crf": "26"}, {"qp": "30"}])
def test_a_frozen_sensor_behind_a_working_encoder_is_found(options: dict[str, str]) -> None:
    """The packets differ from each other, and grow tiny; the picture is always the same."""
    alive = [noisy(YARD, 1.5) for _ in range(50)]

    def draw(at_s: float) -> np.ndarray:
        return alive[min(round(at_s * FPS), 49)]

    assert judged(draw, 45, options)[-1] == "frozen"


@pytest.mark.parametrize(
    "options", [{"crf": "35"}, {"b": "60k", "maxrate": "60k", "bufsize": "60k"}]
)
def test_a_poor_encoder_does_not_freeze_a_living_picture(options: dict[str, str]) -> None:
    """Coarse coding swallows most of the noise, not the keyframes' own."""
    assert "frozen" not in judged(lambda _: noisy(YARD, 1.5), 60, options)


@pytest.mark.parametrize("level", [0, 16])
def test_a_lens_cap_is_black_after_ten_seconds(level: int) -> None:
    """Noise in the dark is no picture, whichever range of levels the camera uses."""
    dark = np.full((HEIGHT, WIDTH), level)
    changes = states(lambda _: noisy(dark, 1.5), 20)
    assert [state for _, state in changes] == ["dark", "black"]
    assert changes[-1][0] == pytest.approx(BLACK_S, abs=1)


def test_black_that_also_stands_still_is_black() -> None:
    """The cause that a person can see comes first."""
    assert states(lambda _: np.full((HEIGHT, WIDTH), 16), 120)[-1][1] == "black"


def test_a_night_with_one_lamp_is_not_black() -> None:
    """A hundredth of the picture that is lit is enough to see somebody cross it."""
    night = np.full((HEIGHT, WIDTH), 18)
    night[20:40, 100:130] = 70
    assert states(lambda _: noisy(night, 1), 60) == [(0, "live")]


def test_a_dark_yard_with_faint_walls_is_not_black() -> None:
    """Moonlight: little light, but shapes."""
    assert states(lambda _: noisy(14 + YARD / 16, 1), 60) == [(0, "live")]


def test_a_new_size_of_the_picture_is_a_new_picture() -> None:
    """Settings of the camera were changed."""
    check = PictureCheck()
    states(lambda _: YARD, 29, check=check)
    assert check.observe(YARD[:90].astype(np.uint8), 29 * SECOND_NS, 20) == "live"


def test_a_restarted_stream_is_judged_anew() -> None:
    """After a reconnect the same picture counts from the beginning."""
    check = PictureCheck()
    states(lambda _: YARD, 60, check=check)
    check.restart()
    changes = states(lambda _: YARD, 20, check=check, start_s=60)
    assert [state for _, state in changes] == ["live", "still"]
