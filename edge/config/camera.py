"""Settings of one camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.base.schema import item
from edge.base.units import parse_duration_s
from edge.config.clips import ClipSettings
from edge.config.motion import MotionSettings
from edge.contract import names

SOURCE_DOC = "rtsp:// or rtsps:// URL, /dev/video0, a file's path, or synthetic:"


@dataclass(frozen=True)
class CameraSettings:
    """One camera: where its packets come from and what to do with them."""

    name: str = item("lower-case letters, digits and -", pattern=names.CAMERA_PATTERN)
    source: str = item(SOURCE_DOC, max_length=1024, is_secret=True)
    user: str | None = item("user name at the camera", None, max_length=128)
    password_file: str | None = item("file with the camera's password, mode 0600", None)
    transport: Literal["tcp", "udp"] = item("how RTP travels", "tcp")
    stall_timeout_s: float = item(
        "no packet for so long means the camera is lost",
        10.0,
        parse=parse_duration_s,
        min=1,
        max=120,
    )
    pace: Literal["realtime", "fast"] = item(
        "for files: as recorded, or as fast as it goes", "realtime"
    )
    loop: bool = item("for files: start again at the end", False)
    armed: bool = item("false: pictures are received, but nothing is watched or recorded", True)
    disarmed_by: str | None = item(
        "with armed: false, who wants that and why; shown in the coverage", None, max_length=100
    )
    motion: MotionSettings = item("what counts as motion", MotionSettings)
    clips: ClipSettings = item("how much is kept", ClipSettings)

    def __post_init__(self) -> None:
        if self.armed and self.disarmed_by:
            raise ValueError("disarmed_by: only with armed: false")

    @property
    def disarmed(self) -> str | None:
        """Why nothing is watched; None where it is."""
        return None if self.armed else self.disarmed_by or "by settings"
