"""Follow changed regions from frame to frame, to tell what travels from what sways or pops up.

A walker's place drifts; a branch, a flicker or a refreshed block of the video stays about where it
is. A track is taken for moving when its drift is too large to be a random walk: its square exceeds
`DRIFT_RATIO` times the sum of its squared steps, which grow equally in a random walk. What is large
and new, and stays for half a second, need not drift. A few numbers a track, at most MAX_TRACKS.

What else looks like motion, and is asked for more
- Places where things come and go all the time (leaves, water, a thread before the lens): a thing
  there must travel farther than such things sway, and its bulk does not count.
- Insects before the lens: large, out of focus, gone within a second. What is blurred must last.
- Beams and shadows: large, with hardly a gradient of their own.
- Many things at a time, as in rain: a drift must last longer and be straighter.

Where frames come slowly (`cadence`), a thing is remembered over two of them, looked for farther
away, followed with less smoothing, and believed after fewer.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from edge.motion.cadence import Cadence
from edge.motion.drift import Drift
from edge.motion.needs import Needs, ZoneNeeds
from edge.motion.observation import Moment
from edge.motion.snowfall import CERTAINTY, TRAVELLED_PX, Passage, Snowfall

MAX_TRACKS = 32
MIN_HITS = 3  # frames before a drift is believed
BULK_HITS = 6  # frames before a large new thing is believed that does not drift
BLURRED = 0.3  # sharpness below which it may be an insect before the lens, which is gone ...
BLURRED_S = 1.0  # ... by then
LIGHT_PX = 150  # a large region ...
MAX_LIGHT_NOVELTY = 0.12  # ... without gradients of its own is light
CROWD_HITS = 6  # frames before a drift is believed in a restless scene
CALM_SHARE = 0.5  # of a region; less, and it lies where things come and go all the time
STRINGY_PX, STRINGY_SHARE = 1000, 0.15  # of its box: what a thin thing fills at most
HAUNTED_PX = 36.0  # a ninth of the picture: farther than what comes and goes there sways
DRIFT_RATIO = 3.0
CROWD = 4  # more tracks than this are a restless scene: twice the drift is asked for
STORM, STORM_DOUBT = 8, 2.0  # more than this are snow or rain: twice the certainty once more ...
FLAKE_PX = 150  # ... of what is no larger than a flake
MIN_DRIFT_PX = 2.0
DRIFT_PER_SIZE = 0.15  # of the square root of the area: large things change shape more
RESTLESS_HOLD_S = 4.0
EXPLAINED_LIGHT_S, EXPLAINED_WAY_S = 5.0, 1.0
VANISHED_S, VANISHED_THINGNESS = 1.0, 0.3
SWING_PER_WIDTH = 0.7  # in a restless place: a branch swings less far than its own width
FORGET_S = 3.0  # time constant after which earlier steps no longer count
LONG_FORGET_S = 12.0  # the same for what travels slowly, of which ...
LONG_DRIFT_RATIO = 9.0  # ... more certainty is asked
CANDIDATE_HOLD_S = 1.0  # how long an unseen candidate is remembered
MOVING_HOLD_S = 4.0  # the same for what was seen to move: it may have stopped for a moment
REACH_PX = 4.0  # how far beyond the last box a region may lie to be the same thing
SMOOTHING = 0.4  # weight of a new centre
FIRST_SMOOTHING = 0.7
MIN_NOVELTY = 0.35  # of gradients, for a region to be a thing and not a change of light
CLEAR_DRIFT_RATIO = 6.0  # together with a drift by its own width: whatever its gradients say
RESTLESS_NOISE = 3.0  # levels; in calmer places less bulk is believed, down to ...
MIN_BULK_SHARE = 0.15  # ... this share
ONSET_S = 4.0  # how long before its confirmation a movement may have begun
MARK_S = 0.5
MERGED_S = 2.0  # how long ago the first part of one thing may have come into sight
SPEED_WEIGHT = 0.3  # of a new step in the speed
# Where frames come slowly (tried on all labelled recordings at 1, 0.9, 0.7 and 0.5 a second):
HOLD_FRAMES = 2.5  # for so many frames at least anything is remembered
SLOW_REACH_PX_S, MAX_SLOW_REACH_PX = 24.0, 48.0  # beyond REACH_PX: a walker goes 30 px a second
SLOW_SMOOTHING = 0.9  # outlines jitter by much less than a step
SLOW_SPEED_WEIGHT = 0.7
SLOW_BULK_HITS, SLOW_CROWD_HITS = 3, 4
SLOW_FORGET_FRAMES = 6.0  # so many frames count at least
# Steps are not smoothed: straight ones make a certainty of nearly their number, which a random walk
# of three seldom comes near.
SLOW_DRIFT_RATIO, SLOW_CLEAR_DRIFT_RATIO = 2.4, 3.2
GROWTH, GROWTH_S = 1.15, 0.1  # of the usual area in that time: a thing is as large as it mostly was
# Times the usual area, or part of it, that make another thing where flakes fall, or many are about:
UNLIKE, STORM_UNLIKE = 4.0, 8.0
LEAP = 1.8  # ratio of areas beyond which two regions were joined or split: no step is counted


@dataclass(frozen=True, slots=True)
class Blob:
    """One changed region of one frame; pixels of the small picture. `zones` as bits."""

    left: int
    top: int
    width: int
    height: int
    x: float
    y: float
    area_px: int
    core_px: int
    calm_px: int
    """Of the core, what does not change to and fro all the time."""
    sharpness: float
    """Of its outline, 0 to 1 and above; see `texture.sharpness`."""
    novelty: float
    noise: float
    zones: int

    @property
    def is_stringy(self) -> bool:
        """Whether it is thin for its extent, as a thread before the lens; people and cars fill."""
        extent_px = self.width * self.height
        return extent_px > STRINGY_PX and self.area_px < STRINGY_SHARE * extent_px

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the picture, a pixel more on each side."""
        return (
            slice(max(0, self.top - 1), self.top + self.height + 1),
            slice(max(0, self.left - 1), self.left + self.width + 1),
        )


class Track:
    """One thing over time. Positions in pixels of the small picture."""

    def __init__(self, number: int, blob: Blob, at: Moment, cadence: Cadence) -> None:
        self.number = number
        self._cadence = cadence
        self._marks = deque([at])
        self.blob = blob
        self.hits = 1
        self.is_moving = False
        self.has_passed = False
        """Whether it was counted as a thing that passes; see `snowfall`."""
        self._is_in_crowd = self._is_in_storm = False
        self._seen_ns = at.mono_ns
        self._travelled_ns = at.mono_ns
        self._x, self._y = blob.x, blob.y
        self._start = (blob.x, blob.y)
        self._drift, self._long_drift = Drift(FORGET_S), Drift(LONG_FORGET_S)
        self._speed = (0.0, 0.0)
        self._first_ns = at.mono_ns
        self._novelty = blob.novelty
        self._largest_px = blob.area_px
        self._usual_px = float(blob.area_px)
        self._sharpness = blob.sharpness
        self._thingness = 0.4 if blob.novelty >= MIN_NOVELTY else 0.0

    @property
    def since(self) -> Moment:
        """When it was first seen; for what sways at its place, ONSET_S before it moved off."""
        return self._marks[0]

    def unseen_s(self, at: Moment) -> float:
        """Seconds since it was last seen."""
        return (at.mono_ns - self._seen_ns) / 1e9

    def is_stale(self, at: Moment) -> bool:
        """Whether it has been out of sight for too long to be known again."""
        hold_s = MOVING_HOLD_S if self.is_moving else CANDIDATE_HOLD_S
        return self.unseen_s(at) > max(hold_s, HOLD_FRAMES * self._cadence.slow_s)

    @property
    def is_explained(self) -> bool:
        """Whether it is known what changes here, so that the place learns nothing from it.

        Either light that has just come, or something that passes by and has got on by more than
        its own length and is not one of many, as in snow. Neither for long: else noise taken for
        one of them would never be learnt.
        """
        blob = self.blob
        if self._is_light:
            return self._seen_ns - self._first_ns <= EXPLAINED_LIGHT_S * 1e9
        still_s = (self._seen_ns - self._travelled_ns) / 1e9
        if self._is_in_crowd or not self.is_moving or still_s > EXPLAINED_WAY_S:
            return False
        way = math.dist((self._x, self._y), self._start)
        return way >= max(blob.width, blob.height)

    @property
    def _is_light(self) -> bool:
        return self._largest_px > LIGHT_PX and self._novelty < MAX_LIGHT_NOVELTY

    def misfit(self, blob: Blob, at: Moment) -> float | None:
        """Pixels between `blob` and where this thing is expected; None beyond its reach."""
        lag_s = self.unseen_s(at)
        ahead_x, ahead_y = self._speed[0] * lag_s, self._speed[1] * lag_s
        reach_px = REACH_PX
        if self._cadence.slow_s:
            reach_px += min(MAX_SLOW_REACH_PX, SLOW_REACH_PX_S * lag_s)
        reach_x, reach_y = reach_px + abs(ahead_x), reach_px + abs(ahead_y)
        old = self.blob
        if (
            blob.left >= old.left + old.width + reach_x
            or old.left >= blob.left + blob.width + reach_x
            or blob.top >= old.top + old.height + reach_y
            or old.top >= blob.top + blob.height + reach_y
        ):
            return None
        return abs(blob.x - self._x - ahead_x) + abs(blob.y - self._y - ahead_y)

    def is_unlike(self, blob: Blob, factor: float) -> bool:
        """Whether `blob` is so many times too large or small: a car, and a flake before it."""
        return not self._usual_px / factor <= blob.area_px <= factor * self._usual_px

    def follow(self, blob: Blob, at: Moment) -> None:
        """Take `blob` for this thing in the frame of `at`."""
        elapsed_s = max(self.unseen_s(at), 0.03)
        slow_s = self._cadence.slow_s
        weight, speed_weight = SMOOTHING if self.hits > 2 else FIRST_SMOOTHING, SPEED_WEIGHT
        if slow_s:
            weight, speed_weight = SLOW_SMOOTHING, SLOW_SPEED_WEIGHT if self.hits > 1 else 1.0
        step_x, step_y = weight * (blob.x - self._x), weight * (blob.y - self._y)
        small, large = sorted((blob.area_px, self.blob.area_px))
        is_leap = large > LEAP * small + 20
        for drift in (self._drift, self._long_drift):
            least_s = SLOW_FORGET_FRAMES * slow_s
            drift.add(step_x, step_y, elapsed_s, is_leap=is_leap, least_s=least_s)
        self._x, self._y = self._x + step_x, self._y + step_y
        speed_x, speed_y = self._speed
        self._speed = (
            speed_x + speed_weight * (step_x / elapsed_s - speed_x),
            speed_y + speed_weight * (step_y / elapsed_s - speed_y),
        )
        self._novelty += 0.3 * (blob.novelty - self._novelty)
        self._sharpness += 0.3 * (blob.sharpness - self._sharpness)
        self._thingness += 0.4 * ((blob.novelty >= MIN_NOVELTY) - self._thingness)
        self.blob = blob
        self._largest_px = max(self._largest_px, blob.area_px)
        growth = GROWTH ** (elapsed_s / GROWTH_S)
        self._usual_px *= min(growth, max(1 / growth, blob.area_px / self._usual_px))
        self.hits += 1
        self._seen_ns = at.mono_ns
        if not self.is_moving:
            self._mark(at)

    def _mark(self, at: Moment) -> None:
        if at.mono_ns - self._marks[-1].mono_ns >= MARK_S * 1e9:
            self._marks.append(at)
        while at.mono_ns - self._marks[0].mono_ns > ONSET_S * 1e9 and len(self._marks) > 1:
            self._marks.popleft()

    def absorb(self, part: Track, at: Moment) -> None:
        """Begin no later than `part`, a young track that was not seen in this frame because it has
        grown together with this one: legs and a head that come into sight are one walker."""
        blob = self.blob
        is_inside = (
            blob.left <= part._x <= blob.left + blob.width
            and blob.top <= part._y <= blob.top + blob.height
        )
        is_young = at.mono_ns - part._first_ns <= MERGED_S * 1e9
        is_new = part.unseen_s(at) <= MARK_S and not self.is_moving
        if is_inside and is_young and is_new and part.since.mono_ns < self.since.mono_ns:
            self._marks.appendleft(part.since)

    def passage(self) -> Passage | None:
        """How it has passed, once it has got anywhere in a straight line."""
        drift = self._drift
        if drift.certainty < CERTAINTY or drift.square < TRAVELLED_PX**2 or self.hits < MIN_HITS:
            return None
        return Passage(self._x, self._y, *drift.way, drift.speed, self._usual_px)

    def judge(self, needs: Needs, picture_px: int, crowd: int, *, is_flake: bool) -> None:
        """Decide whether it moves, as one of `crowd` that are followed.

        Once it does, it stays so, unless it comes to sway.

        In a restless place a thing that no longer travels is given up after RESTLESS_HOLD_S: a
        walker who vanished in a bush would else be seen in its leaves for ever. Anywhere, what has
        no gradients of its own any more is what noise left of a thing that is gone.
        """
        is_crowded = crowd > CROWD
        is_restless = is_crowded or self._is_in_restless_place
        self._is_in_crowd, self._is_in_storm = is_crowded, crowd > STORM
        if is_flake:
            self.is_moving = False
            return
        if self._travels(needs, picture_px, is_crowded=is_crowded):
            self.is_moving = True
            self._travelled_ns = self._seen_ns
            return
        still_s = (self._seen_ns - self._travelled_ns) / 1e9
        is_gone = still_s > VANISHED_S and self._thingness < VANISHED_THINGNESS
        if is_gone or (still_s > RESTLESS_HOLD_S and is_restless):
            self.is_moving = False

    @property
    def _is_in_restless_place(self) -> bool:
        blob = self.blob
        return blob.noise > RESTLESS_NOISE or self._is_haunted

    @property
    def _is_haunted(self) -> bool:
        """Whether most of it is where things come and go all the time."""
        return self.blob.calm_px < CALM_SHARE * self.blob.core_px

    def _travels(self, needs: Needs, picture_px: int, *, is_crowded: bool) -> bool:
        if self.blob.area_px < needs.min_area * picture_px or self._is_light:
            return False
        age_s = (self._seen_ns - self._first_ns) / 1e9
        if self._sharpness < BLURRED and age_s < BLURRED_S:
            return False
        bulk_px = needs.bulk_area * picture_px
        return self._has_drifted(is_crowded=is_crowded) or self._is_bulky(
            bulk_px, is_crowded=is_crowded
        )

    def _has_drifted(self, *, is_crowded: bool) -> bool:
        blob = self.blob
        is_restless = is_crowded or self._is_in_restless_place
        is_flake = self._is_in_storm and blob.area_px < FLAKE_PX
        doubt = STORM_DOUBT if is_flake else 1.0
        certainty = self._drift.certainty / (doubt * (2.0 if is_restless else 1.0))
        drift_sq, needed_sq = self._drift.square, self._needed_px(is_restless=is_restless) ** 2
        is_thing = self._thingness > 0.5
        if (
            is_thing
            and self._long_drift.certainty >= LONG_DRIFT_RATIO * doubt
            and self._long_drift.square >= needed_sq
        ):
            return True
        needed, clear = DRIFT_RATIO, CLEAR_DRIFT_RATIO
        if self._cadence.slow_s:
            needed, clear = SLOW_DRIFT_RATIO, SLOW_CLEAR_DRIFT_RATIO
        is_clear = certainty >= clear and drift_sq >= min(blob.width, blob.height) ** 2
        return (
            (is_thing or is_clear)
            and self.hits >= self._needed_hits(is_crowded=is_crowded)
            and certainty >= needed
            and drift_sq >= needed_sq
        )

    def _needed_hits(self, *, is_crowded: bool) -> int:
        if not is_crowded:
            return MIN_HITS
        return SLOW_CROWD_HITS if self._cadence.slow_s else CROWD_HITS

    def _needed_px(self, *, is_restless: bool) -> float:
        """How far it must have drifted."""
        blob = self.blob
        needed_px = max(MIN_DRIFT_PX, DRIFT_PER_SIZE * math.sqrt(blob.area_px))
        if is_restless:
            needed_px = max(needed_px, SWING_PER_WIDTH * min(blob.width, blob.height))
        if self._is_haunted or blob.is_stringy:
            needed_px = max(needed_px, min(2.0 * max(blob.width, blob.height), HAUNTED_PX))
        return needed_px

    def _is_bulky(self, bulk_px: float, *, is_crowded: bool) -> bool:
        """Whether it is so large and new that it need not travel."""
        blob = self.blob
        calm = min(1.0, max(MIN_BULK_SHARE, blob.noise / RESTLESS_NOISE))
        if is_crowded or self._is_haunted:
            calm = 1.0
        return (
            self.hits >= (SLOW_BULK_HITS if self._cadence.slow_s else BULK_HITS)
            and self._thingness > 0.6
            and blob.calm_px >= bulk_px * calm
            and not blob.is_stringy
        )


class Tracker:
    """All tracks of one camera. One thread at a time."""

    def __init__(self, needs: ZoneNeeds, shape: tuple[int, int], *, first_number: int = 0) -> None:
        """`shape`: rows and columns of the picture; tracks are numbered on from the last."""
        self._needs = needs
        self._picture_px = shape[0] * shape[1]
        self._tracks: list[Track] = []
        self._next_number = first_number
        self._cadence = Cadence()
        self._snowfall = Snowfall(shape)

    @property
    def next_number(self) -> int:
        """What the next track will be called; no number is given twice."""
        return self._next_number

    def clear(self) -> None:
        """Forget all tracks, as after a sudden change of the whole picture."""
        self._tracks.clear()

    def observe(self, blobs: Sequence[Blob], at: Moment, *, is_settled: bool) -> list[Track]:
        """Match a frame's blobs, largest first; the tracks seen in it, in the same order.

        Nothing is taken for moving while the picture is not settled.
        """
        self._cadence.note(at.mono_ns)
        self._snowfall.tick(at.mono_ns)
        self._tracks = [track for track in self._tracks if not track.is_stale(at)]
        crowd = max(len(self._tracks), len(blobs))
        free = list(self._tracks)
        seen: list[Track] = []
        is_weather = self._snowfall.is_falling or crowd > STORM
        unlike = UNLIKE if self._snowfall.is_falling else STORM_UNLIKE
        for blob in blobs:
            fits = [(misfit, track.number, track) for track in free
                    if (misfit := track.misfit(blob, at)) is not None
                    and not (is_weather and track.is_unlike(blob, unlike))]  # fmt: skip
            if fits:
                track = min(fits)[2]
                free.remove(track)
                track.follow(blob, at)
            elif len(self._tracks) < MAX_TRACKS:
                track = Track(self._next_number, blob, at, self._cadence)
                self._next_number += 1
                self._tracks.append(track)
            else:
                continue
            seen.append(track)
        for track in seen:
            for part in free if not is_weather else ():  # there it would be a flake
                track.absorb(part, at)
            if is_settled:
                needs = self._needs.of(track.blob.zones)
                is_flake = self._is_flake(track, at)
                track.judge(needs, self._picture_px, crowd, is_flake=is_flake)
        return seen

    def _is_flake(self, track: Track, at: Moment) -> bool:
        if track.has_passed and not self._snowfall.is_falling:
            return False
        passage = track.passage()
        if passage is None:
            return False
        if not track.has_passed:
            track.has_passed = True
            self._snowfall.note(passage, at.mono_ns)
        return self._snowfall.holds(passage)
