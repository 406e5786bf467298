"""What a camera shows, from a few seconds of it: is it black, does it stand still, is it sharp?

The running agent judges by half a minute and by how the picture was before; here neither is at
hand. So a picture that stands still for a moment, or is soft, is a warning only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from edge.base.findings import Finding, failed, passed, skipped, warned
from edge.base.units import format_duration
from edge.capture.decode import FrameDecoder
from edge.capture.errors import CaptureError
from edge.capture.jpeg_decode import JpegFrames
from edge.media.frame import Frame, Luma, Picture
from edge.media.packet import Packet, VideoStream
from edge.motion.picture import BLACK_DEVIATION, BLACK_MEAN, SAME_LEVELS, PictureCheck

LEAST_REPEATS = 2  # keyframes that are as the one before
FOCUS_WIDTH = 1280  # pixels; a wider picture is made so small first
LEAST_WIDTH = 640  # below which a lens out of focus does not show
FOCUS_EVERY_S = 2.0
FOCUS_SAMPLES = 5
CELL_ROWS, CELL_COLUMNS = 6, 8
LEAST_CELLS = 6  # with something in them, of the 48
REACH_PX = 17  # over which an edge's contrast is looked for
STEEP_PART = 98  # percentile of a cell's edges that stands for its sharpest
MIN_CONTRAST = 24.0  # levels, below which there is nothing to be sharp
SOFT = 0.28  # an edge's steepest pixel over its contrast; what was measured: docs/design/doctor.md
LENS = "clean the lens, and turn its focus or have the camera focus anew"


class PictureWatch:
    """Looks at the pictures of one camera's packets. One thread."""

    def __init__(self) -> None:
        self._stream: VideoStream | None = None
        self._decode: Callable[[Packet], list[Frame]] | None = None
        self._check = PictureCheck()
        self._is_frozen = False
        self._frames, self._lit = 0, 0
        self._last_key: Luma | None = None
        self._repeats, self._renewals = 0, 0
        self._times_s: list[float] = []
        self._focus_s = -FOCUS_EVERY_S
        self._sharpness: list[float] = []
        self._is_wide = False

    def add(self, packet: Packet) -> None:
        """Decode a packet and look at what comes of it."""
        if packet.is_audio:
            return
        if packet.stream is not self._stream or self._decode is None:
            self._decode = self._begin(packet.stream)
        for frame in self._decode(packet):
            self._look(frame, is_keyframe=packet.is_keyframe)

    def findings(self, check: str) -> Iterator[Finding]:
        """What was seen."""
        if not self._frames:
            text = "none of its pictures can be decoded"
            yield failed(f"{check}.picture", text, "set another codec or profile in the camera")
            return
        seen = format_duration(max(self._times_s) - min(self._times_s))
        if not self._lit:
            text = f"the picture is black, for all of {seen}"
            yield failed(f"{check}.picture", text, "is the lens covered, or the light off?")
            return
        if self._is_frozen:
            yield failed(f"{check}.picture", "the picture is frozen", "restart the camera")
        elif self._repeats >= LEAST_REPEATS and not self._renewals:
            text = f"the picture did not change at all in {seen}"
            yield warned(
                f"{check}.picture", text, "watch for longer: --seconds 40; restart the camera"
            )
        else:
            yield passed(
                f"{check}.picture", f"{self._frames} pictures decoded, neither dark nor still"
            )
        yield self._focus(f"{check}.focus")

    def _focus(self, check: str) -> Finding:
        if not self._is_wide:
            return skipped(check, f"a picture below {LEAST_WIDTH} pixels does not show it")
        if not self._sharpness:
            return skipped(check, "there is too little in the picture to tell")
        found = max(self._sharpness)
        text = f"the sharpest edges reach {found:.0%} of their contrast in a pixel"
        return (
            warned(check, f"{text}: out of focus?", LENS) if found < SOFT else passed(check, text)
        )

    def _begin(self, stream: VideoStream) -> Callable[[Packet], list[Frame]]:
        """Forget the stream before; what decodes the new one."""
        base = stream.time_base

        def mono_ns(pts: int) -> int:
            return round(pts * base * 1_000_000_000)

        is_jpeg = stream.codec == "mjpeg"
        self._stream, self._last_key, self._times_s = stream, None, []
        self._check.restart(nearest_s=1.0 if is_jpeg else 0.0)
        if not is_jpeg:
            return FrameDecoder(stream, mono_ns=mono_ns).decode
        pictures = JpegFrames(stream, mono_ns=mono_ns)
        return lambda packet: [each for each in [pictures.decode(packet)] if each is not None]

    def _look(self, frame: Frame, *, is_keyframe: bool) -> None:
        at_s = frame.mono_ns / 1e9
        self._frames += 1
        self._times_s.append(at_s)
        state = self._check.observe(frame.luma, frame.mono_ns, is_keyframe=is_keyframe)
        self._is_frozen = state == "frozen"
        mean, deviation = cv2.meanStdDev(frame.luma)
        self._lit += bool(mean[0, 0] > BLACK_MEAN or deviation[0, 0] > BLACK_DEVIATION)
        if is_keyframe:
            self._compare(frame.luma)
        if abs(at_s - self._focus_s) >= FOCUS_EVERY_S and len(self._sharpness) < FOCUS_SAMPLES:
            self._focus_s = at_s
            self._measure_focus(frame)

    def _compare(self, luma: Luma) -> None:
        last, self._last_key = self._last_key, luma
        if last is None or last.shape != luma.shape:
            return
        is_same = float(cv2.norm(luma, last, cv2.NORM_L1)) / luma.size <= SAME_LEVELS
        self._repeats += is_same
        self._renewals += not is_same

    def _measure_focus(self, frame: Frame) -> None:
        self._is_wide = frame.pixels.width >= LEAST_WIDTH
        if not self._is_wide:
            return
        try:
            found = sharpness(frame.pixels.to_bgr(FOCUS_WIDTH))
        except CaptureError:  # a JPEG that cannot be decoded in full
            return
        self._sharpness += [] if found is None else [found]


def sharpness(picture: Picture) -> float | None:
    """How steep the edges are, their steepest pixel over their contrast: about 0.5 in focus.

    The median over the parts of the picture that show something, so that a text that the camera
    writes into it does not decide. None where too few do.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    smooth = np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.8), np.float32)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=1)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=1)
    reach = np.ones((REACH_PX, REACH_PX), np.uint8)
    contrast = np.asarray(cv2.dilate(smooth, reach) - cv2.erode(smooth, reach), np.float32)
    steep = np.asarray(cv2.magnitude(across, down), np.float32) / np.maximum(contrast, 1.0)
    steep[contrast < MIN_CONTRAST] = 0.0
    found = [
        float(np.percentile(seen, STEEP_PART))
        for rows in np.array_split(steep, CELL_ROWS)
        for cell in np.array_split(rows, CELL_COLUMNS, axis=1)
        if (seen := cell[cell > 0]).size >= cell.size // 50
    ]
    return float(np.median(found)) if len(found) >= LEAST_CELLS else None
