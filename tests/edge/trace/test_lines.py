"""Lines of a trace: what goes in comes out, to the stated step, and nothing breaks a reader."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.motion.look import GRID_HEIGHT, GRID_WIDTH, PARTS, Look, Shape, Thing
from edge.motion.tracks import Blob
from edge.trace import lines
from edge.trace.errors import TraceError
from edge.trace.lines import BYTE, MARKS, NOISE_UNIT, SHARP_UNIT, TICK_NS, Mark
from edge.trace.packing import Bytes, put, put_signed
from tests.edge.trace import made

moments = st.integers(0, 10**13).map(lambda tick: tick * TICK_NS)
share = st.floats(0, 1)


@st.composite
def blobs(draw: st.DrawFn) -> Blob:
    """Any region of a picture of 320 x 180."""
    left, top = draw(st.integers(0, 318)), draw(st.integers(0, 178))
    width, height = draw(st.integers(1, 320 - left)), draw(st.integers(1, 180 - top))
    area_px = draw(st.integers(1, width * height))
    core_px = draw(st.integers(0, area_px))
    return Blob(
        left=left, top=top, width=width, height=height,
        x=left + draw(share) * width, y=top + draw(share) * height,
        area_px=area_px, core_px=core_px, calm_px=draw(st.integers(0, core_px)),
        sharpness=draw(st.floats(0, 1.9)), novelty=draw(share), noise=draw(st.floats(0, 15)),
        zones=0,
    )  # fmt: skip


shapes = st.builds(
    Shape, blobs(), st.lists(st.integers(0, 3), min_size=PARTS**2, max_size=PARTS**2).map(bytes)
)
cells = st.dictionaries(st.integers(0, GRID_WIDTH * GRID_HEIGHT - 1), st.integers(1, 6))
looks = st.builds(
    Look,
    mono_ns=moments,
    kind=st.sampled_from(lines.KINDS),
    brightness=st.floats(0, 255),
    noise=st.floats(0, 15),
    changed=share,
    grid=cells.map(lambda found: tuple(sorted(found.items()))),
    layers=st.lists(
        st.tuples(st.integers(1, 10), st.lists(shapes, max_size=12).map(tuple)), max_size=6
    ).map(tuple),
    things=st.lists(
        st.builds(Thing, st.integers(0, 10**6), st.booleans(), st.tuples(*[share] * 4)),
        max_size=32,
    ).map(tuple),
)  # fmt: skip
marks = st.builds(Mark, moments, st.sampled_from(MARKS), st.uuids().map(str)).map(
    lambda mark: mark if mark.kind.startswith("event") else Mark(mark.mono_ns, mark.kind)
)


@given(looks, moments)
def test_a_look_comes_back_to_within_the_stated_steps(look: Look, before_ns: int) -> None:
    """What a re-run needs survives the few bytes that it is kept in."""
    data = Bytes(lines.encode(look, before_ns))
    found = lines.decode(data, before_ns)
    assert data.is_at_end and isinstance(found, Look)
    assert (found.mono_ns, found.kind, found.grid) == (look.mono_ns, look.kind, look.grid)
    assert found.brightness == pytest.approx(look.brightness, abs=0.5)
    assert found.noise == pytest.approx(look.noise, abs=NOISE_UNIT / 2)
    assert [each for each, _ in found.layers] == [each for each, _ in look.layers]
    for (_, ours), (_, theirs) in zip(found.layers, look.layers, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            check_shape(one, other)
    for thing, drawn in zip(found.things, look.things, strict=True):
        assert (thing.number, thing.is_moving) == (drawn.number, drawn.is_moving)
        assert thing.box == pytest.approx(drawn.box, abs=BYTE / 2)


def check_shape(found: Shape, drawn: Shape) -> None:
    """Boxes and areas exactly, the rest to a byte."""
    one, other = found.blob, drawn.blob
    assert found.density == drawn.density
    assert (one.left, one.top, one.width, one.height) == (
        other.left, other.top, other.width, other.height,
    )  # fmt: skip
    assert one.area_px == other.area_px
    assert one.x == pytest.approx(other.x, abs=other.width * BYTE / 2 + 1e-9)
    assert one.core_px == pytest.approx(other.core_px, abs=other.area_px * BYTE / 2 + 0.5)
    assert one.sharpness == pytest.approx(other.sharpness, abs=SHARP_UNIT / 2)
    assert one.novelty == pytest.approx(other.novelty, abs=BYTE / 2)


@given(marks, moments)
def test_a_mark_comes_back_as_it_was(mark: Mark, before_ns: int) -> None:
    """Events are found again by their own id, whatever became of the clocks."""
    data = Bytes(lines.encode(mark, before_ns))
    assert lines.decode(data, before_ns) == mark
    assert data.is_at_end


@given(st.binary(max_size=200))
def test_any_bytes_are_lines_or_refused(data: bytes) -> None:
    """A reader survives whatever it is given, with one kind of error."""
    reader, before_ns = Bytes(data), 0
    try:
        while not reader.is_at_end:
            before_ns = lines.decode(reader, before_ns).mono_ns
    except TraceError:
        pass


@given(st.lists(st.integers(-(2**62), 2**62 - 1)))
def test_numbers_come_back(values: list[int]) -> None:
    """Small ones in one byte, of either sign."""
    out = bytearray()
    for value in values:
        put_signed(out, value)
        put(out, abs(value))
    data = Bytes(bytes(out))
    for value in values:
        assert (data.signed(), data.number()) == (value, abs(value))
    assert data.is_at_end


def test_a_quiet_frame_takes_six_bytes() -> None:
    """What a node keeps while nothing stirs is next to nothing."""
    assert len(lines.encode(made.look(10.1), round(10e9))) == 6


def test_an_event_is_named_by_its_id() -> None:
    """A UUID takes its sixteen bytes."""
    mark = Mark(0, "event.ended", str(uuid.UUID(int=7)))
    assert len(lines.encode(mark, 0)) == 18
