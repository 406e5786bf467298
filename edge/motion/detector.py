"""From frames to observations: background, connected regions, tracks, zones.

While nothing changes a frame costs a dozen passes over the small picture; regions are looked for
only where enough pixels have changed. Called by the camera's analysis thread, one frame at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2

from edge.contract.motion import MotionSettings
from edge.contract.parts import Box
from edge.media.frame import Frame
from edge.motion.background import Background
from edge.motion.look import SETTLING_S, SHAKE_S, Look, LookKind, Thing
from edge.motion.observation import Moment, Observation, Region
from edge.motion.regions import MIN_LIVELY_PX, find_blobs
from edge.motion.sensitivity import SensitivityMap
from edge.motion.sketch import Sketcher
from edge.motion.tracks import Blob, Track, Tracker
from edge.motion.zones import ZoneMap

FLASH_SHARE = 0.4  # of the watched picture changing at once: the light, not a thing
CALM_SHARE = 0.15  # before a flash
JUMP_LEVELS = 5.0  # of the whole picture's light from one frame to the next, with ...
JUMP_SHARE = 0.05  # ... this much that gain and offset do not explain
MAX_FLASHES_S = 2.0  # after which a picture that goes on changing as a whole is motion
FLASH_RECOVERY = 0.2  # seconds of that allowance which each calm second gives back
SHAKE_SHARE = 0.01  # of the watched picture, from where on it may be the whole that moved
LEARNT_S = 10.0  # after the start; until then the place learns from whatever changes


class Detector:
    """Watches one camera. One thread at a time; the picture's size may change between frames."""

    _tracks: Tracker  # made with the first picture

    def __init__(self, settings: MotionSettings, *, draws: bool = False) -> None:
        """`draws`: keep of each frame, in `look`, what other settings would need to judge it."""
        self._settings = settings
        self._sketcher = Sketcher(settings) if draws else None
        self.look: Look | None = None
        """Of the last frame that was observed, or glanced at in vain; None unless it draws."""
        self._background = Background()
        self._last_ns: int | None = None

    @property
    def background(self) -> Background:
        """What it compared the last frame with; to be looked at only."""
        return self._background

    def retune(self, settings: MotionSettings) -> None:
        """Judge by other settings from the next frame on. What was learnt of the picture stays;
        things are tracked anew."""
        self._settings = settings
        if self._sketcher is not None:
            self._sketcher = Sketcher(settings)
        if self._last_ns is not None:
            needs = self._draw_needs()
            self._background.retune(needs.floor, needs.noise_factor)

    def observe(self, frame: Frame) -> Observation:
        """Judge one frame, given in order of time. Keeps nothing of `frame`."""
        at = Moment(frame.pts, frame.mono_ns)
        if self._last_ns is None or not self._background.fits(frame.luma):
            self._start(frame, at)
            return self._observation(at, (), 0.0, "start")
        elapsed_s = (at.mono_ns - self._last_ns) / 1e9
        self._last_ns = at.mono_ns
        background = self._background
        lively_px = self._compare(frame)
        changed = lively_px / max(1, self._zones.watched_px)
        if self._is_flash(changed, elapsed_s):
            background.relearn()
            self._tracks.clear()
            self._settled_ns = at.mono_ns + int(SETTLING_S * 1e9)
            return self._observation(at, (), changed, "flash")
        was_shaking = background.is_shaking
        if (was_shaking or changed > SHAKE_SHARE) and background.steady(elapsed_s):
            if not was_shaking:
                self._settled_ns = max(self._settled_ns, at.mono_ns + int(SHAKE_S * 1e9))
                return self._observation(at, (), changed, "shake")
            lively_px = self._watched_px()
            changed = lively_px / max(1, self._zones.watched_px)
        blobs = (
            find_blobs(background, self._zones, min_area_px=self._min_area_px / 2)
            if lively_px >= MIN_LIVELY_PX
            else []
        )
        tracks = self._tracks.observe(blobs, at, is_settled=at.mono_ns >= self._settled_ns)
        observation = self._observation(at, tracks, changed, "frame", blobs)
        explained = [each.blob.window for each in tracks if each.is_explained]
        background.learn(elapsed_s, explained=explained if background.age_s > LEARNT_S else ())
        return observation

    def glance(self, frame: Frame, *, is_alone: bool = True) -> bool:
        """Whether a single frame, some time after the last, needs no closer look.

        If so it is learnt; if not, the model is left as it was, so that the frames before this
        one can still be observed in their order. `is_alone`: coded unlike the frames around it, so
        that it teaches no noise.
        """
        if self._last_ns is None or not self._background.fits(frame.luma):
            return False
        background = self._background
        before = background.still.copy(), background.recent.copy()  # which follow the light
        if self._compare(frame) >= MIN_LIVELY_PX and find_blobs(
            background, self._zones, min_area_px=self._min_area_px / 2
        ):
            background.still[:], background.recent[:] = before
            return False
        self._draw("glance", frame.mono_ns, 0.0)
        background.learn((frame.mono_ns - self._last_ns) / 1e9, is_alone=is_alone)
        self._last_ns = frame.mono_ns
        return True

    def _compare(self, frame: Frame) -> int:
        """Fill the background's planes for the watched part; its pixels that are not at rest."""
        self._background.compare(frame.luma)
        return self._watched_px()

    def _watched_px(self) -> int:
        background = self._background
        if not self._zones.is_whole:
            for plane in (background.changed, background.restless):
                cv2.bitwise_and(plane, self._zones.watched, dst=plane)
        return cv2.countNonZero(background.restless)

    def _start(self, frame: Frame, at: Moment) -> None:
        self._height, self._width = frame.luma.shape[:2]
        needs = self._draw_needs()
        self._background.start(frame.luma, needs.floor, needs.noise_factor)
        self._last_ns = at.mono_ns
        self._settled_ns = at.mono_ns
        self._calm_share = 0.0
        self._flashes_s = 0.0

    def _draw_needs(self) -> SensitivityMap:
        """Draw the settings for the picture's size, and track things anew by them."""
        height, width = self._height, self._width
        self._zones = ZoneMap(self._settings, height, width)
        needs = SensitivityMap(self._settings, height, width)
        self._min_area_px = needs.least.min_area * height * width
        first_number = 0 if self._last_ns is None else self._tracks.next_number
        self._tracks = Tracker(needs, (height, width), first_number=first_number)
        return needs

    def _is_flash(self, changed: float, elapsed_s: float) -> bool:
        """Whether light, exposure or the infrared filter changed the picture at one stroke."""
        jumped = abs(self._background.light_shift) >= JUMP_LEVELS and changed >= JUMP_SHARE
        flashed = changed > FLASH_SHARE and self._calm_share < CALM_SHARE
        if (jumped or flashed) and self._flashes_s < MAX_FLASHES_S:
            self._flashes_s += elapsed_s
            return True
        self._calm_share = changed
        self._flashes_s = max(0.0, self._flashes_s - elapsed_s * FLASH_RECOVERY)
        return False

    def _draw(
        self,
        kind: LookKind,
        mono_ns: int,
        changed: float,
        light: tuple[float, float] | None = None,
        regions: Sequence[Region] = (),
        blobs: Sequence[Blob] = (),
    ) -> None:
        """Keep in `look` what other settings would need; before the frame is learnt."""
        if self._sketcher is None:
            return
        brightness, noise = light or self._light()
        is_drawn = kind in ("frame", "glance")
        layers, grid = self._sketcher.draw(self._background, blobs) if is_drawn else ((), ())
        self.look = Look(
            mono_ns=mono_ns,
            kind=kind,
            brightness=brightness,
            noise=noise,
            changed=changed,
            grid=grid,
            layers=layers,
            things=tuple(Thing(each.track, each.is_moving, each.box) for each in regions),
        )

    def _observation(
        self,
        at: Moment,
        tracks: Sequence[Track],
        changed: float,
        kind: LookKind,
        blobs: Sequence[Blob] = (),
    ) -> Observation:
        regions = tuple(self._region(track) for track in tracks)
        brightness, noise = light = self._light()
        self._draw(kind, at.mono_ns, changed, light, regions, blobs)
        moving = [region for region in regions if region.is_moving]
        bits = 0
        for track in tracks:
            bits |= track.blob.zones if track.is_moving else 0
        whole_px = self._height * self._width
        covered = sum(region.area for region in moving) * whole_px
        return Observation(
            at=at,
            has_motion=bool(moving),
            is_stirring=bool(regions),
            since=min((each.since for each in moving), key=_age, default=None),
            score=min(1.0, covered / max(1, self._zones.watched_px)),
            box=moving[0].box if moving else None,
            zones=self._zones.names(bits),
            regions=regions,
            changed=changed,
            brightness=brightness,
            noise=noise,
            is_settled=at.mono_ns >= self._settled_ns,
        )

    def _light(self) -> tuple[float, float]:
        """Brightness and noise, in levels."""
        background = self._background
        return float(cv2.mean(background.smooth)[0]), float(cv2.mean(background.noise)[0])

    def _region(self, track: Track) -> Region:
        blob = track.blob
        return Region(
            track=track.number,
            since=track.since,
            is_moving=track.is_moving,
            box=self._relative_box(blob),
            area=blob.area_px / (self._height * self._width),
            is_cut=blob.left <= 1 or blob.top <= 1
            or blob.left + blob.width >= self._width - 1
            or blob.top + blob.height >= self._height - 1,
            zones=self._zones.names(blob.zones),
        )  # fmt: skip

    def _relative_box(self, blob: Blob) -> Box:
        return (
            blob.left / self._width,
            blob.top / self._height,
            blob.width / self._width,
            blob.height / self._height,
        )


def _age(moment: Moment) -> int:
    return moment.mono_ns
