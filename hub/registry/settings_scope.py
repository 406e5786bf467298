"""What of a node's settings may be told to somebody whose scope does not hold all of its cameras.

`cameras` are the names of those that they see, None for all. Free text of a node (`detail`) may
name any camera, so it is told to those only who see all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from edge.base.schema import Problem
from edge.contract.applied import Failure, FieldProblem
from edge.contract.settings import CAMERAS
from hub.archive.settings_values import SettingsVersion
from hub.registry.settings import SettingsError, Standing

BEYOND = Problem(
    CAMERAS, "what is set of cameras outside of your scope does not fit the node",
    "ask an administrator",
)  # fmt: skip
Seen = Collection[str] | None


def is_seen(path: str, cameras: Seen) -> bool:
    """Whether a path, such as cameras.gate.armed, is of nothing outside of the scope."""
    keys = path.split(".")
    return cameras is None or keys[0] != CAMERAS or len(keys) == 1 or keys[1] in cameras


def warnings(lines: Iterable[str], cameras: Seen) -> list[str]:
    """Those lines, each beginning with its path and a colon, that may be told."""
    return [each for each in lines if is_seen(each.partition(":")[0], cameras)]


def version(of: SettingsVersion, cameras: Seen) -> SettingsVersion:
    """The version with that of the node's answer that may be told."""
    if cameras is None:
        return of
    return replace(of, detail=None, problems=_fields(of.problems, cameras))


def standing(of: Standing, cameras: Seen) -> Standing:
    """Where a node stands, with that of its answer to the newest version that may be told."""
    return of if of.newest is None else replace(of, newest=version(of.newest, cameras))


def failure(of: Failure | None, cameras: Seen) -> Failure | None:
    """Why a version is not in effect, as far as it may be told."""
    if of is None or cameras is None:
        return of
    return replace(of, detail="", problems=_fields(of.problems, cameras))


def error(of: SettingsError, cameras: Seen) -> SettingsError:
    """Why settings cannot be made so, as far as it may be told."""
    if cameras is None or not of.problems:
        return of
    told = [_plain(each, cameras) for each in of.problems if is_seen(each.path, cameras)]
    if len(told) < len(of.problems):
        told.append(BEYOND)
    return SettingsError("\n".join(map(str, told)), told, hint=of.hint)


def _fields(problems: Iterable[FieldProblem], cameras: Collection[str]) -> tuple[FieldProblem, ...]:
    return tuple(
        replace(each, hint="") if _names_all(each.path) else each
        for each in problems
        if is_seen(each.path, cameras)
    )


def _plain(problem: Problem, cameras: Collection[str]) -> Problem:
    return Problem(problem.path, problem.message) if _names_all(problem.path) else problem


def _names_all(path: str) -> bool:
    """Whether the hint lists all of the node's cameras, as it does for one that is not there."""
    return path.startswith(f"{CAMERAS}.") and path.count(".") == 1
