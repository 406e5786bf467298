"""Where traces are kept: quota, reserve, recovery, and writing as seldom as promised."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.base import durable
from edge.base.clock import FakeClock
from edge.trace import segment, writer
from edge.trace.folder import TraceFolder
from edge.trace.lines import Line, Mark
from edge.trace.segment import Chunk, Head
from edge.trace.writer import TraceWriter
from tests import disks
from tests.edge.trace import made

SIZE = (made.WIDTH, made.HEIGHT)


@pytest.fixture
def folder(tmp_path: Path) -> TraceFolder:
    """With room for a few segments."""
    return TraceFolder(tmp_path / "traces", quota_bytes=10_000)


@pytest.fixture
def clock() -> FakeClock:
    """Moves only when told."""
    return FakeClock(mono_ns=10**12)


@pytest.fixture
def mount() -> Iterator[Callable[..., disks.Mount]]:
    """Makes real small disks."""
    with disks.mounts() as make:
        yield make


def make_writer(folder: TraceFolder, clock: FakeClock, camera: str = "gate") -> TraceWriter:
    """Of a node's camera."""

    def head(size: tuple[int, int]) -> Head:
        assert size == SIZE
        return made.head(camera=camera, mono_s=clock.mono_ns() / 1e9, utc=clock.utc())

    return TraceWriter(folder, camera, clock=clock, head=head)


def put(
    folder: TraceFolder, name: str, size_bytes: int, age_s: float, camera: str = "gate"
) -> Path:
    """A segment of some size, written some time ago."""
    path = folder.folder / camera / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(size_bytes))
    at = datetime(2026, 3, 1, tzinfo=UTC).timestamp() - age_s
    os.utime(path, (at, at))
    return path


def note(into: TraceWriter, lines: list[Line]) -> None:
    """As the analysis thread does."""
    for line in lines:
        into.note(line, SIZE)


def kept(folder: TraceFolder) -> list[Line]:
    """Every line of every complete segment."""
    return [
        line
        for file in folder.files()
        for chunk in segment.read(file.path.read_bytes())
        if isinstance(chunk, Chunk)
        for line in chunk.lines
    ]


def test_the_oldest_segments_go_first_whatever_camera_they_are_of(folder: TraceFolder) -> None:
    """One quota for all cameras; sent or not makes no difference."""
    put(folder, "00000001-aaaaaaaa.trace", 4000, 300)
    put(folder, "00000001-bbbbbbbb.sent.trace", 4000, 200, camera="yard")
    put(folder, "00000002-cccccccc.trace", 4000, 100)
    assert folder.make_room() == 4000
    assert [each.name for each in folder.files()] == [
        "00000001-bbbbbbbb.trace", "00000002-cccccccc.trace",
    ]  # fmt: skip
    assert folder.make_room(6000) == 4000


def test_numbers_go_on_after_a_restart_and_foreign_files_stay(tmp_path: Path) -> None:
    """A segment's number tells its place among its camera's."""
    folder = TraceFolder(tmp_path, quota_bytes=10_000)
    put(folder, "00000041-aaaaaaaa.sent.trace", 10, 0)
    stranger = put(folder, "notes.txt", 10, 0)
    with folder.begin("gate") as part:
        assert part.path.name.startswith("00000042-")
    folder.give_way(10**6)
    assert not folder.files()
    assert stranger.exists()


def test_a_segment_is_marked_once_the_hub_has_it(folder: TraceFolder) -> None:
    """By its name, so that no database is needed and nothing is sent twice."""
    put(folder, "00000001-aaaaaaaa.trace", 10, 0)
    (file,) = folder.files()
    folder.sent(file)
    (again,) = folder.files()
    assert (again.name, again.is_sent) == (file.name, True)


def test_what_a_crash_cut_short_keeps_its_whole_chunks(tmp_path: Path) -> None:
    """A torn tail is cut off at the next start; a segment with nothing whole goes."""
    whole = segment.encode(made.head(), made.crossing(1.0))
    (tmp_path / "gate").mkdir()
    torn = tmp_path / "gate" / "00000001-aaaaaaaa.trace.part"
    torn.write_bytes(whole + whole[: len(whole) // 2])
    empty = tmp_path / "gate" / "00000002-bbbbbbbb.trace.part"
    empty.write_bytes(whole[:50])
    folder = TraceFolder(tmp_path, quota_bytes=10_000)
    (file,) = folder.files()
    assert file.path.read_bytes() == whole
    assert not torn.exists() and not empty.exists()


def test_idle_lines_wait_for_an_hour(folder: TraceFolder, clock: FakeClock) -> None:
    """The card is not written while nothing happens: one chunk an hour."""
    into = make_writer(folder, clock)
    for minute in range(59):
        note(into, made.still(minute * 60, 1.0))
        clock.advance(60)
        into.write()
    assert list((folder.folder / "gate").glob("*")) == []
    clock.advance(61)
    into.write()
    (part,) = (folder.folder / "gate").glob("*")
    assert part.name.endswith(durable.PART_SUFFIX)
    clock.advance(3600)
    into.write()
    assert len(kept(folder)) == 590


def test_the_end_of_an_event_is_written_within_a_minute(
    folder: TraceFolder, clock: FakeClock
) -> None:
    """What tuning is about is soon safe: the segment's chunk survives a kill."""
    into = make_writer(folder, clock)
    clock.advance(writer.EVENT_S)
    note(into, [*made.crossing(1.0), Mark(round(5e9), "event.ended", made.EVENT)])
    into.write()
    again = TraceFolder(folder.folder, quota_bytes=10_000)  # after a kill
    assert isinstance(kept(again)[-1], Mark)


def test_the_end_of_a_run_closes_the_segment(folder: TraceFolder, clock: FakeClock) -> None:
    """Nothing is left in memory when the agent stops."""
    into = make_writer(folder, clock)
    note(into, made.still(0, 2.0))
    into.write(is_last=True)
    assert len(kept(folder)) == 20
    assert into.kept.lines == 20


def test_a_busy_scene_is_written_when_enough_waits(folder: TraceFolder, clock: FakeClock) -> None:
    """Memory is bounded without an event's end too."""
    into = make_writer(folder, clock)
    while not list((folder.folder / "gate").glob("*")):
        note(into, made.crossing(clock.mono_ns() / 1e9))
        clock.advance(4)
        into.write()
        assert clock.mono_ns() < 2 * 10**12
    assert into.kept.lost == 0


def test_a_full_disk_costs_traces_only_and_for_as_long_as_it_is_full(
    tmp_path: Path, clock: FakeClock, mount: Callable[..., disks.Mount]
) -> None:
    """Lines are lost and counted, the problem is told, what others keep there is not touched."""
    disk = mount(tmp_path / "disk", *disks.tmpfs("1M"))
    folder = TraceFolder(disk.path, quota_bytes=10**6)
    into = make_writer(folder, clock)
    filler = disk.fill(0)
    with filler.open("ab", buffering=0) as file:
        while disks.free_bytes(disk.path) and file.write(bytes(4096)):
            pass
    note(into, made.crossing(1.0))
    into.write(is_last=True)
    assert into.kept.lost == 40
    assert "are not kept" in into.problem
    filler.unlink()
    clock.advance(writer.AGAIN_S)
    note(into, made.crossing(400.0))
    into.write(is_last=True)
    assert into.problem == ""
    assert len(kept(folder)) == 40


def test_traces_leave_the_disk_its_reserve(
    tmp_path: Path, clock: FakeClock, mount: Callable[..., disks.Mount]
) -> None:
    """Before anything else lacks room, the traces that are there go, and no new ones come."""
    disk = mount(tmp_path / "disk", *disks.tmpfs("4M"))
    folder = TraceFolder(disk.path, quota_bytes=10**6, min_free_bytes=2**21)
    old = put(folder, "00000001-aaaaaaaa.trace", 1000, 300)
    into = make_writer(folder, clock)
    disk.fill(2**20)
    note(into, made.crossing(1.0))
    into.write(is_last=True)
    assert not old.exists()
    assert not folder.files()
    assert "nearly full" in into.problem


def test_traces_go_while_clips_fill_the_disk(
    tmp_path: Path, clock: FakeClock, mount: Callable[..., disks.Mount]
) -> None:
    """Whoever writes, and while nothing is traced: traces make room before it is needed."""
    disk = mount(tmp_path / "disk", *disks.tmpfs("4M"))
    folder = TraceFolder(disk.path, quota_bytes=10**6, min_free_bytes=2**20)
    old = put(folder, "00000001-aaaaaaaa.trace", 40_000, 300)
    new = put(folder, "00000002-bbbbbbbb.trace", 40_000, 200)
    into = make_writer(folder, clock)
    into.write()
    assert old.exists() and new.exists()
    disk.fill(2**20 - 60_000)
    into.write()
    assert not old.exists()


def test_a_disk_that_stays_broken_costs_no_memory(folder: TraceFolder, clock: FakeClock) -> None:
    """The oldest lines are given up; as many wait as are allowed."""
    into = make_writer(folder, clock)
    for number in range(3 * writer.MAX_WAITING_BYTES // (40 * 60)):
        note(into, made.crossing(4.0 * number))
    assert into.kept.lost > 0
    into.write(is_last=True)
    assert into.kept.lines < writer.MAX_WAITING_BYTES / 60
