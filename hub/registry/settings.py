"""Nodes' settings at the hub: made as versions, checked as the node will check them, undone.

A version holds all that the hub sets of a node; what it does not hold is the node's own business.
Every change is a new version, so an undo is one too, with the content of an old one. What is made
here is sent by the running hub within a second, see hub/ingest/wishes.py.
"""

from __future__ import annotations

import copy
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge.base import schema
from edge.base.errors import CamwatchError
from edge.base.schema import Problem, SchemaError
from edge.contract import names, settings, wanted
from edge.contract.applied import Applied
from edge.contract.errors import ContractError
from edge.contract.settings import CAMERAS, Plain, SettableCamera
from hub.archive import Archive
from hub.archive.settings_values import SettingsVersion
from hub.archive.values import CameraKey

ATTEMPTS = 5
EVERY = "*"  # in a path: every camera that is meant
Change = Callable[[Plain], Plain]
Maker = Callable[[], SettingsVersion]


class SettingsError(CamwatchError):
    """Settings cannot be made so; `problems` names each field with the remedy."""

    def __init__(self, message: str, problems: Iterable[Problem] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class ConflictError(SettingsError):
    """Somebody else made a version meanwhile."""


@dataclass(frozen=True)
class Author:
    """Who makes a version, when and why; `undoes` is the version whose content comes back."""

    user: str
    at_utc: datetime
    note: str | None = None
    undoes: int | None = None


@dataclass(frozen=True)
class Standing:
    """Where a node stands: the newest version made for it, and what it said itself."""

    node: str
    newest: SettingsVersion | None
    applied: Applied | None

    @property
    def is_settled(self) -> bool:
        """Whether the newest version is in effect for good."""
        return self.newest is None or (self.newest.state == "applied" and self._is_in_effect)

    @property
    def _is_in_effect(self) -> bool:
        return (
            self.applied is not None
            and self.newest is not None
            and self.applied.version == self.newest.version
        )

    def text(self) -> str:
        """For people, such as `settings 7 wanted, 6 applied: ...`; empty where nothing is set."""
        if self.newest is None:
            return ""
        number = self.newest.version
        if self._is_in_effect:
            is_trial = self.applied is not None and self.applied.state == "trial"
            return f"settings {number} on trial" if is_trial else f"settings {number} applied"
        now = "none" if self.applied is None else str(self.applied.version or "none")
        why = {"wanted": "not answered yet", "pending": "being tried"}.get(self.newest.state)
        if self.newest.state in ("refused", "rolled_back"):
            why = self.newest.state.replace("_", " ")
            why += f", {self.newest.detail}" if self.newest.detail else ""
        return f"settings {number} wanted, {now} applied: {why or self.newest.state}"


def standing(archive: Archive, node: str) -> Standing:
    """Where that node stands."""
    found = archive.settings_versions(node, limit=1)
    note = archive.applied_settings(node).get(node)
    return Standing(node, found[0] if found else None, None if note is None else note.applied)


def standings(archive: Archive) -> dict[str, Standing]:
    """Where every node stands for which there are settings, or that said something of its own."""
    newest = {each.node: each for each in archive.newest_settings()}
    told = {node: note.applied for node, note in archive.applied_settings().items()}
    return {
        node: Standing(node, newest.get(node), told.get(node))
        for node in sorted(newest.keys() | told.keys())
    }


def content(archive: Archive, node: str) -> Plain:
    """What the newest version sets of that node; empty where there is none."""
    return newest(archive, node)[1]


def newest(archive: Archive, node: str) -> tuple[int, Plain]:
    """The newest version's number and what it sets of that node; 0 and nothing for none."""
    found = archive.settings_versions(node, limit=1)
    return (found[0].version, copy.deepcopy(dict(found[0].settings))) if found else (0, {})


def effective(archive: Archive, node: str) -> dict[str, SettableCamera]:
    """What holds for each of the node's cameras now, as it said itself; empty before that."""
    note = archive.applied_settings(node).get(node)
    if note is None:
        return {}
    cameras = note.applied.settings.get(CAMERAS)
    found: dict[str, SettableCamera] = {}
    for name in cameras if isinstance(cameras, dict) else {}:
        try:
            camera = note.applied.camera(name)
        except SchemaError:  # a newer node's, which this hub does not understand
            continue
        if camera is not None:
            found[name] = camera
    return found


def effective_camera(archive: Archive, key: CameraKey) -> SettableCamera | None:
    """What holds for that camera now, zones and masks included; None where nothing is known."""
    return effective(archive, key.node).get(key.camera)


def check(archive: Archive, node: str, given: object) -> tuple[Plain, list[str]]:
    """The settings as they would be sent, and warnings. Raises SettingsError.

    By the node's own checks, over what it said it has; before it said anything, each value by
    itself.
    """
    try:
        plain = settings.check(given)
        if (zone := plain.get("time_zone")) is not None:
            _check_zone(str(zone))
        return plain, settings.warnings(_laid(archive, node, plain))
    except SchemaError as err:
        lines = "\n".join(map(str, err.problems))
        raise SettingsError(lines, err.problems) from err


def narrowed(archive: Archive, node: str, before: Plain, after: Plain) -> list[str]:
    """Warnings of those cameras which `after` changes and that see less by it than by `before`.
    Raises SchemaError where `after` does not fit the node."""
    laid = _laid(archive, node, after)
    try:
        old = _laid(archive, node, before)
    except SchemaError:  # edge.yaml was changed since
        old = {}
    keys = [path.split(".") for path in settings.changed(before, after)]
    touched = {each[1] for each in keys if each[0] == CAMERAS and len(each) > 1}
    return settings.narrowed(old, {name: laid[name] for name in laid.keys() & touched})


def make(
    archive: Archive, node: str, given: object, author: Author, *, based_on: int | None = None
) -> SettingsVersion:
    """A new version with these settings. Raises SettingsError, ConflictError where `based_on` is
    not the newest version any more (0: there was none), StorageError."""
    plain, _ = check(archive, node, given)
    for _ in range(ATTEMPTS):
        last, _ = newest(archive, node)
        refuse_stale(last, based_on)
        made = _version(archive, node, last, plain, author)
        if (kept := archive.add_settings(made, newest=last)) is not None:
            return kept
    raise ConflictError("others change these settings all the time", hint="try again")


def refuse_stale(last: int, based_on: int | None) -> None:
    """Raises ConflictError where `based_on` is given and is not the last version."""
    if based_on is not None and based_on != last:
        raise ConflictError(
            f"version {last} was made since version {based_on}",
            hint="look at it, and make the change again",
        )


def change(archive: Archive, node: str, how: Change, author: Author) -> SettingsVersion:
    """A new version made of the newest one's settings by `how`. Raises as `make`."""
    for _ in range(ATTEMPTS):
        last, before = newest(archive, node)
        try:
            return make(archive, node, how(before), author, based_on=last)
        except ConflictError:
            continue
    raise ConflictError("others change these settings all the time", hint="try again")


def undo(
    archive: Archive, node: str, author: Author, *, to: int | None = None,
    based_on: int | None = None,
) -> SettingsVersion:  # fmt: skip
    """A new version with the content of version `to`, or of the one before the newest; 0 stands
    for nothing being set. Raises as `make`."""
    last, target = _undone(archive, node, to)
    refuse_stale(last, based_on)
    author = Author(author.user, author.at_utc, author.note, target)
    return make(archive, node, content_of(archive, node, target), author, based_on=last)


def old_content(archive: Archive, node: str, to: int | None) -> Plain:
    """What an undo to there would set. Raises SettingsError."""
    _, target = _undone(archive, node, to)
    return content_of(archive, node, target)


def content_of(archive: Archive, node: str, version: int) -> Plain:
    """What that version set; 0 stands for nothing being set. Raises SettingsError."""
    found = archive.settings_version(node, version)
    if found is None and version != 0:
        raise SettingsError(
            f"{node} has no version {version}", hint=f"camwatch-hub settings history {node}"
        )
    return {} if found is None else copy.deepcopy(dict(found.settings))


def _undone(archive: Archive, node: str, to: int | None) -> tuple[int, int]:
    """The newest version's number, and that of the one to come back."""
    known = archive.settings_versions(node, limit=2)
    if not known:
        raise SettingsError(f"nothing was ever set of {node}")
    before = known[1].version if len(known) > 1 else 0
    return known[0].version, before if to is None else to


def put(plain: Plain, path: str, value: object, cameras: Iterable[str] = ()) -> None:
    """Set the value at `path`; `cameras.*.` stands for each of `cameras`. Raises SettingsError."""
    for keys in _places(path, cameras):
        place = plain
        for key in keys[:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise SettingsError(f"{path}: {key} is no section")
        place[keys[-1]] = value


def drop(plain: Plain, path: str, cameras: Iterable[str] = ()) -> None:
    """Leave what is at `path` to the node again."""
    for keys in _places(path, cameras):
        above: list[tuple[Plain, str]] = []
        place: Any = plain
        for key in keys[:-1]:
            above.append((place, key))
            place = place.get(key)
            if not isinstance(place, dict):
                break
        else:
            place.pop(keys[-1], None)
            for section, key in reversed(above):
                if not section[key]:
                    del section[key]


def _places(path: str, cameras: Iterable[str]) -> list[list[str]]:
    keys = path.split(".")
    if not all(keys):
        raise SettingsError(
            f"{path[:60]}: is no path", hint="such as cameras.gate.motion.sensitivity"
        )
    if len(keys) > 1 and keys[:2] == [CAMERAS, EVERY]:
        return [[CAMERAS, name, *keys[2:]] for name in cameras]
    return [keys]


def _check_zone(name: str) -> None:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as err:
        problem = Problem("time_zone", f"{name} is not known here", "such as Asia/Ho_Chi_Minh")
        raise SchemaError([problem]) from err


def _laid(archive: Archive, node: str, plain: Plain) -> dict[str, SettableCamera]:
    """The node's cameras with these settings over them. Raises SchemaError.

    The node's own part is what it has without what the hub set of it before; that is not known
    where the hub overrides it, so those values come from what the node has now.
    """
    base = {name: schema.dump(each) for name, each in effective(archive, node).items()}
    if not base:
        base = {
            name: schema.dump(
                SettableCamera(
                    name=name, source="rtsp://camera.invalid/", armed="disarmed_by" not in part
                )
            )
            for name, part in plain.get(CAMERAS, {}).items()
        }
    for name, camera in base.items():
        if "armed" in plain.get(CAMERAS, {}).get(name, {}):
            camera.pop("disarmed_by", None)
    return settings.over(base, plain)


def _version(
    archive: Archive, node: str, last: int, plain: Plain, author: Author
) -> SettingsVersion:
    """Numbered beyond all that the node has seen: an archive may come back from an old copy."""
    told = archive.applied_settings(node).get(node)
    number = max(last, 0 if told is None else told.applied.seen) + 1
    document = wanted.Wanted(
        v=names.VERSION, node=node, version=number, made_utc=author.at_utc,
        user=names.shorten(author.user, wanted.MAX_USER), settings=dict(plain),
        note=None if author.note is None else names.shorten(author.note, wanted.MAX_NOTE),
    )  # fmt: skip
    try:
        payload = wanted.encode(document)
    except ContractError as err:
        raise SettingsError(f"these settings cannot be sent: {err}") from err
    return SettingsVersion(
        0, node, number, author.at_utc, document.user, document.note, author.undoes, plain, payload
    )


def differences(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """For people, one line each: path, what it was, what it is; - stands for not set."""
    found = settings.changed(dict(before), dict(after))
    return [f"{path}: {_shown(old)} -> {_shown(new)}" for path, (old, new) in found.items()]


def _shown(value: object) -> str:
    if value is settings.ABSENT:
        return "-"
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
