"""A hub for commands to run on: its settings file and its archive."""

from __future__ import annotations

from pathlib import Path

from hub.archive import SqliteArchive


def new_hub(folder: Path, time_zone: str = "") -> tuple[Path, SqliteArchive]:
    """The settings file, without a time zone where none is given, and the archive to fill."""
    state = folder / "state"
    state.mkdir()
    path = folder / "hub.yaml"
    zone = f"time_zone: {time_zone}\n" if time_zone else ""
    path.write_text(f"state_dir: {state}\n{zone}")
    return path, SqliteArchive(state / "archive.sqlite")
