"""One line of a trace to bytes and back: what was seen of a frame, or what became of it.

The layout is in docs/design/traces.md. Sizes are in pixels of the small picture, whose size the
chunk's head names; what needs no more is kept to a byte. Times are steps from the line before, in
tenths of a millisecond.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal

from edge.contract.parts import Box
from edge.motion.look import FULL, GRID_HEIGHT, GRID_WIDTH, PARTS, Look, LookKind, Shape, Thing
from edge.motion.tracks import Blob
from edge.trace.errors import TraceError
from edge.trace.packing import Bytes, put, put_signed, to_byte

TICK_NS = 100_000  # of times
MarkKind = Literal["lost", "event.started", "event.ended", "skipped"]
KINDS: tuple[LookKind, ...] = ("frame", "glance", "flash", "shake", "start")
CALM = 0x08  # of the first byte: nothing stirred, neither grid nor layers nor things follow
FIRST_MARK = 0x10
NOISE_UNIT, SHARP_UNIT, BYTE = 1 / 16, 1 / 128, 1 / 255
MAX_LAYERS, MAX_SHAPES, MAX_THINGS = 10, 32, 64
MAX_PX = 4096  # of the small picture, each way
_FLAT = PARTS * PARTS // 4  # bytes of a density, four to each

MARKS: tuple[MarkKind, ...] = ("lost", "event.started", "event.ended", "skipped")


@dataclass(frozen=True, slots=True)
class Mark:
    """What is no frame.

    `lost`: the camera's pictures ended. `skipped`: some were left out, for want of time.
    `event.started` and `event.ended`: the node made an event `event` that moved first, or last,
    at `mono_ns`.
    """

    mono_ns: int
    kind: MarkKind
    event: str = ""


Line = Look | Mark


def encode(line: Line, before_ns: int) -> bytes:
    """The line, whose predecessor was at `before_ns`."""
    out = bytearray(1)
    put_signed(out, _tick(line.mono_ns) - _tick(before_ns))
    if isinstance(line, Mark):
        out[0] = FIRST_MARK + MARKS.index(line.kind)
        if line.kind in ("event.started", "event.ended"):
            out += uuid.UUID(line.event).bytes
        return bytes(out)
    is_calm = not (line.grid or line.layers or line.things)
    out[0] = KINDS.index(line.kind) | (CALM if is_calm else 0)
    out.append(to_byte(line.brightness, 1.0))
    out.append(to_byte(line.noise, NOISE_UNIT))
    out.append(to_byte(line.changed, BYTE))
    if not is_calm:
        _put_grid(out, line)
        _put_layers(out, line)
        _put_things(out, line)
    return bytes(out)


def _put_grid(out: bytearray, look: Look) -> None:
    put(out, len(look.grid))
    before = -1
    for cell, count in look.grid:
        put(out, (cell - before - 1) << 4 | min(15, count))
        before = cell


def _put_layers(out: bytearray, look: Look) -> None:
    put(out, len(look.layers))
    for sensitivity, shapes in look.layers:
        put(out, sensitivity)
        put(out, len(shapes))
        for shape in shapes:
            _put_shape(out, shape)


def _put_shape(out: bytearray, shape: Shape) -> None:
    blob = shape.blob
    for value in (blob.left, blob.top, blob.width - 1, blob.height - 1, blob.area_px):
        put(out, value)
    area = max(1, blob.area_px)
    out += bytes((
        to_byte((blob.x - blob.left) / blob.width, BYTE),
        to_byte((blob.y - blob.top) / blob.height, BYTE),
        to_byte(blob.core_px / area, BYTE),
        to_byte(blob.calm_px / area, BYTE),
        to_byte(blob.sharpness, SHARP_UNIT),
        to_byte(blob.novelty, BYTE),
        to_byte(blob.noise, NOISE_UNIT),
    ))  # fmt: skip
    density = shape.density
    out += bytes(
        density[at] | density[at + 1] << 2 | density[at + 2] << 4 | density[at + 3] << 6
        for at in range(0, 4 * _FLAT, 4)
    )


def _put_things(out: bytearray, look: Look) -> None:
    put(out, len(look.things))
    for thing in look.things:
        put(out, thing.number << 1 | thing.is_moving)
        out += bytes(to_byte(value, BYTE) for value in thing.box)


def decode(data: Bytes, before_ns: int) -> Line:
    """The next line. Raises TraceError for what no node wrote."""
    head = data.byte()
    mono_ns = (_tick(before_ns) + data.signed()) * TICK_NS
    if not 0 <= mono_ns < 1 << 63:
        raise TraceError("a time that no clock shows")
    if head >= FIRST_MARK:
        return _mark(data, head - FIRST_MARK, mono_ns)
    if head & 0x07 >= len(KINDS):
        raise TraceError(f"line of unknown kind {head}")
    brightness, noise, changed = data.take(3)
    is_calm = bool(head & CALM)
    return Look(
        mono_ns=mono_ns,
        kind=KINDS[head & 0x07],
        brightness=float(brightness),
        noise=noise * NOISE_UNIT,
        changed=changed * BYTE,
        grid=() if is_calm else _grid(data),
        layers=() if is_calm else _layers(data),
        things=() if is_calm else _things(data),
    )


def _mark(data: Bytes, number: int, mono_ns: int) -> Mark:
    if number >= len(MARKS):
        raise TraceError(f"mark of unknown kind {number}")
    kind = MARKS[number]
    is_event = kind in ("event.started", "event.ended")
    return Mark(mono_ns, kind, str(uuid.UUID(bytes=data.take(16))) if is_event else "")


def _grid(data: Bytes) -> tuple[tuple[int, int], ...]:
    cells = []
    cell = -1
    for _ in range(_count(data, GRID_WIDTH * GRID_HEIGHT)):
        value = data.number()
        cell += (value >> 4) + 1
        if cell >= GRID_WIDTH * GRID_HEIGHT:
            raise TraceError("a cell beyond the grid")
        cells.append((cell, value & 0x0F))
    return tuple(cells)


def _layers(data: Bytes) -> tuple[tuple[int, tuple[Shape, ...]], ...]:
    found = []
    for _ in range(_count(data, MAX_LAYERS)):
        sensitivity = data.byte()
        shapes = tuple(_shape(data) for _ in range(_count(data, MAX_SHAPES)))
        found.append((sensitivity, shapes))
    return tuple(found)


def _shape(data: Bytes) -> Shape:
    left, top, width, height, area_px = (data.number() for _ in range(5))
    width, height = width + 1, height + 1
    if max(left + width, top + height) > MAX_PX or area_px > width * height:
        raise TraceError("a region that no picture holds")
    x, y, core, calm, sharpness, novelty, noise = data.take(7)
    area = max(1, area_px)
    blob = Blob(
        left=left, top=top, width=width, height=height,
        x=left + x * BYTE * width, y=top + y * BYTE * height,
        area_px=area_px, core_px=round(core * BYTE * area), calm_px=round(calm * BYTE * area),
        sharpness=sharpness * SHARP_UNIT, novelty=novelty * BYTE, noise=noise * NOISE_UNIT,
        zones=0,
    )  # fmt: skip
    packed = data.take(_FLAT)
    return Shape(blob, bytes(each >> shift & FULL for each in packed for shift in (0, 2, 4, 6)))


def _things(data: Bytes) -> tuple[Thing, ...]:
    found = []
    for _ in range(_count(data, MAX_THINGS)):
        number = data.number()
        left, top, width, height = data.take(4)
        box: Box = (left * BYTE, top * BYTE, width * BYTE, height * BYTE)
        found.append(Thing(number >> 1, bool(number & 1), box))
    return tuple(found)


def _count(data: Bytes, most: int) -> int:
    count = data.number()
    if count > most:
        raise TraceError(f"{count} of what there are at most {most} of")
    return count


def _tick(mono_ns: int) -> int:
    return mono_ns // TICK_NS
