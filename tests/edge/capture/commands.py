"""Commands for the tests: real children, made of FFmpeg and small scripts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

FFMPEG = "ffmpeg"
SIZE, FPS = "320x240", 15


def ffmpeg_command(*more: str, codec: str = "libx264", seconds: float | None = None) -> list[str]:
    """FFmpeg writing its test picture, keyframes a second apart, as fast as it would come."""
    length = ["-t", str(seconds)] if seconds is not None else []
    fast = ["-preset", "ultrafast", "-tune", "zerolatency"]
    name = "h264" if codec == "libx264" else "hevc"
    return [
        FFMPEG, "-nostdin", "-v", "error", "-re", "-f", "lavfi",
        "-i", f"testsrc=size={SIZE}:rate={FPS}", *length, "-c:v", codec, *fast,
        "-g", str(FPS), *more, "-pix_fmt", "yuv420p", "-f", name, "-flush_packets", "1", "-",
    ]  # fmt: skip


def python_command(code: str) -> list[str]:
    """A child that runs `code`."""
    return [sys.executable, "-S", "-c", code]


def stand_in(folder: Path, name: str, script: str) -> Path:
    """A program of that name, to be put on PATH: no camera is here, this stands in for it."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def is_running(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def children_of(pid: int) -> list[int]:
    """The direct children of a process."""
    found = []
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                fields = (each / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found.append(int(each.name))
    return found


def own_children() -> set[int]:
    """The children of this test process."""
    return set(children_of(os.getpid()))
