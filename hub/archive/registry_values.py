"""The registry as frozen values: areas, organisations, plans, and where each camera stands.

Areas, organisations and plans are known by a code: short, never changed, so that links, scopes and
spreadsheets that name one stay right when it is renamed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

from hub.archive.values import CameraKey

AreaKind = Literal["town", "group", "cluster", "household"]
AREA_KINDS: tuple[AreaKind, ...] = get_args(AreaKind)  # from the largest down
OrganisationType = Literal["agency", "firm", "school", "association", "other"]
ORGANISATION_TYPES: tuple[OrganisationType, ...] = get_args(OrganisationType)


@dataclass(frozen=True)
class Area:
    """A town, residential group, residential cluster or household.

    It is valid from the first to before the last day; None is open. When areas are cut anew, the
    old one ends and may say which one it went `into`; whoever asks for that finds the old one's
    footage too.
    """

    code: str
    kind: AreaKind
    name: str
    parent: str | None = None
    from_day: date | None = None
    until_day: date | None = None
    into: str | None = None

    def is_valid(self, day: date) -> bool:
        """Whether the area is there on that day."""
        return (self.from_day is None or self.from_day <= day) and (
            self.until_day is None or day < self.until_day
        )


@dataclass(frozen=True)
class Organisation:
    """A member organisation and whom to call there; empty where not known."""

    code: str
    name: str
    type: OrganisationType
    contact: str = ""
    phone: str = ""
    email: str = ""
    note: str = ""


@dataclass(frozen=True)
class Plan:
    """A map or plan picture, kept in the plan store under its hash; size in pixels."""

    code: str
    name: str
    area: str | None
    sha256: str
    media_type: Literal["image/png", "image/jpeg"]
    width: int
    height: int


@dataclass(frozen=True)
class Place:
    """Where a camera is from a time on, and whose it is; None: from the beginning.

    `x` and `y` are its position on the plan, from 0 at the left and top to 1.
    """

    since_utc: datetime | None = None
    area: str | None = None
    organisation: str | None = None
    plan: str | None = None
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True)
class Camera:
    """A camera heard of or registered; `title` is what people call it, `places` are by time."""

    node: str
    name: str
    title: str = ""
    places: tuple[Place, ...] = ()

    @property
    def key(self) -> CameraKey:
        """What records call it."""
        return CameraKey(self.node, self.name)

    def place_at(self, moment: datetime) -> Place | None:
        """Where it is, or was, then."""
        held = [each for each in self.places if each.since_utc is None or each.since_utc <= moment]
        return held[-1] if held else None


@dataclass(frozen=True)
class Registry:
    """The whole registry at one `version`, which rises with every change. All by code or name."""

    version: int = 0
    areas: tuple[Area, ...] = ()
    organisations: tuple[Organisation, ...] = ()
    plans: tuple[Plan, ...] = ()
    cameras: tuple[Camera, ...] = ()

    def area(self, code: str) -> Area | None:
        """The area of that code."""
        return next((each for each in self.areas if each.code == code), None)

    def organisation(self, code: str) -> Organisation | None:
        """The organisation of that code."""
        return next((each for each in self.organisations if each.code == code), None)

    def plan(self, code: str) -> Plan | None:
        """The plan of that code."""
        return next((each for each in self.plans if each.code == code), None)

    def camera(self, key: CameraKey) -> Camera | None:
        """The camera of that node and name."""
        return next((each for each in self.cameras if each.key == key), None)

    def above(self, code: str) -> Iterator[Area]:
        """The area and those around it, up to its town."""
        by_code = {area.code: area for area in self.areas}
        at: str | None = code
        while at is not None and (area := by_code.pop(at, None)) is not None:
            yield area
            at = area.parent

    def within(self, code: str) -> frozenset[str]:
        """The codes of the area, all below it, and all that went into any of these."""
        found: set[str] = set()
        waiting = [code]
        while waiting:
            at = waiting.pop()
            if at not in found:
                found.add(at)
                waiting += [each.code for each in self.areas if at in (each.parent, each.into)]
        return frozenset(found)
