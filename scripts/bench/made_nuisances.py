"""What disturbs a camera, laid over real pictures: weather, insects, light, night, shaking.

Each nuisance changes one picture after the other, by time and a seed of its own. Pictures have the
shape (height, width, 3), blue green red. Sizes are parts of the picture's width, so that they fit
any camera. They are sketches of the real thing, made to be harder rather than nicer than it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

Levels = npt.NDArray[np.float32]


def blurred(light: Levels, size: int) -> Levels:
    """`light` by a Gaussian of `size` pixels, which is odd."""
    return np.asarray(cv2.GaussianBlur(light, (size, size), 0), np.float32)


class Nuisance(ABC):
    """One disturbance of one recording. Call `apply` with rising times."""

    def __init__(self, width: int, height: int, seed: int) -> None:
        self.width, self.height = width, height
        self.rng = np.random.default_rng(seed)
        self.setup()

    def setup(self) -> None:  # noqa: B027 - most have nothing
        """Draw what stays the same over time."""

    @abstractmethod
    def apply(self, picture: Levels, at_s: float) -> Levels:
        """The disturbed picture; float32 levels, not yet clipped."""

    def blank(self) -> Levels:
        """A picture of zeros with one channel."""
        return np.zeros((self.height, self.width), np.float32)

    def lit(self, picture: Levels, light: Levels, level: float) -> Levels:
        """`picture` covered by `light` (0 to 1) of the brightness `level`."""
        share = light[..., None]
        return picture * (1 - share) + level * share


class Rain(Nuisance):
    """Streaks that last for one picture each; a few hundred at a time."""

    streaks = 250

    def apply(self, picture: Levels, at_s: float) -> Levels:
        light = self.blank()
        slant = 0.15 + 0.1 * math.sin(at_s / 7)
        for _ in range(self.rng.poisson(self.streaks)):
            x, y = self.rng.uniform(-0.1, 1.1) * self.width, self.rng.uniform(0, 1) * self.height
            length = self.rng.uniform(0.01, 0.06) * self.width
            end = round(x + slant * length), round(y + length)
            cv2.line(light, (round(x), round(y)), end, float(self.rng.uniform(0.05, 0.35)), 1)
        return self.lit(picture, blurred(light, 3), 215)


class HeavyRain(Rain):
    """The same, four times."""

    streaks = 1000


class Snow(Nuisance):
    """Flakes that drift down, few large and blurred ones near the lens among many small."""

    count, least_speed, speed_per_size = 160, 0.15, 25.0

    def setup(self) -> None:
        self.places = self.rng.uniform(0, 1, (self.count, 2))
        self.sizes = 0.0008 + 0.012 * self.rng.power(0.35, self.count) ** 4
        self.speeds = self.least_speed + self.speed_per_size * self.sizes

    def apply(self, picture: Levels, at_s: float) -> Levels:
        light = self.blank()
        for (x, y), size, speed in zip(self.places, self.sizes, self.speeds, strict=True):
            fallen = y + at_s * speed
            row = int(fallen)
            left = (x + 0.37 * row + 0.03 * math.sin(3 * at_s + 9 * x)) % 1.0
            centre = round(left * self.width), round((fallen - row) * self.height)
            strength = float(min(0.9, 0.25 + 0.0012 / size))
            cv2.circle(light, centre, max(1, round(size * self.width)), strength, cv2.FILLED)
        return self.lit(picture, blurred(light, 5), 235)


class LightSnow(Snow):
    """A flake here and there."""

    count = 35


class SlowSnow(Snow):
    """Large flakes without wind."""

    count, least_speed, speed_per_size = 90, 0.08, 12.0


class DenseSnow(Snow):
    """Many, and faster."""

    count, least_speed, speed_per_size = 600, 0.3, 60.0


class Insects(Nuisance):
    """Near the lens in infrared light: large, bright, blurred, and gone within half a second."""

    every_s = 6.0

    def setup(self) -> None:
        self.next_s = 3.0
        self.until_s = 0.0

    def apply(self, picture: Levels, at_s: float) -> Levels:
        if at_s >= self.next_s:
            self.next_s = at_s + self.rng.exponential(self.every_s) + 0.5
            self.from_s, self.until_s = at_s, at_s + self.rng.uniform(0.15, 0.7)
            self.way = self.rng.uniform(-0.1, 1.1, (3, 2))
            self.size = self.rng.uniform(0.02, 0.09)
        if at_s >= self.until_s:
            return picture
        part = (at_s - self.from_s) / (self.until_s - self.from_s)
        start, bend, end = self.way
        x, y = (1 - part) ** 2 * start + 2 * part * (1 - part) * bend + part**2 * end
        light = self.blank()
        axes = round(self.size * self.width), max(1, round(self.size * self.width * 0.5))
        centre = round(x * self.width), round(y * self.height)
        cv2.ellipse(light, centre, axes, float(self.rng.uniform(0, 180)), 0, 360, 0.8, cv2.FILLED)
        blur = max(3, round(self.size * self.width) | 1)
        return self.lit(picture, blurred(light, blur), 240)


class Web(Nuisance):
    """A thread before the lens that sways in the wind and shines."""

    def apply(self, picture: Levels, at_s: float) -> Levels:
        light = self.blank()
        sway = 0.03 * math.sin(1.1 * at_s) + 0.015 * math.sin(2.7 * at_s)
        points = [
            (
                round((0.3 + 0.4 * part + sway * math.sin(math.pi * part)) * self.width),
                round(part * self.height),
            )
            for part in np.linspace(0, 1, 12)
        ]
        shine = 0.4 + 0.2 * math.sin(0.9 * at_s)
        cv2.polylines(light, [np.array(points, np.int32)], False, shine, 3)
        return self.lit(picture, blurred(light, 7), 230)


class Night(Nuisance):
    """Little light and a sensor turned up: dark, grey, with strong noise, fresh each time."""

    gain, noise = 0.35, 9.0

    def apply(self, picture: Levels, at_s: float) -> Levels:
        grey = picture.mean(axis=2) * self.gain + 12
        coarse = self.rng.normal(0, self.noise, (self.height // 2 + 1, self.width // 2 + 1))
        grown = cv2.resize(coarse.astype(np.float32), (self.width + 2, self.height + 2))
        fine = self.rng.normal(0, self.noise, grey.shape).astype(np.float32)
        noisy = grey + 0.6 * grown[: self.height, : self.width] + 0.8 * fine
        return np.repeat(noisy[..., None], 3, axis=2).astype(np.float32)


class InfraredCut(Nuisance):
    """The infrared filter and its lamps switch, every twenty seconds: grey, and back."""

    def apply(self, picture: Levels, at_s: float) -> Levels:
        phase = at_s % 40
        if phase < 12 or phase >= 32:
            return picture
        grey = picture.mean(axis=2)
        y, x = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        far = np.hypot(x / self.width - 0.5, y / self.height - 0.5)
        lamp = 60 * np.exp(-4 * far**2) - 20
        settle = 1 - 0.5 * math.exp(-(phase - 12) * 2)
        return np.repeat((grey * 0.7 + lamp * settle)[..., None], 3, axis=2).astype(np.float32)


class LightSwitch(Nuisance):
    """A lamp is switched on and off, and lights one side more than the other."""

    def apply(self, picture: Levels, at_s: float) -> Levels:
        phase = at_s % 24
        on = min(1.0, max(0.0, (phase - 10) / 0.25)) - min(1.0, max(0.0, (phase - 18) / 0.25))
        gain = np.linspace(0.95, 0.35, self.width, dtype=np.float32)[None, :, None]
        return np.asarray(picture * (0.6 + on * gain), np.float32)


class Headlights(Nuisance):
    """Beams of cars that are not in view sweep over the scene for two seconds."""

    def apply(self, picture: Levels, at_s: float) -> Levels:
        phase = at_s % 13 - 5
        if not 0 <= phase < 2.2:
            return picture
        where = -0.3 + 1.6 * phase / 2.2
        y, x = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        across = (x / self.width - where - 0.2 * (y / self.height - 0.5)) / 0.16
        beam = np.exp(-(across**2)) * np.exp(-(((y / self.height - 0.65) / 0.3) ** 2))
        lit = beam[..., None]
        return np.asarray(picture * (1 + 0.9 * lit) + 35 * lit, np.float32)


class Clouds(Nuisance):
    """Shadows of clouds pass, soft and as large as the picture."""

    def apply(self, picture: Levels, at_s: float) -> Levels:
        y, x = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        wave = np.sin(5 * x / self.width + 2 * y / self.height - 0.9 * at_s)
        shade = 0.78 + 0.22 / (1 + np.exp(-6 * wave))
        return np.asarray(picture * shade[..., None], np.float32)


class Shake(Nuisance):
    """Wind at the pole: the whole picture sways by some pixels for two seconds, now and then."""

    reach = 0.006

    def apply(self, picture: Levels, at_s: float) -> Levels:
        phase = at_s % 9 - 4
        if not 0 <= phase < 2.5:
            return picture
        size = self.reach * self.width * math.sin(math.pi * phase / 2.5)
        dx, dy = size * math.sin(11 * at_s), 0.6 * size * math.sin(17 * at_s + 1)
        matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        moved = cv2.warpAffine(
            picture, matrix, (self.width, self.height), borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(moved, np.float32)


class Jitter(Nuisance):
    """The same without a pause: a mast in a storm, or a camera on a bridge."""

    reach = 0.006

    def apply(self, picture: Levels, at_s: float) -> Levels:
        gust = self.reach * self.width * (0.6 + 0.4 * math.sin(at_s / 3))
        dx = gust * (0.7 * math.sin(12 * at_s) + 0.3 * math.sin(29 * at_s + 1))
        dy = 0.7 * gust * (0.6 * math.sin(17 * at_s + 2) + 0.4 * math.sin(7 * at_s))
        matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        moved = cv2.warpAffine(
            picture, matrix, (self.width, self.height), borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(moved, np.float32)


class Turbulence(Nuisance):
    """Hot air between the camera and a far scene: every part of it wobbles by itself."""

    reach = 0.004

    def setup(self) -> None:
        self.y, self.x = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        self.waves = self.rng.normal(0, 1, (2, 5, 9)).astype(np.float32)

    def apply(self, picture: Levels, at_s: float) -> Levels:
        fresh = self.rng.normal(0, 1, self.waves.shape).astype(np.float32)
        self.waves = np.asarray(0.7 * self.waves + 0.7 * fresh, np.float32)
        shift = [cv2.resize(each, (self.width, self.height), interpolation=cv2.INTER_CUBIC)
                 * np.float32(self.reach * self.width) for each in self.waves]  # fmt: skip
        bent = cv2.remap(
            picture, self.x + shift[0], self.y + shift[1], cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        return np.asarray(bent, np.float32)


class Fog(Nuisance):
    """Banks that drift through and leave a third of the contrast."""

    def apply(self, picture: Levels, at_s: float) -> Levels:
        y, x = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        wave = np.sin(3 * x / self.width + 0.25 * at_s) * np.sin(2 * y / self.height - 0.1 * at_s)
        return self.lit(picture, 0.62 + 0.12 * wave, 165)


class Blizzard(Nuisance):
    """Snow driven past the lens in hundreds, and haze behind it."""

    def apply(self, picture: Levels, at_s: float) -> Levels:
        light = self.blank()
        for _ in range(self.rng.poisson(220)):
            x, y = self.rng.uniform(-0.1, 1.1) * self.width, self.rng.uniform(0, 1) * self.height
            size = (0.0015 + 0.007 * self.rng.power(0.4) ** 3) * self.width
            way = self.rng.uniform(2, 5) * size
            end = round(x + way), round(y + 0.35 * way)
            strength = float(self.rng.uniform(0.2, 0.8))
            cv2.line(light, (round(x), round(y)), end, strength, max(1, round(size)))
        return self.lit(self.lit(picture, self.blank() + 0.35, 190), blurred(light, 3), 235)


class Swarm(Nuisance):
    """Midges in the lamp's light: small, soft, and to and fro for seconds."""

    def setup(self) -> None:
        self.midges: list[tuple[float, float, npt.NDArray[np.float64], float]] = []
        self.next_s = 2.0

    def apply(self, picture: Levels, at_s: float) -> Levels:
        if at_s >= self.next_s:
            self.next_s = at_s + self.rng.exponential(2.5)
            until_s = at_s + self.rng.uniform(0.5, 3.0)
            path = self.rng.uniform(0, 1, 2) + self.rng.normal(0, 0.12, (8, 2)).cumsum(axis=0)
            self.midges.append((at_s, until_s, path, float(self.rng.uniform(0.004, 0.02))))
        self.midges = [each for each in self.midges if each[1] > at_s]
        light = self.blank()
        for from_s, until_s, path, size in self.midges:
            place = 6.99 * (at_s - from_s) / (until_s - from_s)
            part, number = place % 1, int(place)
            x, y = path[number] * (1 - part) + path[number + 1] * part
            centre = round(x * self.width), round(y * self.height)
            cv2.circle(light, centre, max(1, round(size * self.width)), 0.7, cv2.FILLED)
        return self.lit(picture, blurred(light, max(3, round(0.012 * self.width) | 1)), 235)


class Exposure(Nuisance):
    """An automatic exposure that hunts: brighter and darker by a third, in short jumps."""

    def apply(self, picture: Levels, at_s: float) -> Levels:
        steps = (1.0, 1.0, 1.0, 0.7, 0.8, 1.3, 1.15, 1.0)
        at = at_s / 2.5
        old, new = steps[int(at) % 8], steps[(int(at) + 1) % 8]
        gain = old + (new - old) * min(1.0, max(0.0, (at % 1) * 5))
        return picture * gain


class Leaves(Nuisance):
    """A bush in a corner that sways all the time, in gusts."""

    def setup(self) -> None:
        count = 260
        self.leaves = self.rng.uniform(0, 1, (count, 2)) * (0.34, 0.5) + (0.64, 0.0)
        self.phases = self.rng.uniform(0, 6.3, count)
        self.greys = self.rng.uniform(25, 150, count)

    def apply(self, picture: Levels, at_s: float) -> Levels:
        gust = 0.004 + 0.014 * max(0.0, math.sin(at_s / 3.1)) ** 2
        drawn = picture.copy()
        for (x, y), phase, grey in zip(self.leaves, self.phases, self.greys, strict=True):
            dx = gust * math.sin(3.3 * at_s + phase) + 0.6 * gust * math.sin(7.1 * at_s + 2 * phase)
            dy = 0.5 * gust * math.sin(4.1 * at_s + 1.7 * phase)
            centre = round((x + dx) * self.width), round((y + dy) * self.height)
            axes = max(1, round(0.012 * self.width)), max(1, round(0.005 * self.width))
            turn = math.degrees(phase) + 900 * gust * math.sin(3 * at_s + phase)
            colour = (0.5 * grey, grey, 0.6 * grey)
            cv2.ellipse(drawn, centre, axes, turn, 0, 360, colour, cv2.FILLED)
        return drawn


class Water(Nuisance):
    """Ripples in the lower third that glitter all the time."""

    def setup(self) -> None:
        self.y, self.x = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)

    def apply(self, picture: Levels, at_s: float) -> Levels:
        x, y = 60 * self.x / self.width, 60 * self.y / self.width
        wave = np.sin(2.1 * x + 3 * at_s) * np.sin(3.7 * y - 4 * at_s + 0.6 * x)
        wave += 0.6 * np.sin(5.3 * x - 6 * at_s + 2 * y)
        depth = np.clip((self.y / self.height - 0.66) * 8, 0, 1)
        glitter = 28 * depth * np.clip(wave, 0, None) ** 2
        return np.asarray(picture + glitter[..., None], np.float32)


class AtNight(Nuisance):
    """The night, and something else that disturbs in it."""

    other: type[Nuisance]

    def setup(self) -> None:
        seeds = self.rng.integers(0, 2**31, 2)
        self.night = Night(self.width, self.height, int(seeds[0]))
        self.disturber = self.other(self.width, self.height, int(seeds[1]))

    def apply(self, picture: Levels, at_s: float) -> Levels:
        return self.disturber.apply(self.night.apply(picture, at_s), at_s)


class NightSwarm(AtNight):
    """Midges where they are seen best."""

    other = Swarm


class NightRain(AtNight):
    """Rain in infrared light: the night with bright near streaks."""

    other = Rain


class NightSnow(AtNight):
    """Snow in infrared light."""

    other = Snow


class NightInsects(AtNight):
    """Insects where they are worst."""

    other = Insects


Maker = Callable[[int, int, int], Nuisance]
"""Width and height in pixels, and a seed."""

MAKERS: dict[str, Maker] = {
    "rain": Rain, "heavy-rain": HeavyRain, "snow": Snow, "insects": Insects, "web": Web,
    "night": Night, "infrared-cut": InfraredCut, "light-switch": LightSwitch,
    "headlights": Headlights, "clouds": Clouds, "shake": Shake, "exposure": Exposure,
    "leaves": Leaves, "water": Water, "night-rain": NightRain, "night-insects": NightInsects,
    "jitter": Jitter, "turbulence": Turbulence, "fog": Fog, "blizzard": Blizzard, "swarm": Swarm,
    "night-swarm": NightSwarm, "light-snow": LightSnow, "slow-snow": SlowSnow,
    "dense-snow": DenseSnow, "night-snow": NightSnow,
}  # fmt: skip
