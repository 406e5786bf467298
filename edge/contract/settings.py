"""What of a node may be set from the hub, how it is checked, and how it lies over the local file.

The hub's settings are a plain value of some keys: `log_level`, `time_zone`, and `cameras` by name,
each with some of the keys of `SettableCamera`. What is not given stays as edge.yaml has it; null
is given, and means none. Lists (zones, masks, schedules) are given whole.

Not to be set from afar: who the node is, where its hub is, paths, what it runs (`command`), and
secrets. A retained message is read by the broker and whoever reads its disk; so an address with a
password in it is refused, and the camera's password stays in a file on the node.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn
from urllib.parse import urlsplit

from edge.base import schema
from edge.base.logs import redact
from edge.base.schema import Problem, SchemaError, item
from edge.base.units import parse_duration_s
from edge.contract import address, names
from edge.contract.blindness import BlindSpot, blind_spots
from edge.contract.clips import ClipSettings
from edge.contract.motion import MotionSettings
from edge.contract.schedule import MAX_SCHEDULES, Schedule
from edge.contract.tamper import TamperSettings

Plain = dict[str, Any]
LogLevel = Literal["debug", "info", "warning", "error"]
ZONE_PATTERN = r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}"  # IANA names, such as Asia/Ho_Chi_Minh
MAX_CAMERAS = 16
CAMERAS = "cameras"
KINDS_FROM_HUB = ("rtsp", "http", "device", "csi", "synthetic")
STREAM_KEYS = ("source", "sub_source", "user", "transport", "stall_timeout_s", "clips")
"""What a camera's streams are made of: a change of these starts them anew."""


@dataclass(frozen=True)
class SettableCamera:
    """A camera as far as it may be set from the hub, which is all but its name."""

    name: str = item("lower-case letters, digits and -", pattern=names.CAMERA_PATTERN)
    source: str = item(address.KINDS_TEXT, max_length=1024, is_secret=True)
    sub_source: str | None = item(
        "address of the camera's small stream: motion is looked for in it, clips come from source",
        None,
        max_length=1024,
        is_secret=True,
    )
    user: str | None = item("user name at the camera", None, max_length=128)
    transport: Literal["tcp", "udp"] = item("how RTP travels", "tcp")
    stall_timeout_s: float = item(
        "no packet for so long means the camera is lost",
        10.0,
        parse=parse_duration_s,
        min=1,
        max=120,
    )
    armed: bool = item("false: pictures are received, but nothing is watched or recorded", True)
    disarmed_by: str | None = item(
        "with armed: false, who wants that and why; shown in the coverage", None, max_length=100
    )
    classify: bool = item("label its events, where the node has a model", True)
    schedules: tuple[Schedule, ...] = item(
        "times of the week at which it is armed, disarmed or set finer; the last that holds counts",
        (), max_items=MAX_SCHEDULES,
    )  # fmt: skip
    motion: MotionSettings = item("what counts as motion", MotionSettings)
    clips: ClipSettings = item("how much is kept", ClipSettings)
    tamper: TamperSettings = item("whether somebody meddles with the camera", TamperSettings)

    def __post_init__(self) -> None:
        try:
            address.check(self.source)
        except ValueError as err:
            raise ValueError(f"source: {err}") from err
        if self.sub_source is not None:
            self._check_sub(self.sub_source)
        if self.armed and self.disarmed_by:
            raise ValueError("disarmed_by: only with armed: false")

    def _check_sub(self, sub_source: str) -> None:
        try:
            kind = address.check(sub_source)
        except ValueError as err:
            raise ValueError(f"sub_source: {err}") from err
        if kind == "exec":
            raise ValueError("sub_source: exec: is for source only; give the stream's address")
        if sub_source == self.source:
            raise ValueError("sub_source: it is the same as source; give the small stream or none")


@dataclass(frozen=True)
class SettableNode:
    """What of a node itself may be set from the hub, beside its cameras."""

    log_level: LogLevel = item("how much is logged", "info")
    time_zone: str | None = item(
        "whose local time schedules go by, as Asia/Ho_Chi_Minh; none: the system's", None,
        pattern=ZONE_PATTERN, max_length=64,
    )  # fmt: skip


def check(value: object) -> Plain:
    """The hub's settings, durations in seconds. Raises SchemaError with every problem.

    Each value is checked by itself; what must fit together is seen by `over`.
    """
    if not isinstance(value, Mapping):
        _refuse([Problem("settings", "must be a mapping")])
    problems: list[Problem] = []
    result: Plain = {}
    rest = {key: each for key, each in value.items() if key != CAMERAS}
    try:
        result |= schema.load_part(SettableNode, rest)
    except SchemaError as err:
        problems += [_naming_cameras(each) for each in err.problems]
    if CAMERAS in value:
        result[CAMERAS] = dict(_cameras(value[CAMERAS], problems))
    if problems:
        _refuse(problems)
    return result


def _naming_cameras(problem: Problem) -> Problem:
    if not problem.hint.startswith("known:"):
        return problem
    return Problem(problem.path, problem.message, f"{problem.hint}, {CAMERAS}")


def _cameras(value: object, problems: list[Problem]) -> Iterator[tuple[str, Plain]]:
    if not isinstance(value, Mapping):
        problems.append(Problem(CAMERAS, "must be a mapping from names of cameras"))
        return
    if len(value) > MAX_CAMERAS:
        problems.append(Problem(CAMERAS, f"{len(value)} cameras, at most {MAX_CAMERAS}"))
        return
    for name, part in value.items():
        path = f"{CAMERAS}.{str(name)[:64]}"
        if not re.fullmatch(names.CAMERA_PATTERN, str(name)):
            problems.append(Problem(path, "is no name", "lower-case letters, digits and -"))
            continue
        try:
            checked = schema.load_part(SettableCamera, part, path=path, leave_out="name")
            problems += _address_problems(checked, path)
            problems += _section_problems(checked, path)
            yield str(name), checked
        except SchemaError as err:
            problems += err.problems


def _address_problems(part: Plain, path: str) -> Iterator[Problem]:
    for key in ("source", "sub_source"):
        if not isinstance(text := part.get(key), str):
            continue
        try:
            kind = address.check(text)
        except ValueError as err:
            yield Problem(f"{path}.{key}", str(err))
            continue
        if kind not in KINDS_FROM_HUB:
            yield Problem(
                f"{path}.{key}", f"{kind}: is set on the node only",
                "what a node runs and which of its files it reads is written in its edge.yaml",
            )  # fmt: skip
        elif _has_secret(text):
            yield Problem(
                f"{path}.{key}", "the address holds a password, which others could read here",
                "leave it out; set user, and password_file in the node's edge.yaml",
            )  # fmt: skip


def _has_secret(text: str) -> bool:
    try:
        has_password = urlsplit(text).password is not None
    except ValueError:
        has_password = True
    return has_password or redact(text) != text


def _section_problems(part: Plain, path: str) -> Iterator[Problem]:
    """What must fit together within one section, whatever lies below it."""
    for key, cls in (("motion", MotionSettings), ("clips", ClipSettings)):
        try:
            schema.load(cls, part.get(key, {}), unknown="refuse", path=f"{path}.{key}")
        except SchemaError as err:
            yield from err.problems


def merge(base: Plain, part: Plain) -> Plain:
    """`part` over `base`: sections key by key, all else whole."""
    result = dict(base)
    for key, value in part.items():
        below = result.get(key)
        is_section = isinstance(value, dict) and isinstance(below, dict)
        result[key] = merge(below, value) if is_section and below is not None else value
    return result


def over(base: Mapping[str, Plain], settings: Plain) -> dict[str, SettableCamera]:
    """The cameras of `base`, each by its name as `schema.dump` gives it, with the hub's settings
    over them. Raises SchemaError, also for a camera that is not there."""
    problems: list[Problem] = []
    result: dict[str, SettableCamera] = {}
    wanted = settings.get(CAMERAS, {})
    for name in wanted:
        if name not in base:
            known = ", ".join(sorted(base)) or "none"
            problems.append(
                Problem(f"{CAMERAS}.{name}", "the node has no such camera", f"known: {known}")
            )
    for name, below in base.items():
        try:
            result[name] = schema.load(
                SettableCamera, merge(below, wanted.get(name, {})), unknown="ignore",
                path=f"{CAMERAS}.{name}",
            )  # fmt: skip
        except SchemaError as err:
            problems += err.problems
    if problems:
        raise SchemaError(problems)
    return result


def warnings(cameras: Mapping[str, SettableCamera]) -> list[str]:
    """What is legal and probably not meant, for people."""
    spots = _blind_spots(cameras)
    return [f"{path}: {spot.text}" for path, spot in spots.items()]


def narrowed(
    before: Mapping[str, SettableCamera], after: Mapping[str, SettableCamera]
) -> list[str]:
    """Those of the warnings by which cameras see less than before."""
    old = _blind_spots(before)
    return [
        f"{path}: {spot.text}"
        for path, spot in _blind_spots(after).items()
        if path not in old or spot.by > old[path].by
    ]


def _blind_spots(cameras: Mapping[str, SettableCamera]) -> dict[str, BlindSpot]:
    return {
        f"{CAMERAS}.{name}.{spot.path}": spot
        for name, camera in cameras.items()
        for spot in blind_spots(camera.motion)
    }


def flat(plain: Mapping[str, Any], path: str = "") -> dict[str, object]:
    """Each value by its path, such as cameras.gate.motion.sensitivity; lists are values."""
    result: dict[str, object] = {}
    for key, value in plain.items():
        where = f"{path}.{key}" if path else key
        result |= flat(value, where) if isinstance(value, Mapping) else {where: value}
    return result


def changed(before: Plain, after: Plain) -> dict[str, tuple[object, object]]:
    """By path, what differs, as it was and as it is; `ABSENT` where it is not set."""
    old, new = flat(before), flat(after)
    return {
        path: (old.get(path, ABSENT), new.get(path, ABSENT))
        for path in sorted(old.keys() | new.keys())
        if old.get(path, ABSENT) != new.get(path, ABSENT)
    }


class _Absent:
    def __repr__(self) -> str:
        return "-"


ABSENT = _Absent()
"""Of a path that the hub does not set."""


def _refuse(problems: list[Problem]) -> NoReturn:
    raise SchemaError(problems)
