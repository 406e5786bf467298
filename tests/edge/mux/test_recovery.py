"""Clips that a crash left open: complete up to the last fragment on the disk, or nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.base.durable import part_path
from edge.media import nal
from edge.mux.clip import ClosedClip
from edge.mux.mp4 import ClipWriter
from edge.mux.recovery import inspect, recover, recover_leftovers
from edge.mux.spool import Spool
from tests.edge.mux.streams import EVENT, decode_errors, encode, head, read_packets, sha256, steady

ROOT = Path(__file__).parents[3]
PACKETS = encode(times_s=steady(8), b_frames=2)
NALS = [list(nal.units(each.data)) for each in PACKETS]


def file_nals(path: Path) -> list[list[bytes]]:
    """The NAL units of each packet in a clip."""
    return [list(nal.units(each.data, 4)) for each in read_packets(path)]


def open_clip(path: Path) -> ClipWriter:
    """A clip that is still being written: all packets taken, all written but not closed."""
    writer = ClipWriter(path, PACKETS[0], head(PACKETS[0]))
    for packet in PACKETS:
        writer.write(packet)
    writer.flush()
    return writer


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, ClosedClip]:
    """The bytes of a clip before and after closing, and what closing said of it."""
    path = tmp_path_factory.mktemp("whole") / "clip.mp4"
    writer = open_clip(path)
    opened = writer.part_path.read_bytes()
    clip = writer.close()
    return opened, path.read_bytes(), clip


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """Where an open clip is."""
    return part_path(tmp_path / "clip.mp4")


def test_an_open_clip_becomes_the_one_that_closing_would_have_made(
    part: Path, states: tuple[bytes, bytes, ClosedClip]
) -> None:
    """A crash after the last fragment costs not a byte, and nothing that is known of the clip."""
    part.write_bytes(states[0])
    clip = recover(part)
    assert clip is not None
    assert clip.path.read_bytes() == states[1]
    assert (clip.sha256, clip.head, clip.packets) == (
        states[2].sha256,
        states[2].head,
        states[2].packets,
    )
    assert clip.duration_ms == states[2].duration_ms
    assert not part.exists()


def test_a_crash_while_closing_costs_nothing(
    part: Path, states: tuple[bytes, bytes, ClosedClip]
) -> None:
    """Whichever of the writes of closing took place, in whole or in part, recovery ends alike."""
    opened, closed, _ = states
    changed = [at for at in range(len(opened)) if opened[at] != closed[at]]
    for cut in changed[:: len(changed) // 50]:
        part.write_bytes(closed[:cut] + opened[cut:])
        assert recover(part) is not None
        assert part.with_suffix("").read_bytes() == closed


def test_a_clip_cut_anywhere_is_complete_up_to_its_last_fragment(
    part: Path, states: tuple[bytes, bytes, ClosedClip]
) -> None:
    """At every length a crash may leave, recovery gives a prefix of whole pictures or nothing."""
    opened, counts = states[0], []
    for length in range(0, len(opened), 97):
        part.write_bytes(opened[:length])
        clip = recover(part)
        counts.append(clip.packets if clip else 0)
        if clip is None:
            continue
        if counts[-1] != counts[-2]:
            assert file_nals(clip.path) == NALS[: clip.packets]
            assert decode_errors(clip.path) == ""
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert len(set(counts)) >= 5


@given(st.data())
def test_a_tail_that_was_never_written_is_not_taken_for_pictures(
    states: tuple[bytes, bytes, ClosedClip],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    """Blocks of zeros or of old rubbish, which power cuts leave, end the clip before them."""
    opened = bytearray(states[0])
    block = data.draw(st.integers(0, len(opened) // 512 - 1)) * 512
    size = data.draw(st.sampled_from([1, 512, 4096]))
    rubbish = data.draw(st.sampled_from([b"\0", b"\xff", b"moof"])) * size
    opened[block : block + size] = rubbish[: len(opened[block : block + size])]
    path = part_path(tmp_path_factory.mktemp("torn") / "clip.mp4")
    path.write_bytes(opened)
    clip = recover(path)
    if clip is not None:
        assert file_nals(clip.path) == NALS[: clip.packets]


@given(st.binary(max_size=3000))
def test_any_other_file_is_reported_as_holding_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """Recovery meets whatever lies in the spool, and leaves what is not its own."""
    path = part_path(tmp_path_factory.mktemp("other") / "clip.mp4")
    path.write_bytes(data)
    assert recover(path) is None
    assert path.read_bytes() == data


def test_a_complete_clip_says_itself_what_it_is(
    tmp_path: Path, states: tuple[bytes, bytes, ClosedClip]
) -> None:
    """A clip that was closed but not yet journalled can be adopted after a crash."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(states[1])
    clip = inspect(path)
    assert clip is not None
    assert (clip.sha256, clip.head, clip.packets, clip.size_bytes) == (
        states[2].sha256,
        states[2].head,
        states[2].packets,
        states[2].size_bytes,
    )
    path.write_bytes(b"no clip")
    assert inspect(path) is None


CHILD = """
    import itertools, sys
    from pathlib import Path
    from tests.edge.mux.streams import encode, head, steady, EVENT
    from edge.mux.mp4 import ClipWriter

    spool = Path(sys.argv[1])
    packets = encode(times_s=steady(8), b_frames=2)
    print("ready", flush=True)
    for part in itertools.count():
        writer = ClipWriter(spool / f"{EVENT}.{part}.mp4", packets[0], head(packets[0], part=part))
        for packet in packets:
            writer.write(packet)
            writer.sync()
        writer.close()
"""


@pytest.mark.system
def test_a_killed_writer_leaves_whole_clips_and_one_that_can_be_recovered(tmp_path: Path) -> None:
    """SIGKILL at random moments: every visible clip is whole, every open one a prefix or empty."""
    moments, recovered = random.Random(7), 0
    for turn in range(12):
        folder = tmp_path / str(turn)
        folder.mkdir()
        command = [sys.executable, "-c", textwrap.dedent(CHILD), str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            try:
                child.wait(moments.uniform(0.005, 0.15))
            except subprocess.TimeoutExpired:
                os.kill(child.pid, signal.SIGKILL)
        spool = Spool(folder, quota_bytes=2**30, on_lost=lambda _: None)
        whole = [each.path for each in spool.files()]
        for path in whole:
            assert file_nals(path) == NALS
        clips = recover_leftovers(spool)
        recovered += len(clips)
        for clip in clips:
            assert file_nals(clip.path) == NALS[: clip.packets]
            assert clip.sha256 == sha256(clip.path)
            assert clip.event == EVENT
            assert decode_errors(clip.path) == ""
        assert spool.leftovers() == []
    assert recovered > 0
