"""Living, frozen and black pictures, made and encoded for the purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext

from edge.capture.decode import small_luma
from edge.media.frame import Luma
from edge.motion.picture import BLACK_S, FROZEN_S, KEYLESS_S, PictureCheck, State

WIDTH, HEIGHT, FPS, GOP = 320, 180, 10, 20
GOP_S = GOP / FPS
RNG = np.random.default_rng(7)
Levels = npt.NDArray[np.float64]
YARD: Levels = (
    RNG.integers(40, 200, (HEIGHT // 10, WIDTH // 10)).repeat(10, 0).repeat(10, 1).astype(float)
)
DARK: Levels = np.full((HEIGHT, WIDTH), 16.0)
Draw = Callable[[float], Levels]
Changes = list[tuple[float, State]]


def noisy(picture: Levels, deviation: float) -> Levels:
    """The picture as a sensor with so much noise gives it."""
    return np.clip(picture + RNG.normal(0, deviation, picture.shape), 0, 255)


def yard(_: float) -> Levels:
    """Nobody is there."""
    return noisy(YARD, 1)


def still(picture: Levels) -> Draw:
    """Always the very same picture."""
    return lambda _: picture


class Watch:
    """A check, and the changes of what it says of one picture after the other."""

    def __init__(self) -> None:
        self.check = PictureCheck()
        self.now_s = 0.0
        self.changes: Changes = []

    def show(self, luma: Luma, *, is_keyframe: bool) -> None:
        """The next picture, a tenth of a second after the one before."""
        state = self.check.observe(luma, round(self.now_s * 1e9), is_keyframe=is_keyframe)
        if not self.changes or self.changes[-1][1] != state:
            self.changes.append((self.now_s, state))
        self.now_s += 1 / FPS

    def look(self, draw: Draw, seconds: float, *, gop: int = GOP) -> Changes:
        """Look at pictures that were never coded; all changes so far."""
        for number in range(round(seconds * FPS)):
            self.show(draw(self.now_s).astype(np.uint8), is_keyframe=number % gop == 0)
        return self.changes

    @property
    def last_live_s(self) -> float:
        """When the picture was last proven to live."""
        return max((at_s for at_s, state in self.changes if state == "live"), default=0.0)

    @property
    def states(self) -> set[State]:
        """All that it ever said."""
        return {state for _, state in self.changes}


def encoded(draw: Draw, seconds: float, options: dict[str, str]) -> Iterator[tuple[Luma, bool]]:
    """The same pictures through an H.264 encoder and decoder; with each whether it is key."""
    encoder = CodecContext.create("libx264", "w")
    decoder = CodecContext.create("h264", "r")
    assert isinstance(encoder, VideoCodecContext)
    assert isinstance(decoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.gop_size = Fraction(1, FPS), Fraction(FPS), GOP
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency"} | options
    for number in range(round(seconds * FPS)):
        picture = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        picture[:HEIGHT] = draw(number / FPS)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        for packet in encoder.encode(frame):
            for shown in decoder.decode(packet):
                yield small_luma(shown, WIDTH), packet.is_keyframe


def watched(draw: Draw, seconds: float, options: dict[str, str]) -> Watch:
    """A whole scene as it comes out of an encoder."""
    watch = Watch()
    for luma, is_keyframe in encoded(draw, seconds, options):
        watch.show(luma, is_keyframe=is_keyframe)
    return watch


def test_sensor_noise_is_life() -> None:
    """An empty yard at night, with the weakest noise that a sensor has, lives in each keyframe."""
    watch = Watch()
    watch.look(lambda _: noisy(YARD, 0.6), 200)
    assert watch.states == {"live", "unproven"}
    assert watch.last_live_s == pytest.approx(200 - GOP_S, abs=0.2)


def test_a_repeated_picture_is_frozen_after_half_a_minute() -> None:
    """And nothing after its first keyframe was said to live before that was known."""
    watch = Watch()
    watch.look(yard, 10)
    changes = watch.look(still(noisy(YARD, 1)), 60)
    assert changes[-1][1] == "frozen"
    assert changes[-1][0] == pytest.approx(10 + FROZEN_S, abs=GOP_S)
    assert watch.last_live_s == pytest.approx(10, abs=0.1)


def test_a_camera_that_comes_back_to_life_is_live_with_its_second_keyframe() -> None:
    """A single one that differs may be the rate control's doing."""
    watch = Watch()
    watch.look(still(noisy(YARD, 1)), 60)
    changes = watch.look(yard, 10)
    assert "live" in [state for at_s, state in changes if 60 < at_s <= 60 + GOP_S + 0.2]


def test_a_picture_that_stands_still_for_less_is_not_frozen() -> None:
    """Whatever the reason: it lived before and after."""
    watch = Watch()
    for _ in range(5):
        watch.look(still(noisy(YARD, 1)), 25)
        watch.look(yard, 10)
    assert "frozen" not in watch.states


def test_a_long_gop_is_not_frozen() -> None:
    """Cameras with smart codecs send a minute of nothing between two keyframes."""
    watch = Watch()
    for _ in range(4):
        watch.look(still(noisy(YARD, 1)), 60, gop=600)
    assert "frozen" not in watch.states


def test_a_stream_without_keyframes_is_judged_by_any_frame() -> None:
    """Rolling refresh: every part of the picture is coded anew within seconds, none at once."""
    alive, frozen = Watch(), Watch()
    alive.look(yard, 2 * KEYLESS_S, gop=10**6)
    frozen.look(still(YARD), 2 * KEYLESS_S, gop=10**6)
    assert "frozen" not in alive.states
    assert alive.last_live_s > KEYLESS_S
    assert frozen.changes[-1][1] == "frozen"


@pytest.mark.parametrize(
    "options",
    [{"crf": "24"}, {"crf": "30", "tune": "film"}, {"qp": "30"}, {"b": "400k"},
     {"b": "400k", "maxrate": "400k", "bufsize": "400k"}],
)  # fmt: skip
def test_a_frozen_sensor_behind_a_working_encoder_is_found(options: dict[str, str]) -> None:
    """At constant quality and at fixed rates: packets and pictures differ, keyframes repeat."""
    alive = [yard(0) for _ in range(50)]
    watch = watched(lambda at_s: alive[min(round(at_s * FPS), 49)], 60, options)
    assert watch.changes[-1][1] == "frozen"
    assert watch.last_live_s < 20  # a fixed rate may wander for a GOP or two


@pytest.mark.parametrize("options", [{"crf": "35"}, {"crf": "40"}, {"b": "60k", "maxrate": "60k"}])
def test_a_poor_encoder_does_not_freeze_a_living_picture(options: dict[str, str]) -> None:
    """Coarse coding swallows most of the noise, not that of the keyframes."""
    assert "frozen" not in watched(lambda _: noisy(YARD, 1.5), 60, options).states


@pytest.mark.parametrize("level", [0, 16])
def test_a_lens_cap_is_black_after_ten_seconds(level: int) -> None:
    """Noise in the dark is no picture, whichever range of levels the camera uses."""
    watch = Watch()
    dark = np.full((HEIGHT, WIDTH), float(level))
    changes = watch.look(lambda _: noisy(dark, 1.5), 20)
    assert [state for _, state in changes] == ["unproven", "black"]
    assert changes[-1][0] == pytest.approx(BLACK_S, abs=1)


def test_black_that_also_stands_still_is_black() -> None:
    """The cause that a person can see comes first."""
    assert Watch().look(still(DARK), 120)[-1][1] == "black"


def test_light_ends_the_black_at_once() -> None:
    """The cap is off; the next keyframe proves life."""
    watch = Watch()
    watch.look(still(DARK), 20)
    changes = watch.look(yard, 5)
    assert changes[-1][1] != "black"
    assert "live" in [state for at_s, state in changes if at_s > 20]


def test_a_night_with_one_lamp_is_not_black() -> None:
    """A hundredth of the picture that is lit is enough to see somebody cross it."""
    night = DARK + 2
    night[20:40, 100:130] = 70
    watch = Watch()
    watch.look(lambda _: noisy(night, 1), 60)
    assert watch.states == {"live", "unproven"}


def test_a_dark_yard_with_faint_walls_is_not_black() -> None:
    """Moonlight: little light, but shapes."""
    watch = Watch()
    watch.look(lambda _: noisy(14 + YARD / 16, 1), 60)
    assert watch.states == {"live", "unproven"}


def test_a_new_size_of_the_picture_is_a_new_picture() -> None:
    """Settings of the camera were changed."""
    watch = Watch()
    watch.look(still(YARD), 20)
    watch.look(still(YARD[:90]), 20)
    assert "frozen" not in watch.states


def test_a_restarted_stream_is_judged_anew() -> None:
    """After a reconnect the same picture counts from the beginning."""
    watch = Watch()
    watch.look(still(YARD), 60)
    watch.check.restart()
    assert watch.look(still(YARD), 20)[-1][1] == "unproven"


def test_a_lively_picture_that_repeats_is_stuck_within_ten_seconds() -> None:
    """Long before it counts as frozen; and no longer once it lives again."""
    watch = Watch()
    told = []
    for draw, seconds in ((yard, 30), (still(noisy(YARD, 1)), 10), (yard, 6)):
        watch.look(draw, seconds)
        told.append(watch.check.is_stuck)
    assert told == [False, True, False]
    assert "frozen" not in watch.states


def test_a_picture_that_always_nearly_repeats_is_never_stuck() -> None:
    """A denoised night, whose keyframes hardly differ, says nothing in so short a time."""
    watch = Watch()
    watch.look(lambda _: noisy(YARD + 0.5, 0.3), 30)
    watch.look(still(noisy(YARD + 0.5, 0.3)), 10)
    assert not watch.check.is_stuck


def test_pictures_that_come_twice_each_are_not_stuck() -> None:
    """Whatever the camera does in between, a new one is a new one."""
    watch = Watch()
    watch.look(yard, 30)
    for _ in range(6):
        watch.look(still(noisy(YARD, 1)), 2 * GOP_S)
        assert not watch.check.is_stuck


def freezing(noise: float, at_s: float) -> Draw:
    """A yard with so much noise, whose picture stands still from `at_s` on."""
    frozen = noisy(YARD, noise)
    return lambda now_s: noisy(YARD, noise) if now_s < at_s else frozen


@pytest.mark.parametrize("noise", [1.0, 5.0])
def test_a_frozen_picture_that_the_encoder_refines_is_stuck_within_six_gops(
    noise: float,
) -> None:
    """Its keyframes differ less and less; long before two are the same."""
    watch = watched(freezing(noise, 30), 30, {"crf": "24"})
    assert not watch.check.is_stuck
    watch = watched(freezing(noise, 30), 30 + 6 * GOP_S + 0.1, {"crf": "24"})
    assert watch.check.is_stuck


def test_a_stuck_picture_that_lives_again_is_not_stuck() -> None:
    """However long the encoder refined it."""
    frozen = noisy(YARD, 3)
    watch = watched(lambda now_s: frozen if 30 <= now_s < 50 else noisy(YARD, 3), 56, {"crf": "24"})
    assert not watch.check.is_stuck
    assert watch.last_live_s == pytest.approx(54, abs=0.2)


@pytest.mark.parametrize("options", [{"crf": "24"}, {"b": "400k", "maxrate": "400k"}])
def test_a_light_that_takes_the_noise_away_is_not_stuck(options: dict[str, str]) -> None:
    """Infrared goes off, the gain falls: the differences are small, but do not dwindle."""
    checked: list[bool] = []
    watch = Watch()

    def evening(now_s: float) -> Levels:
        return noisy(YARD * 0.5, 5) if now_s < 30 else noisy(YARD, 0.8)

    for luma, is_keyframe in encoded(evening, 60, options):
        watch.show(luma, is_keyframe=is_keyframe)
        checked.append(watch.check.is_stuck)
    assert not any(checked)


@pytest.mark.parametrize("rate", ["40k", "120k"])
def test_a_dark_clean_scene_at_a_low_rate_is_never_stuck(rate: str) -> None:
    """Its keyframes hardly differ while it lives, so nothing can be told by that."""
    dim = YARD * 0.1 + 16
    watch = Watch()
    for luma, is_keyframe in encoded(
        lambda _: noisy(dim, 0.4), 60, {"b": rate, "maxrate": rate, "bufsize": rate}
    ):
        watch.show(luma, is_keyframe=is_keyframe)
        assert not watch.check.is_stuck


def test_the_first_small_difference_raises_a_doubt() -> None:
    """So that whoever looks at few keyframes looks at the next ones; life ends the doubt."""
    watch = Watch()
    told = []
    for draw, seconds in ((yard, 30), (still(noisy(YARD, 1)), 2 * GOP_S), (yard, GOP_S)):
        watch.look(draw, seconds)
        told.append(watch.check.is_in_doubt)
    assert told == [False, True, False]


def test_a_keyframe_that_is_looked_at_twice_does_not_repeat_itself() -> None:
    """A viewer that opens begins with the keyframe that was glanced at."""
    watch = Watch()
    watch.look(yard, 30)
    luma = yard(0).astype(np.uint8)
    for _ in range(6):
        watch.check.observe(luma, 31 * 10**9, is_keyframe=True)
    assert not watch.check.is_in_doubt
