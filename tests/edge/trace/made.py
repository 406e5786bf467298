"""Made looks: things that cross the small picture, as the detector would draw them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

from edge.contract.motion import MotionSettings
from edge.motion.look import Look, Shape, Thing
from edge.motion.tracks import Blob
from edge.trace.lines import Line
from edge.trace.segment import Head

WIDTH, HEIGHT, FPS = 320, 180, 10
LAYERS = (10, 7, 5, 3, 1)
BOOT = "ab" * 16
EVENT = "01a209db-b412-7d3d-8000-000000000001"


def blob(x: float, y: float, *, size: tuple[int, int] = (8, 20), fill: float = 0.8) -> Blob:
    """A thing in focus around a point."""
    width, height = size
    area_px = round(width * height * fill)
    return Blob(
        left=round(x - width / 2), top=round(y - height / 2), width=width, height=height, x=x, y=y,
        area_px=area_px, core_px=round(0.8 * area_px), calm_px=round(0.8 * area_px),
        sharpness=0.6, novelty=0.8, noise=1.0, zones=0,
    )  # fmt: skip


def look(
    second: float,
    blobs: list[Blob] | None = None,
    *,
    upto: int = 1,
    kind: str = "frame",
) -> Look:
    """What was seen at a second: `blobs` at every sensitivity from 10 down to `upto`."""
    shapes = tuple(Shape(each, bytes([3] * 16)) for each in blobs or ())
    return Look(
        mono_ns=round(second * 1e9),
        kind=kind,  # type: ignore[arg-type]
        brightness=100.0,
        noise=1.0,
        changed=0.0,
        grid=((70, 3),) if shapes else (),
        layers=tuple((each, shapes) for each in LAYERS if each >= upto) if shapes else (),
        things=tuple(Thing(number, True, _box(each)) for number, each in enumerate(blobs or ())),
    )


def _box(blob: Blob) -> tuple[float, float, float, float]:
    return (
        blob.left / WIDTH, blob.top / HEIGHT, blob.width / WIDTH, blob.height / HEIGHT,
    )  # fmt: skip


def crossing(
    first_s: float, *, seconds: float = 4.0, y: float = 90, upto: int = 1, first_x: float = 20.0,
    px_per_s: float = 30.0,
) -> list[Line]:  # fmt: skip
    """Somebody walks from left to right."""
    frames = range(round(seconds * FPS))
    return [
        look(first_s + n / FPS, [blob(first_x + px_per_s * n / FPS, y)], upto=upto) for n in frames
    ]


def together(one: list[Line], other: list[Line]) -> list[Line]:
    """Both at once, look by look; where only one has a look at a moment, that."""
    looks = {each.mono_ns: each for each in one}
    for each in other:
        before = looks.get(each.mono_ns)
        is_both = isinstance(before, Look) and isinstance(each, Look)
        looks[each.mono_ns] = _both(before, each) if is_both else each  # type: ignore[arg-type]
    return [looks[mono_ns] for mono_ns in sorted(looks)]


def _both(one: Look, other: Look) -> Look:
    layers = dict(one.layers)
    for each, shapes in other.layers:
        layers[each] = (*layers.get(each, ()), *shapes)
    things = tuple(
        dataclasses.replace(each, number=number)
        for number, each in enumerate((*one.things, *other.things))
    )
    return dataclasses.replace(
        one, layers=tuple(sorted(layers.items(), reverse=True)), things=things
    )


def still(first_s: float, seconds: float) -> list[Line]:
    """Nothing stirs."""
    return [look(first_s + n / FPS) for n in range(round(seconds * FPS))]


def head(
    *, node: str = "gate-3", camera: str = "gate", boot: str = BOOT, mono_s: float = 1000.0,
    utc: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC), clock: str = "synced",
    motion: MotionSettings | None = None,
) -> Head:  # fmt: skip
    """What a chunk of these looks says of itself."""
    return Head(
        node=node, camera=camera, boot=boot, mono_ns=round(mono_s * 1e9), utc=utc,
        clock=clock,  # type: ignore[arg-type]
        width=WIDTH, height=HEIGHT, layers=LAYERS, motion=motion or MotionSettings(), version="0",
    )  # fmt: skip
