"""Follow changed regions from frame to frame, to tell what travels from what sways or pops up.

A walker's place drifts; a branch, a flicker or a refreshed block of the video stays about where it
is. A track is taken for moving when its drift is too large to be a random walk: its square exceeds
`DRIFT_RATIO` times the sum of its squared steps, which grow equally in a random walk. A few numbers
a track, at most MAX_TRACKS tracks, no images.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from edge.motion.observation import Moment

MAX_TRACKS = 32
MIN_HITS = 3  # frames before a drift is believed
BULK_HITS = 4  # frames before a large new thing is believed that does not drift
DRIFT_RATIO = 3.0
CROWD = 4  # more tracks than this are a restless scene: twice the drift is asked for
MIN_DRIFT_PX = 2.0
DRIFT_PER_SIZE = 0.15  # of the square root of the area: large things change shape more
RESTLESS_HOLD_S = 8.0
SWING_PER_WIDTH = 0.7  # in a restless place: a branch swings less far than its own width
FORGET_S = 3.0  # time constant after which earlier steps no longer count
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
    novelty: float
    noise: float
    zones: int


class Track:
    """One thing over time. Positions in pixels of the small picture."""

    def __init__(self, number: int, blob: Blob, at: Moment) -> None:
        self.number = number
        self._marks = deque([at])
        self.blob = blob
        self.hits = 1
        self.is_moving = False
        self._seen_ns = at.mono_ns
        self._travelled_ns = at.mono_ns
        self._x, self._y = blob.x, blob.y
        self._origin = (blob.x, blob.y)
        self._speed = (0.0, 0.0)
        self._steps_sq = 0.0
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
        return self.unseen_s(at) > (MOVING_HOLD_S if self.is_moving else CANDIDATE_HOLD_S)

    def misfit(self, blob: Blob, at: Moment) -> float | None:
        """Pixels between `blob` and where this thing is expected; None beyond its reach."""
        lag_s = self.unseen_s(at)
        ahead_x, ahead_y = self._speed[0] * lag_s, self._speed[1] * lag_s
        reach_x, reach_y = REACH_PX + abs(ahead_x), REACH_PX + abs(ahead_y)
        old = self.blob
        if (
            blob.left >= old.left + old.width + reach_x
            or old.left >= blob.left + blob.width + reach_x
            or blob.top >= old.top + old.height + reach_y
            or old.top >= blob.top + blob.height + reach_y
        ):
            return None
        return abs(blob.x - self._x - ahead_x) + abs(blob.y - self._y - ahead_y)

    def follow(self, blob: Blob, at: Moment) -> None:
        """Take `blob` for this thing in the frame of `at`."""
        elapsed_s = max(self.unseen_s(at), 0.03)
        weight = SMOOTHING if self.hits > 2 else FIRST_SMOOTHING
        step_x, step_y = weight * (blob.x - self._x), weight * (blob.y - self._y)
        kept = math.exp(-elapsed_s / FORGET_S)
        self._steps_sq *= kept
        origin_x, origin_y = self._origin
        small, large = sorted((blob.area_px, self.blob.area_px))
        if large > LEAP * small + 20:
            origin_x, origin_y = origin_x + step_x, origin_y + step_y
        else:
            self._steps_sq += step_x * step_x + step_y * step_y
        self._origin = (
            self._x + kept * (origin_x - self._x),
            self._y + kept * (origin_y - self._y),
        )
        self._x, self._y = self._x + step_x, self._y + step_y
        speed_x, speed_y = self._speed
        self._speed = (
            speed_x + 0.3 * (step_x / elapsed_s - speed_x),
            speed_y + 0.3 * (step_y / elapsed_s - speed_y),
        )
        self._thingness += 0.4 * ((blob.novelty >= MIN_NOVELTY) - self._thingness)
        self.blob = blob
        self.hits += 1
        self._seen_ns = at.mono_ns
        if not self.is_moving:
            self._mark(at)

    def _mark(self, at: Moment) -> None:
        if at.mono_ns - self._marks[-1].mono_ns >= MARK_S * 1e9:
            self._marks.append(at)
        while at.mono_ns - self._marks[0].mono_ns > ONSET_S * 1e9 and len(self._marks) > 1:
            self._marks.popleft()

    def judge(self, *, is_crowded: bool, min_area_px: float, bulk_px: float) -> None:
        """Decide whether it moves; once it does, it stays so, unless it comes to sway.

        In a restless place a thing that no longer travels is given up after RESTLESS_HOLD_S: a
        walker who vanished in a bush would else be seen in its leaves for ever.
        """
        is_restless = is_crowded or self.blob.noise > RESTLESS_NOISE
        if self._travels(is_crowded, min_area_px, bulk_px):
            self.is_moving = True
            self._travelled_ns = self._seen_ns
        elif self._seen_ns - self._travelled_ns > RESTLESS_HOLD_S * 1e9 and is_restless:
            self.is_moving = False

    def _travels(self, is_crowded: bool, min_area_px: float, bulk_px: float) -> bool:
        blob = self.blob
        if blob.area_px < min_area_px:
            return False
        drift_sq = (self._x - self._origin[0]) ** 2 + (self._y - self._origin[1]) ** 2
        certainty = drift_sq / (self._steps_sq * (2.0 if is_crowded else 1.0) + 1e-9)
        is_thing = self._thingness > 0.5 or (
            certainty >= CLEAR_DRIFT_RATIO and drift_sq >= min(blob.width, blob.height) ** 2
        )
        needed_px = max(MIN_DRIFT_PX, DRIFT_PER_SIZE * math.sqrt(blob.area_px))
        if is_crowded or blob.noise > RESTLESS_NOISE:
            needed_px = max(needed_px, SWING_PER_WIDTH * min(blob.width, blob.height))
        has_drifted = (
            self.hits >= MIN_HITS and certainty >= DRIFT_RATIO and drift_sq >= needed_px * needed_px
        )
        calm = 1.0 if is_crowded else min(1.0, max(MIN_BULK_SHARE, blob.noise / RESTLESS_NOISE))
        is_bulky = (
            self.hits >= BULK_HITS and self._thingness > 0.6 and blob.core_px >= bulk_px * calm
        )
        return (is_thing and has_drifted) or is_bulky


class Tracker:
    """All tracks of one camera. One thread at a time."""

    def __init__(self, min_area_px: float, bulk_px: float) -> None:
        """Things under `min_area_px` never move; from `bulk_px` on they need not drift."""
        self._min_area_px = min_area_px
        self._bulk_px = bulk_px
        self._tracks: list[Track] = []
        self._next_number = 0

    def clear(self) -> None:
        """Forget all tracks, as after a sudden change of the whole picture."""
        self._tracks.clear()

    def observe(self, blobs: Sequence[Blob], at: Moment, *, is_settled: bool) -> list[Track]:
        """Match a frame's blobs, largest first; the tracks seen in it, in the same order.

        Nothing is taken for moving while the picture is not settled.
        """
        self._tracks = [track for track in self._tracks if not track.is_stale(at)]
        is_crowded = max(len(self._tracks), len(blobs)) > CROWD
        free = list(self._tracks)
        seen: list[Track] = []
        for blob in blobs:
            fits = [(misfit, track.number, track) for track in free
                    if (misfit := track.misfit(blob, at)) is not None]  # fmt: skip
            if fits:
                track = min(fits)[2]
                free.remove(track)
                track.follow(blob, at)
            elif len(self._tracks) < MAX_TRACKS:
                track = Track(self._next_number, blob, at)
                self._next_number += 1
                self._tracks.append(track)
            else:
                continue
            if is_settled:
                track.judge(
                    is_crowded=is_crowded, min_area_px=self._min_area_px, bulk_px=self._bulk_px
                )
            seen.append(track)
        return seen
