"""Settings of one camera: what the hub may set too, and what stands in the local file only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.base.schema import item
from edge.contract import address
from edge.contract.settings import SettableCamera

MAX_ARGUMENTS = 64


@dataclass(frozen=True)
class CameraSettings(SettableCamera):
    """One camera: where its packets come from and what to do with them."""

    command: tuple[str, ...] = item(
        "for exec: the program that writes H.264 or H.265 to its standard output, and its "
        "arguments, as a list; no shell",
        (),
        max_items=MAX_ARGUMENTS,
        max_length=1024,
        is_secret=True,
    )
    password_file: str | None = item("file with the camera's password, mode 0600", None)
    pace: Literal["realtime", "fast"] = item(
        "for files: as recorded, or as fast as it goes", "realtime"
    )
    loop: bool = item("for files: start again at the end", False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind == "exec" and not (self.command and self.command[0]):
            raise ValueError("command: exec: needs a program, such as [ffmpeg, -i, ...]")
        if self.kind != "exec" and self.command:
            raise ValueError("command: only with source: exec:")
        if self.sub_source is not None and self.pace == "fast":
            raise ValueError("sub_source: not with pace: fast, which keeps no two streams together")

    @property
    def kind(self) -> address.Kind:
        """What kind of camera the source names."""
        return address.kind_of(self.source)

    @property
    def disarmed(self) -> str | None:
        """Why nothing is watched; None where it is."""
        return None if self.armed else self.disarmed_by or "by settings"
