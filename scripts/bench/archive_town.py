"""A town for the archive's benchmark: its registry, and what its cameras see over five years.

Skewed as towns are: a few cameras see most, days have their hours, cameras come and go, most
events are never looked at, and a word such as `xe` stands in many notes. The same seed makes the
same town.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from hub.archive.registry_values import (
    ORGANISATION_TYPES,
    Area,
    Camera,
    Organisation,
    Place,
    Registry,
)

END_UTC = datetime(2026, 11, 1, 17, tzinfo=UTC)  # midnight in Vietnam
DAYS = 5 * 365
DAY_MS = 86_400_000
CAMERAS, NODES, GROUPS, CLUSTERS, ORGANISATIONS = 1000, 400, 40, 200, 47
HOURS = (1, 1, 1, 1, 2, 5, 9, 12, 8, 6, 6, 8, 7, 6, 6, 8, 11, 14, 11, 8, 6, 4, 3, 2)  # local
NAMES = ("cong", "san", "duong", "hem", "kho", "bai-xe", "cua-truoc", "cua-sau")
ZONES = ("cong", "loi-di", "via-he", "bai-xe", "cua", "tuong-rao", "long-duong", "kho")
STREETS = (
    "Nguyễn Lương Bằng", "Đường Đào", "Hoàng Văn Thái", "Âu Cơ", "Trần Hưng Đạo", "Điện Biên Phủ",
    "Lê Duẩn", "Ngô Thì Nhậm", "Phạm Như Xương", "Tôn Đức Thắng", "Kinh Dương Vương", "Đồng Kè",
)  # fmt: skip
WHO = (
    "hai người lạ",
    "một thanh niên",
    "xe tải",
    "xe máy",
    "nhóm học sinh",
    "người đi bộ",
    "con chó",
)
DID = (
    "đỗ sai chỗ", "đi qua", "trèo tường", "để lại túi đồ", "gây ồn", "đã nhắc nhở", "nhầm nhà",
    "báo công an phường", "lấy trộm biển báo", "rải tờ rơi",
)  # fmt: skip
LABELS = ("person", "vehicle", "animal")


@dataclass(frozen=True)
class Watcher:
    """A camera with its habits; times in milliseconds."""

    id: int
    node_id: int
    node: str
    name: str
    zones: tuple[str, ...]
    weight: float
    from_ms: int
    until_ms: int


@dataclass(frozen=True)
class Seen:
    """An event to be filled in."""

    watcher: Watcher
    started_ms: int
    duration_ms: int
    kind: str
    zones: tuple[str, ...]
    label: str | None
    mark: str
    note: str | None


def registry(rng: random.Random) -> Registry:
    """Areas, 47 organisations, and 1,000 cameras, some of which were moved once."""
    areas = [Area("phuong", "town", "Phường Liên Chiểu")]
    areas += [Area(f"to-{n}", "group", f"Tổ dân phố {n}", "phuong") for n in range(GROUPS)]
    areas += [
        Area(f"cum-{n}", "cluster", f"Cụm {n} {STREETS[n % len(STREETS)]}", f"to-{n % GROUPS}")
        for n in range(CLUSTERS)
    ]
    organisations = [
        Organisation(
            f"don-vi-{n}", f"Đơn vị {n} {rng.choice(STREETS)}", rng.choice(ORGANISATION_TYPES)
        )
        for n in range(ORGANISATIONS)
    ]
    cameras = []
    for number in range(CAMERAS):
        places = [_place(rng, None)]
        if rng.random() < 0.05:
            places.append(_place(rng, END_UTC - timedelta(days=rng.randrange(1, DAYS))))
        name = f"{NAMES[number % len(NAMES)]}-{number // NODES}"
        title = f"{rng.choice(('Cổng', 'Ngã ba', 'Sân', 'Hẻm'))} {rng.choice(STREETS)}"
        cameras.append(Camera(f"node-{number % NODES}", name, title, tuple(places)))
    return Registry(
        0,
        tuple(sorted(areas, key=lambda each: each.code)),
        tuple(sorted(organisations, key=lambda each: each.code)),
        (),
        tuple(sorted(cameras, key=lambda each: each.key)),
    )


def _place(rng: random.Random, since_utc: datetime | None) -> Place:
    owner = f"don-vi-{rng.randrange(ORGANISATIONS)}" if rng.random() < 0.6 else None
    return Place(since_utc, f"cum-{int(CLUSTERS * rng.random() ** 1.5)}", owner)


def watchers(rng: random.Random, rows: list[tuple[int, int, str, str]]) -> list[Watcher]:
    """Habits for cameras of (id, node id, node, name)."""
    end_ms = int(END_UTC.timestamp() * 1000)
    found = []
    for camera_id, node_id, node, name in rows:
        from_ms = end_ms - DAYS * DAY_MS + int(rng.random() ** 2 * 3 * 365) * DAY_MS
        until_ms = end_ms if rng.random() > 0.06 else from_ms + rng.randrange(90, 700) * DAY_MS
        zones = tuple(rng.sample(ZONES, rng.randrange(1, 4)))
        weight = min(40.0, rng.paretovariate(1.1))
        found.append(
            Watcher(camera_id, node_id, node, name, zones, weight, from_ms, min(end_ms, until_ms))
        )
    return found


def events(rng: random.Random, cameras: list[Watcher], number: int) -> Iterator[Seen]:
    """So many events in the order of time, the last on the last day."""
    end_ms = int(END_UTC.timestamp() * 1000)
    first_ms = end_ms - DAYS * DAY_MS
    active = [
        [each for each in cameras if each.from_ms <= first_ms + day * DAY_MS < each.until_ms]
        for day in range(DAYS)
    ]
    loads = [sum(each.weight for each in there) * rng.uniform(0.7, 1.3) for there in active]
    total, left, done = sum(loads), number, 0.0
    for day, there in enumerate(active):
        done += loads[day]
        today = left - round(number * (1 - done / total)) if day < DAYS - 1 else left
        left -= today
        yield from _day(rng, there, first_ms + day * DAY_MS, today, is_last=day == DAYS - 1)


def _day(
    rng: random.Random, cameras: list[Watcher], start_ms: int, number: int, *, is_last: bool
) -> Iterator[Seen]:
    if not cameras:
        return
    hours = rng.choices(range(24), HOURS, k=number)
    times = sorted(start_ms + hour * 3_600_000 + rng.randrange(3_600_000) for hour in hours)
    chosen = rng.choices(
        cameras, cum_weights=list(accumulate(each.weight for each in cameras)), k=number
    )
    for started_ms, watcher in zip(times, chosen, strict=True):
        yield _event(rng, watcher, started_ms, is_last=is_last)


def _event(rng: random.Random, watcher: Watcher, started_ms: int, *, is_last: bool) -> Seen:
    dice = rng.random()
    kind = "motion" if dice < 0.94 else "lost" if dice < 0.98 else "tampered"
    duration_ms = min(600_000, int(1000 * math.exp(rng.gauss(2.5, 0.9))))
    zones = watcher.zones[: 1 + int(rng.random() * len(watcher.zones))] if kind == "motion" else ()
    label = None
    if kind == "motion" and rng.random() < 0.6:
        label = rng.choices(LABELS, (50, 40, 10))[0]
    mark = "new"
    if not is_last and (dice := rng.random()) > 0.7:
        mark = "seen" if dice < 0.94 else "false_alarm" if dice < 0.98 else "confirmed"
    note = None
    if not is_last and rng.random() < 0.01:
        note = f"{rng.choice(WHO)} {rng.choice(DID)}, {rng.choice(STREETS)} số {rng.randrange(300)}"
    return Seen(watcher, started_ms, duration_ms, kind, zones, label, mark, note)
