"""Settings of one camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.base.schema import item
from edge.base.units import parse_duration_s
from edge.config import address
from edge.config.clips import ClipSettings
from edge.config.motion import MotionSettings
from edge.contract import names

MAX_ARGUMENTS = 64


@dataclass(frozen=True)
class CameraSettings:
    """One camera: where its packets come from and what to do with them."""

    name: str = item("lower-case letters, digits and -", pattern=names.CAMERA_PATTERN)
    source: str = item(address.KINDS_TEXT, max_length=1024, is_secret=True)
    command: tuple[str, ...] = item(
        "for exec: the program that writes H.264 or H.265 to its standard output, and its "
        "arguments, as a list; no shell",
        (),
        max_items=MAX_ARGUMENTS,
        max_length=1024,
        is_secret=True,
    )
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
        try:
            kind = address.check(self.source)
        except ValueError as err:
            raise ValueError(f"source: {err}") from err
        if kind == "exec" and not (self.command and self.command[0]):
            raise ValueError("command: exec: needs a program, such as [ffmpeg, -i, ...]")
        if kind != "exec" and self.command:
            raise ValueError("command: only with source: exec:")
        if self.armed and self.disarmed_by:
            raise ValueError("disarmed_by: only with armed: false")

    @property
    def kind(self) -> address.Kind:
        """What kind of camera the source names."""
        return address.kind_of(self.source)

    @property
    def disarmed(self) -> str | None:
        """Why nothing is watched; None where it is."""
        return None if self.armed else self.disarmed_by or "by settings"
