"""The detector and the event state together, on made scenes with known truth."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from edge.contract.motion import MotionSettings, Polygon, Zone
from edge.media.frame import Frame, Luma, Picture
from edge.motion.activity import Activity, Ended, Event
from edge.motion.detector import Detector
from edge.motion.observation import Observation

HEIGHT, WIDTH, FPS = 180, 320, 10
Levels = npt.NDArray[np.float32]
DEFAULTS = MotionSettings()


class NoPixels:
    """Stands where the full picture is; the detector must not ask for it."""

    width = WIDTH
    height = HEIGHT

    def to_bgr(self, max_width: int) -> Picture:
        raise AssertionError(f"asked for {max_width} pixels")


@pytest.fixture(scope="module")
def scene() -> Levels:
    """A street-like still picture: large surfaces, edges, fine texture."""
    rng = np.random.default_rng(20)
    picture = np.full((HEIGHT, WIDTH), 110, np.float32)
    for _ in range(60):
        x, y = int(rng.integers(0, WIDTH)), int(rng.integers(0, 110))
        width, height = (int(value) for value in rng.integers(8, 60, 2))
        level = float(rng.uniform(40, 200))
        cv2.rectangle(picture, (x, y), (x + width, y + height), level, cv2.FILLED)
    picture += rng.normal(0, 4, picture.shape).astype(np.float32)
    return picture


def grain(seed: int, deviation: float, smear_px: float = 0.0) -> Callable[[], Levels]:
    """Fresh noise for each call, from a pool of fields at random offsets."""
    rng = np.random.default_rng(seed)
    field = rng.normal(0, 1, (HEIGHT + 97, WIDTH + 113)).astype(np.float32)
    if smear_px:
        field = np.asarray(cv2.GaussianBlur(field, (0, 0), smear_px), np.float32)
    field *= deviation / float(field.std())

    def one() -> Levels:
        y, x = int(rng.integers(0, 97)), int(rng.integers(0, 113))
        return field[y : y + HEIGHT, x : x + WIDTH]

    return one


def watch(
    frames: int,
    draw: Callable[[int], Levels],
    settings: MotionSettings = DEFAULTS,
    *,
    fps: float = FPS,
) -> tuple[list[Event], list[Observation]]:
    """The events and observations of `frames` drawn frames."""
    detector = Detector(settings)
    activity = Activity(settings.min_frames, settings.quiet_s)
    events, observations = [], []
    for number in range(frames):
        luma: Luma = np.clip(np.rint(draw(number)), 0, 255).astype(np.uint8)
        luma.flags.writeable = False
        frame = Frame(number, round(number / fps * 1e9), luma, NoPixels())
        observations.append(detector.observe(frame))
        transition = activity.observe(observations[-1])
        if isinstance(transition, Ended):
            events.append(transition.event)
    if (finished := activity.finish()) is not None:
        events.append(finished.event)
    return events, observations


def put_walker(frame: Levels, x: float, foot: int, height: int, level: float) -> None:
    """Set an upright figure into a frame, in place; `x` is its middle."""
    width = max(2, height // 3)
    left, right = round(x - width / 2), round(x + width / 2)
    frame[max(0, foot - height) : foot, max(0, left) : max(0, right)] = level
    frame[foot - height // 3 : foot, max(0, round(x)) : max(0, round(x) + 1)] += 30


@pytest.mark.parametrize(
    ("deviation", "smear_px", "light"),
    [(0.0, 0, 1.0), (2.0, 0, 1.0), (6.0, 0, 0.6), (14.0, 0, 0.3), (8.0, 1.5, 0.4)],
    ids=["encoder off", "day", "dusk", "night", "night through an encoder"],
)
def test_four_minutes_of_sensor_noise_are_no_event(
    scene: Levels, deviation: float, smear_px: float, light: float
) -> None:
    """A static scene raises nothing, by day or by night."""
    noise = grain(1, deviation, smear_px) if deviation else grain(1, 0.01)
    events, _ = watch(240 * FPS, lambda _: scene * np.float32(light) + noise())
    assert events == []


@pytest.mark.parametrize("sensitivity", [1, 5, 8])
def test_noise_is_no_event_at_other_sensitivities(scene: Levels, sensitivity: int) -> None:
    """The threshold stays above the noise, however sensitive."""
    noise = grain(2, 4.0)
    settings = MotionSettings(sensitivity=sensitivity)
    assert watch(60 * FPS, lambda _: scene + noise(), settings)[0] == []


def walk(
    scene: Levels, noise: Callable[[], Levels], *, height: int, level: float, first: int,
    px_per_s: float, fps: float = FPS,
) -> Callable[[int], Levels]:  # fmt: skip
    """A scene that somebody crosses once, from the left, beginning with frame `first`."""

    def draw(number: int) -> Levels:
        frame = scene + noise()
        x = (number - first) / fps * px_per_s - height / 6
        if number >= first and x < WIDTH + height / 6:
            put_walker(frame, x, 150, height, level)
        return frame

    return draw


@pytest.mark.parametrize(
    ("height", "level", "deviation", "px_per_s"),
    [(60, 60, 2.0, 40.0), (22, 50, 2.0, 20.0), (10, 70, 1.0, 14.0), (24, 128, 1.0, 22.0),
     (30, 60, 10.0, 30.0)],
    ids=["near", "middle", "far", "low contrast", "night"],
)  # fmt: skip
def test_one_crossing_is_exactly_one_event(
    scene: Levels, height: int, level: float, deviation: float, px_per_s: float
) -> None:
    """Near or far, by day or in noise: one event that covers most of the way."""
    first, frames = 100, 100 + round(WIDTH / px_per_s * FPS) + 100
    noise = grain(3, deviation)
    draw = walk(scene, noise, height=height, level=level, first=first, px_per_s=px_per_s)
    events, _ = watch(frames, draw)
    assert len(events) == 1
    (event,) = events
    crossing = WIDTH / px_per_s * FPS
    assert first - 1 <= event.started.pts <= first + 0.25 * crossing
    assert event.last.pts >= first + 0.75 * crossing


@pytest.mark.parametrize("fps", [3.0, 5.0, 15.0, 25.0])
def test_the_frame_rate_does_not_matter(scene: Levels, fps: float) -> None:
    """Time constants are in seconds: a slow camera and a fast one see the same walker once."""
    draw = walk(scene, grain(4, 2.0), height=40, level=60, first=round(10 * fps), px_per_s=30,
                fps=fps)  # fmt: skip
    events, _ = watch(round(30 * fps), draw, fps=fps)
    assert len(events) == 1
    assert events[0].started.pts / fps == pytest.approx(10, abs=1.5)


def test_somebody_who_crosses_in_the_first_seconds_is_seen(scene: Levels) -> None:
    """After a restart the node is not blind while it learns."""
    draw = walk(scene, grain(5, 2.0), height=40, level=60, first=5, px_per_s=60)
    events, _ = watch(70, draw)
    assert len(events) == 1
    assert events[0].started.pts <= 15


def test_the_box_is_where_the_walker_is(scene: Levels) -> None:
    """The snapshot's box holds what moved, and not much more."""
    draw = walk(scene, grain(6, 1.5), height=45, level=50, first=50, px_per_s=30)
    _, observations = watch(110, draw)
    box = observations[100].box
    assert box is not None
    middle = (100 - 50) / FPS * 30 - 7.5
    left, top, width, height = box[0] * WIDTH, box[1] * HEIGHT, box[2] * WIDTH, box[3] * HEIGHT
    assert left - 2 <= middle <= left + width + 2
    assert 12 <= width <= 36
    assert top == pytest.approx(105, abs=5)
    assert height == pytest.approx(45, abs=8)
    assert observations[100].score == pytest.approx(15 * 45 / (WIDTH * HEIGHT), rel=0.6)


def test_a_step_of_the_light_is_no_event_and_does_not_blind(scene: Levels) -> None:
    """The light goes down by a third at 20 s; a walker two seconds later is seen."""
    noise = grain(7, 2.0)
    lit = walk(scene, noise, height=40, level=70, first=220, px_per_s=40)
    events, _ = watch(340, lambda n: lit(n) * np.float32(1.0 if n < 200 else 0.66))
    assert len(events) == 1
    assert 219 <= events[0].started.pts <= 240


@pytest.mark.parametrize("seconds", [2.0, 10.0, 60.0])
def test_a_ramp_of_the_light_is_no_event(scene: Levels, seconds: float) -> None:
    """Sun behind clouds, fast or slow, and out again."""
    noise = grain(8, 2.0)

    def draw(number: int) -> Levels:
        gone = min(1.0, max(0.0, (number - 100) / FPS / seconds))
        return scene * np.float32(1.0 - 0.4 * gone) + noise()

    assert watch(100 + round((seconds + 10) * FPS), draw)[0] == []


def test_the_infrared_cut_over_is_no_event_and_does_not_blind(scene: Levels) -> None:
    """Another picture with other greys and noise, exposure hunting for a second; then a walker."""
    infrared = np.asarray(cv2.GaussianBlur(220 - 0.7 * scene, (0, 0), 1.0), np.float32)
    day, night = grain(9, 2.0), grain(10, 6.0)
    walker = walk(infrared, night, height=40, level=230, first=260, px_per_s=40)

    def draw(number: int) -> Levels:
        if number < 200:
            return scene + day()
        settled = min(1.0, (number - 200) / 10)
        return walker(number) * np.float32(1.5 - 0.5 * settled)

    events, _ = watch(370, draw)
    assert len(events) == 1
    assert 255 <= events[0].started.pts <= 285


def test_a_lamp_switched_on_is_no_event(scene: Levels) -> None:
    """A soft pool of light, a fifth of the picture, at once."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    pool = np.exp(-(((x - 200) / 70) ** 2) - ((y - 110) / 40) ** 2).astype(np.float32)
    noise = grain(11, 2.0)
    lit = scene * (1 + np.float32(0.7) * pool)
    assert watch(400, lambda n: (scene if n < 200 else lit) + noise())[0] == []


def test_swaying_branches_are_no_event(scene: Levels) -> None:
    """Half a dozen branches sway about their places for two minutes."""
    noise = grain(12, 1.5)
    rng = np.random.default_rng(21)
    branches = [(int(rng.integers(20, 300)), int(rng.integers(20, 160)), rng.uniform(2, 5),
                 rng.uniform(0.3, 0.9), rng.uniform(0, 6)) for _ in range(6)]  # fmt: skip

    def draw(number: int) -> Levels:
        frame = scene + noise()
        for x, y, swing, rate, phase in branches:
            shift = swing * np.sin(number / FPS * rate * 2 * np.pi + phase)
            centre = (round((x + shift) * 16), y * 16)
            cv2.ellipse(frame, centre, (5 * 16, 8 * 16), 0, 0, 360, 45, cv2.FILLED,
                        cv2.LINE_AA, 4)  # fmt: skip
        return frame

    assert watch(120 * FPS, draw)[0] == []


def test_a_parked_thing_ends_its_event(scene: Levels) -> None:
    """A car drives in and stays: the event ends, and it drives off as another event."""
    noise = grain(13, 1.5)

    def draw(number: int) -> Levels:
        frame = scene + noise()
        way = min(100, (number - 50) * 4) if number < 400 else 100 + (number - 400) * 4
        if number >= 50 and way < WIDTH:
            frame[120:150, max(0, way - 20) : way + 30] = 215
        return frame

    events, _ = watch(520, draw)
    assert len(events) == 2
    assert events[0].last.pts <= 110
    assert 395 <= events[1].started.pts <= 410


def test_motion_outside_the_zones_or_under_a_mask_is_none(scene: Levels) -> None:
    """Only the watched part of the picture counts."""
    upper = Zone("upper", ((0, 0), (1, 0), (1, 0.4), (0, 0.4)))
    lower = Polygon(((0, 0.5), (1, 0.5), (1, 1), (0, 1)))
    draw = walk(scene, grain(14, 1.5), height=40, level=50, first=50, px_per_s=60)
    assert len(watch(150, draw)[0]) == 1
    assert watch(150, draw, MotionSettings(zones=(upper,)))[0] == []
    assert watch(150, draw, MotionSettings(masks=(lower,)))[0] == []


def test_an_event_names_the_zones_in_the_order_of_entry(scene: Levels) -> None:
    """From the gate on the left to the door on the right."""
    settings = MotionSettings(
        zones=(Zone("door", ((0.6, 0), (1, 0), (1, 1), (0.6, 1))),
               Zone("gate", ((0, 0), (0.4, 0), (0.4, 1), (0, 1))))
    )  # fmt: skip
    draw = walk(scene, grain(15, 1.5), height=40, level=50, first=50, px_per_s=50)
    events, _ = watch(160, draw, settings)
    assert [event.zones for event in events] == [("gate", "door")]


def test_an_event_knows_the_way_of_the_walker(scene: Levels) -> None:
    """In at the left, out at the right, by the gate and then the door."""
    settings = MotionSettings(
        zones=(Zone("door", ((0.6, 0), (1, 0), (1, 1), (0.6, 1))),
               Zone("gate", ((0, 0), (0.4, 0), (0.4, 1), (0, 1))),
               Zone("middle", ((0.4, 0), (0.6, 0), (0.6, 1), (0.4, 1))))
    )  # fmt: skip
    draw = walk(scene, grain(15, 1.5), height=40, level=50, first=50, px_per_s=50)
    events, _ = watch(160, draw, settings)
    (event,) = events
    (track,) = event.tracks
    assert (track.entry, track.exit, track.way) == ("left", "right", "right")
    assert track.zones == ("gate", "middle", "door")
    assert track.path[0][0] < 0.1
    assert track.path[-1][0] > 0.9
    assert all(y == pytest.approx(130 / HEIGHT, abs=0.06) for _, y in track.path)
    assert track.to_ms == pytest.approx(6600, abs=700)


def test_higher_sensitivity_sees_fainter_walkers(scene: Levels) -> None:
    """The one setting does what it says."""
    noise, seen = grain(16, 0.8), {}

    def draw(number: int) -> Levels:
        frame = np.full_like(scene, 110) + noise()
        left = max(0, (number - 50) * 3)
        if number >= 50:
            frame[110:140, left : left + 12] += 6
        return frame

    for sensitivity in (1, 5, 10):
        seen[sensitivity] = len(watch(150, draw, MotionSettings(sensitivity=sensitivity))[0])
    assert seen[1] == 0
    assert seen[10] >= 1


def test_each_zone_has_its_own_sensitivity(scene: Levels) -> None:
    """The same faint walker on the left and on the right: seen in the one, not in the other."""
    noise = grain(18, 0.8)

    def draw(number: int) -> Levels:
        frame = np.full_like(scene, 110) + noise()
        for first, start in ((50, 10), (200, 170)):
            left = start + (number - first) * 2
            if first <= number < first + 60:
                frame[110:140, left : left + 12] += 6
        return frame

    halves = {
        "left": ((0, 0), (0.5, 0), (0.5, 1), (0, 1)), "right": ((0.5, 0), (1, 0), (1, 1), (0.5, 1))
    }  # fmt: skip
    for keen in halves:
        zones = tuple(
            Zone(name, points, sensitivity=9 if name == keen else 1)
            for name, points in halves.items()
        )
        events, _ = watch(340, draw, MotionSettings(zones=zones))
        assert [event.zones for event in events] == [(keen,)]


def test_another_picture_size_starts_anew(scene: Levels) -> None:
    """A camera that changes its resolution is watched on."""
    detector = Detector(DEFAULTS)
    small = np.ascontiguousarray(scene[:120, :160]).astype(np.uint8)
    for number in range(20):
        detector.observe(Frame(number, number * 10**8, scene.astype(np.uint8), NoPixels()))
    for number in range(20, 40):
        observation = detector.observe(Frame(number, number * 10**8, small, NoPixels()))
        assert not observation.has_motion


def test_an_observation_tells_brightness_and_noise(scene: Levels) -> None:
    """Later rooms judge tampering and night from them."""
    noise = grain(17, 9.0)
    _, observations = watch(300, lambda _: scene + noise())
    assert observations[-1].brightness == pytest.approx(float(scene.mean()), abs=2)
    assert observations[-1].noise == pytest.approx(9.0 / 3 * 0.8, rel=0.3)


def test_a_black_and_a_white_picture_are_no_trouble() -> None:
    """No light at all, or too much of it: nothing to see, nothing to divide by."""
    black = np.zeros((HEIGHT, WIDTH), np.float32)
    assert watch(50, lambda _: black)[0] == []
    assert watch(50, lambda _: black + 255)[0] == []


def test_the_detector_leaves_the_frame_alone(scene: Levels) -> None:
    """A frame is shared with the snapshot's maker; its luma is read only."""
    luma = scene.astype(np.uint8)
    before = luma.copy()
    detector = Detector(DEFAULTS)
    for number in range(3):
        detector.observe(Frame(number, number * 10**8, luma, NoPixels()))
    assert np.array_equal(luma, before)


def test_a_glance_learns_what_is_still_and_leaves_what_is_new_to_be_observed(
    scene: Levels,
) -> None:
    """A lone frame with somebody in it is not learnt: the frames before it may come yet."""
    noise = grain(4, 1.5)
    detector = Detector(DEFAULTS)

    def frame(number: int, *, has_somebody: bool = False) -> Frame:
        picture = scene + noise()
        if has_somebody:
            picture[80:130, 150:170] = 30
        luma: Luma = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
        return Frame(number, round(number / FPS * 1e9), luma, NoPixels())

    assert not detector.glance(frame(0)), "nothing is known yet"
    for number in range(100):
        detector.observe(frame(number))
    assert all(detector.glance(frame(100 + 80 * number)) for number in range(1, 6))
    assert not detector.glance(frame(580, has_somebody=True))
    assert not detector.glance(frame(580, has_somebody=True))
    assert detector.glance(frame(580))


def test_other_settings_hold_from_the_next_frame_on_and_nothing_is_learnt_anew(
    scene: Levels,
) -> None:
    """Somebody who crosses right after the change is an event; through a mask, nobody is."""
    noise = grain(3, 2.0)
    drawn = walk(scene, noise, height=60, level=40.0, first=31 * FPS, px_per_s=60)
    masked = MotionSettings(masks=(Polygon(((0, 0), (1, 0), (1, 1), (0, 1))),))
    for settings, count in ((MotionSettings(sensitivity=6), 1), (masked, 0)):
        detector, events = Detector(DEFAULTS), 0
        activity = Activity(DEFAULTS.min_frames, DEFAULTS.quiet_s)
        for number in range(45 * FPS):
            if number == 30 * FPS:
                age_s = detector.background.age_s
                detector.retune(settings)
                assert detector.background.age_s == age_s > 20
            luma: Luma = np.clip(np.rint(drawn(number)), 0, 255).astype(np.uint8)
            frame = Frame(number, round(number / FPS * 1e9), luma, NoPixels())
            events += isinstance(activity.observe(detector.observe(frame)), Ended)
        events += activity.finish() is not None
        assert events == count
