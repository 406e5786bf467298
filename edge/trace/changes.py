"""Other settings to try: from a file, or from `motion.sensitivity=4` on the command line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edge.base import schema
from edge.base.errors import ConfigError
from edge.base.schema import item
from edge.contract.motion import MotionSettings

PREFIX = "motion."
REPLAYED = ("sensitivity", "zones", "masks", "min_area", "min_frames", "quiet_s", "expert")
"""What a trace can be judged anew by; the other settings decide which pictures are looked at."""


@dataclass(frozen=True)
class _CameraPart:
    """One camera of a settings file: what matters here."""

    name: str = item("the camera's name")
    motion: MotionSettings = item("what counts as motion", MotionSettings)


@dataclass(frozen=True)
class _SettingsFile:
    """`motion:` for every camera, or a node's whole settings file."""

    motion: MotionSettings | None = item("for every camera", None)
    cameras: tuple[_CameraPart, ...] = item("each with its name", ())


Change = Callable[[str, MotionSettings], MotionSettings]


def of(sets: Sequence[str], path: Path | None = None) -> Change:
    """By camera: the settings to try, from those that ran. Raises ConfigError.

    `sets` change single settings of those that ran, or of the file's.
    """
    from_file = None if path is None else _read(path)
    pairs = [_pair(text) for text in sets]

    def change(camera: str, ran: MotionSettings) -> MotionSettings:
        plain = schema.dump(ran if from_file is None else _of_camera(from_file, camera, ran))
        for keys, value in pairs:
            _put(plain, keys, value)
        try:
            return schema.load(MotionSettings, plain, unknown="refuse", path="motion")
        except schema.SchemaError as err:
            raise ConfigError(str(err)) from err

    change("", MotionSettings())  # so that what is wrong is told before traces are read
    return change


def to(
    values: Mapping[str, object], scheduled: Collection[int] = ()
) -> Callable[[MotionSettings], MotionSettings]:
    """The settings to try, from those that ran: with these of a motion section, as far as a trace
    can be judged by them. Where one of the sensitivities `scheduled` ran, it stays: schedules set
    it, whatever the section says. Raises ConfigError."""
    tried = {name: value for name, value in values.items() if name in REPLAYED}

    def change(ran: MotionSettings) -> MotionSettings:
        plain = {name: value for name, value in schema.dump(ran).items() if name not in REPLAYED}
        stays = {"sensitivity": ran.sensitivity} if ran.sensitivity in scheduled else {}
        try:
            return schema.load(
                MotionSettings, plain | tried | stays, unknown="refuse", path="motion"
            )
        except schema.SchemaError as err:
            raise ConfigError(str(err)) from err

    change(MotionSettings())
    return change


def _pair(text: str) -> tuple[list[str], object]:
    name, equals, value = text.partition("=")
    name = name.strip()
    keys = name.removeprefix(PREFIX).split(".")
    if not equals or not all(keys):
        raise ConfigError(f"--set {text}: it takes a name and a value, as motion.sensitivity=4")
    if keys[0] not in REPLAYED:
        raise ConfigError(
            f"--set {name}: this cannot be tried on what was seen",
            hint=f"these can: {', '.join(PREFIX + each for each in REPLAYED)}",
        )
    try:
        return keys, yaml.safe_load(value)
    except yaml.YAMLError as err:
        raise ConfigError(f"--set {name}: {value[:60]!r} is not YAML") from err


def _put(plain: dict[str, Any], keys: list[str], value: object) -> None:
    """Set a value in plain settings; a zone is named by its name."""
    place: Any = plain
    for key in keys[:-1]:
        if isinstance(place, list):
            named = [each for each in place if each.get("name") == key]
            if not named:
                known = ", ".join(str(each.get("name")) for each in place) or "none"
                raise ConfigError(f"--set {'.'.join(keys)}: no zone {key}; known: {known}")
            place = named[0]
        else:
            place = place.setdefault(key, {})
    if not isinstance(place, dict):
        raise ConfigError(f"--set {'.'.join(keys)}: name what is to be set in it")
    if value is None:
        place.pop(keys[-1], None)
    else:
        place[keys[-1]] = value


def _read(path: Path) -> _SettingsFile:
    try:
        value = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError) as err:
        raise ConfigError(f"cannot read {path}: {err}") from err
    try:
        return schema.load(_SettingsFile, value or {}, unknown="ignore")
    except schema.SchemaError as err:
        raise ConfigError(f"{path}:\n{err}") from err


def _of_camera(found: _SettingsFile, camera: str, ran: MotionSettings) -> MotionSettings:
    if found.motion is not None:
        return found.motion
    return next((each.motion for each in found.cameras if each.name == camera), ran)
