"""The Pi's camera module, read through rpicam-vid (libcamera-vid on older systems).

Up to the Pi 4, rpicam-vid encodes with the board's own H.264 encoder. Where there is none (Pi 5),
it uses libx264 through libav, and is told how: one raw stream, without delay, without B-frames.
"""

from __future__ import annotations

import shutil

from edge.base.clock import Clock
from edge.capture.command import CommandSource
from edge.capture.device import has_pi_encoder
from edge.contract.address import Csi, Picture

PROGRAMS = ("rpicam-vid", "libcamera-vid")
DEFAULT = Picture(1280, 720, 15)
GOP_S = 2
# rpicam-apps, libav_encoder.cpp: low latency is x264's ultrafast and zerolatency, with four slices
# and one reference; without a format it cannot tell what to write to a standard output.
SOFTWARE = ("--libav-format", "h264", "--low-latency")
HINT = "apt-get install rpicam-apps (not rpicam-apps-lite, which cannot encode on a Pi 5)"


def arguments(csi: Csi, program: str, *, has_encoder: bool) -> tuple[str, ...]:
    """The command line of `program`."""
    picture = csi.picture
    fps = picture.fps or DEFAULT.fps or 0
    line = [
        program, "--codec", "h264", "--inline", "--flush", "--timeout", "0", "--nopreview",
        "--camera", csi.camera,
        "--width", picture.width or DEFAULT.width, "--height", picture.height or DEFAULT.height,
        "--framerate", fps, "--intra", GOP_S * fps, "--bitrate", csi.bits_per_s,
        "--rotation", csi.rotation,
        *(() if has_encoder else SOFTWARE),
        "-o", "-",
    ]  # fmt: skip
    return tuple(str(word) for word in line)


def make(csi: Csi, clock: Clock, *, stall_timeout_s: float) -> CommandSource:
    """The source that reads the camera module, not opened."""
    program = next((each for each in PROGRAMS if shutil.which(each)), PROGRAMS[0])
    return CommandSource(
        arguments(csi, program, has_encoder=has_pi_encoder()),
        clock,
        stall_timeout_s=stall_timeout_s,
        fps=csi.picture.fps or DEFAULT.fps,
        field="source: csi:",
        hint=HINT,
    )
