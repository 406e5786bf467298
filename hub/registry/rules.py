"""What a registry must be like; every problem is told with the entry and the field. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import Literal, NamedTuple

from edge.contract import names
from hub.archive.registry_values import (
    AREA_KINDS,
    ORGANISATION_TYPES,
    Area,
    Camera,
    Organisation,
    Place,
    Plan,
    Registry,
)

CODE_PATTERN = r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?"
MAX_NAME = 120  # characters
MAX_NOTE = 1000  # characters
_LONGEST = {"note": MAX_NOTE, "email": 254}  # RFC 5321 section 4.5.3.1

Table = Literal["area", "organisation", "plan", "camera"]


class Entry(NamedTuple):
    """Which entry of the registry; `part` counts a camera's places."""

    table: Table
    key: str
    part: int = 0


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field of one entry."""

    entry: Entry
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.entry.table} {self.entry.key}, {self.field}: {self.message}"


def problems(registry: Registry) -> list[Problem]:
    """All that is wrong with the registry; nothing for a sound one."""
    found = [*_doubles("area", (each.code for each in registry.areas))]
    found += _doubles("organisation", (each.code for each in registry.organisations))
    found += _doubles("plan", (each.code for each in registry.plans))
    found += _doubles("camera", (camera_text(each) for each in registry.cameras))
    codes = _Codes(registry)
    for area in registry.areas:
        found += _area_problems(area, codes)
    for organisation in registry.organisations:
        found += _organisation_problems(organisation)
    for plan in registry.plans:
        found += _plan_problems(plan, codes)
    for camera in registry.cameras:
        found += _camera_problems(camera, codes)
    return found


def camera_text(camera: Camera) -> str:
    """A camera as people name it: NODE/CAMERA."""
    return f"{camera.node}/{camera.name}"


class _Codes:
    """The entries by code, and words for a code that is none."""

    def __init__(self, registry: Registry) -> None:
        self.areas = {each.code: each for each in registry.areas}
        self.organisations = {each.code: each for each in registry.organisations}
        self.plans = {each.code: each for each in registry.plans}

    @staticmethod
    def missing(what: str, code: str, known: Iterable[str]) -> str:
        near = get_close_matches(code, known, n=1)
        return f"there is no {what} {code!r}" + (f"; {near[0]}?" if near else "")


def _doubles(table: Table, keys: Iterable[str]) -> Iterator[Problem]:
    for key, count in Counter(keys).items():
        if count > 1:
            yield Problem(Entry(table, key), "code", f"{count} entries have it")


def _text_problems(
    entry: Entry, fields: Iterable[tuple[str, str]], *, needed: str = ""
) -> Iterator[Problem]:
    for field, text in fields:
        longest = _LONGEST.get(field, MAX_NAME)
        if field == needed and not text.strip():
            yield Problem(entry, field, "it is empty")
        elif len(text) > longest:
            yield Problem(entry, field, f"{len(text)} characters, at most {longest}")
        elif any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in text):
            yield Problem(entry, field, "line breaks and control characters cannot stand in it")


def _code_problems(entry: Entry, code: str) -> Iterator[Problem]:
    if not re.fullmatch(CODE_PATTERN, code):
        yield Problem(
            entry, "code", f"{code[:60]!r} is none: lower-case letters, digits and -, at most 40"
        )


def _area_problems(area: Area, codes: _Codes) -> Iterator[Problem]:
    entry = Entry("area", area.code)
    yield from _code_problems(entry, area.code)
    yield from _text_problems(entry, [("name", area.name)], needed="name")
    if area.kind not in AREA_KINDS:
        yield Problem(entry, "kind", f"{area.kind!r} is none of {', '.join(AREA_KINDS)}")
        return
    yield from _parent_problems(area, codes)
    if area.from_day and area.until_day and area.from_day >= area.until_day:
        yield Problem(entry, "until", "it must be later than from")
    if area.into is not None:
        yield from _into_problems(area, codes)


def _parent_problems(area: Area, codes: _Codes) -> Iterator[Problem]:
    entry = Entry("area", area.code)
    if area.parent is None:
        if area.kind != "town":
            yield Problem(entry, "parent", f"a {area.kind} needs one")
        return
    parent = codes.areas.get(area.parent)
    if parent is None:
        yield Problem(entry, "parent", codes.missing("area", area.parent, codes.areas))
        return
    if parent.kind in AREA_KINDS and _rank(parent) >= _rank(area):
        yield Problem(entry, "parent", f"a {area.kind} is not within a {parent.kind}")
    if parent.until_day and (area.until_day is None or area.until_day > parent.until_day):
        yield Problem(
            entry, "until", f"its parent {parent.code} ends on {parent.until_day};"
            " end this one by then too, or give it another parent",
        )  # fmt: skip


def _into_problems(area: Area, codes: _Codes) -> Iterator[Problem]:
    entry = Entry("area", area.code)
    if area.until_day is None:
        yield Problem(
            entry, "into", "only an area that ends, with a day in until, goes into another"
        )
    seen, at = {area.code}, area.into
    while at is not None:
        if at in seen:
            yield Problem(entry, "into", f"it leads back to {at}")
            return
        seen.add(at)
        target = codes.areas.get(at)
        if target is None:
            if at == area.into:
                yield Problem(entry, "into", codes.missing("area", at, codes.areas))
            return
        at = target.into


def _rank(area: Area) -> int:
    return AREA_KINDS.index(area.kind)


def _organisation_problems(organisation: Organisation) -> Iterator[Problem]:
    entry = Entry("organisation", organisation.code)
    yield from _code_problems(entry, organisation.code)
    texts = [
        (field, getattr(organisation, field))
        for field in ("name", "contact", "phone", "email", "note")
    ]
    yield from _text_problems(entry, texts, needed="name")
    if organisation.type not in ORGANISATION_TYPES:
        some = ", ".join(ORGANISATION_TYPES)
        yield Problem(entry, "type", f"{organisation.type!r} is none of {some}")
    if organisation.phone and not re.fullmatch(r"\+?[0-9][0-9 .()/-]{2,39}", organisation.phone):
        yield Problem(
            entry, "phone", f"{organisation.phone[:40]!r} is no number such as 0236 3822 113"
        )
    if organisation.email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", organisation.email):
        yield Problem(entry, "email", f"{organisation.email[:60]!r} is no address")


def _plan_problems(plan: Plan, codes: _Codes) -> Iterator[Problem]:
    entry = Entry("plan", plan.code)
    yield from _code_problems(entry, plan.code)
    yield from _text_problems(entry, [("name", plan.name)], needed="name")
    if plan.area is not None and plan.area not in codes.areas:
        yield Problem(entry, "area", codes.missing("area", plan.area, codes.areas))


def _camera_problems(camera: Camera, codes: _Codes) -> Iterator[Problem]:
    entry = Entry("camera", camera_text(camera))
    for field, text in (("node", camera.node), ("camera", camera.name)):
        if not re.fullmatch(names.CAMERA_PATTERN, text) and camera.places:
            yield Problem(
                entry, field, f"{text[:60]!r} is none: lower-case letters, digits and -, at most 32"
            )
    yield from _text_problems(entry, [("title", camera.title)])
    for part, place in enumerate(camera.places):
        yield from _place_problems(Entry(*entry[:2], part), place, codes)
    for part, (one, other) in enumerate(pairwise(camera.places), 1):
        if other.since_utc is None or (one.since_utc and one.since_utc >= other.since_utc):
            yield Problem(
                Entry(*entry[:2], part), "since", "it must be later than the place before"
            )


def _place_problems(entry: Entry, place: Place, codes: _Codes) -> Iterator[Problem]:
    if place.area is not None and place.area not in codes.areas:
        yield Problem(entry, "area", codes.missing("area", place.area, codes.areas))
    if place.organisation is not None and place.organisation not in codes.organisations:
        message = codes.missing("organisation", place.organisation, codes.organisations)
        yield Problem(entry, "organisation", message)
    if place.plan is not None and place.plan not in codes.plans:
        yield Problem(entry, "plan", codes.missing("plan", place.plan, codes.plans))
    given = [each is not None for each in (place.plan, place.x, place.y)]
    if any(given) and not all(given):
        yield Problem(entry, "plan", "plan, x and y are given together or not at all")
    for field, value in (("x", place.x), ("y", place.y)):
        if value is not None and not 0 <= value <= 1:
            yield Problem(entry, field, f"{value} is not from 0 to 1")
