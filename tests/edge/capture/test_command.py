"""A command as a camera: real children, good and bad ones."""

from __future__ import annotations

import itertools
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest

from edge.base.clock import SystemClock
from edge.capture.command import CommandSource
from edge.capture.errors import LostError, OpenError
from edge.media.packet import Packet
from tests.edge.capture.commands import (
    FPS,
    children_of,
    ffmpeg_command,
    is_running,
    own_children,
    python_command,
)
from tests.harness.patience import PATIENCE_S, wait_until

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="apt-get install ffmpeg")


Children = Callable[[], set[int]]


@pytest.fixture(autouse=True)
def children() -> Iterator[Children]:
    """Those started since the test began: other tests' may live in the same worker. Whatever a
    test does to its command, nothing of it is left."""
    before = own_children()
    yield lambda: own_children() - before
    assert own_children() - before == set()


def source_of(
    argv: list[str], stall_timeout_s: float = 60.0, fps: int | None = None
) -> CommandSource:
    return CommandSource(tuple(argv), SystemClock(), stall_timeout_s=stall_timeout_s, fps=fps)


@pytest.mark.parametrize(("codec", "name"), [("libx264", "h264"), ("libx265", "hevc")])
def test_a_command_gives_packets_until_it_ends(codec: str, name: str) -> None:
    """All but the last picture, whose end no other told; then it is lost, with how it ended."""
    more = ["-x265-params", "bframes=0:log-level=none"] if codec == "libx265" else []
    source = source_of(ffmpeg_command(*more, codec=codec, seconds=3))
    stream = source.open()
    packets: list[Packet] = []
    with pytest.raises(LostError, match="ended with status 0"):
        packets.extend(source.packets())
    assert len(packets) == 3 * FPS - 1
    assert (stream.codec, stream.width, stream.height) == (name, 320, 240)


def test_the_packets_begin_with_a_keyframe_and_keep_time() -> None:
    """Fifteen a second, whatever the pipe's jitter; every one decodes to a picture."""
    source = source_of(ffmpeg_command(), fps=FPS)
    stream = source.open()
    packets = list(itertools.islice(source.packets(), 40))
    source.close()
    assert [at for at, packet in enumerate(packets) if packet.is_keyframe] == [0, 15, 30]
    assert all(a.dts < b.dts for a, b in itertools.pairwise(packets))
    assert all(packet.pts == packet.dts and packet.stream is stream for packet in packets)
    span_s = float((packets[-1].pts - packets[0].pts) * stream.time_base)
    arrived_s = (packets[-1].arrival_mono_ns - packets[0].arrival_mono_ns) / 1e9
    assert span_s == pytest.approx(arrived_s, abs=0.3)
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = stream.extradata
    shown = [frame for packet in packets for frame in decoder.decode(av.Packet(packet.data))]
    assert len(shown) + len(decoder.decode(None)) == len(packets)


def test_a_missing_program_is_named_with_its_remedy() -> None:
    """The field of the settings, and what to do."""
    with pytest.raises(OpenError, match="command: there is no program camwatch-no-such") as caught:
        source_of(["camwatch-no-such-program"]).open()
    assert caught.value.reason == "not_found"
    assert "install" in caught.value.hint


def test_what_the_command_said_last_is_in_the_error_without_secrets() -> None:
    """Its status and its last line, with no password."""
    said = (
        "import sys; sys.stderr.write('first\\nno camera at rtsp://a:hunter2@h/x\\n'); sys.exit(3)"
    )
    with pytest.raises(OpenError) as caught:
        source_of(python_command(said)).open()
    assert "ended with status 3: no camera at rtsp://a:***@h/x" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_command_that_dies_is_lost(children: Children) -> None:
    """In mid-stream, with how it ended."""
    source = source_of(ffmpeg_command())
    source.open()
    packets = source.packets()
    next(packets)
    (child,) = children()
    os.kill(child, signal.SIGKILL)
    with pytest.raises(LostError, match="was ended by SIGKILL") as caught:
        list(packets)
    assert caught.value.reason == "ended"


def test_a_command_that_hangs_is_lost_after_the_stall_timeout_and_killed(
    children: Children,
) -> None:
    """SIGSTOP holds it; neither SIGTERM nor anything polite would end it."""
    source = source_of(ffmpeg_command(), stall_timeout_s=6.0)
    source.open()
    packets = source.packets()
    next(packets)
    (child,) = children()
    os.kill(child, signal.SIGSTOP)
    with pytest.raises(LostError) as caught:
        list(packets)
    assert caught.value.reason == "stalled"
    assert not is_running(child)


def test_a_command_that_never_writes_is_no_camera() -> None:
    """It answers nothing within the stall timeout, and ignores SIGTERM."""
    code = "import signal,time; signal.signal(15, signal.SIG_IGN); time.sleep(3600)"
    with pytest.raises(OpenError) as caught:
        source_of(python_command(code), stall_timeout_s=1.0).open()
    assert caught.value.reason == "no_video"


def test_a_flood_of_complaints_stops_neither_side() -> None:
    """More on standard error than any pipe holds, before and between pictures."""
    flood = "while :; do printf '%01000d\\n' 7 >&2 || exit; done & "
    line = flood + "exec " + shlex.join(ffmpeg_command())
    source = source_of(["sh", "-c", line])
    source.open()
    assert len(list(itertools.islice(source.packets(), 30))) == 30
    source.close()


def test_garbage_is_refused() -> None:
    """A command that writes something else, without an end, is not read for ever."""
    code = "import os\nwhile 1: os.write(1, os.urandom(65536))"
    with pytest.raises(OpenError) as caught:
        source_of(python_command(code)).open()
    assert caught.value.reason == "broken"


def test_b_frames_are_refused_with_the_remedy() -> None:
    """Their times of showing are in no such stream."""
    argv = [word for word in ffmpeg_command() if word not in ("-tune", "zerolatency")]
    argv[-1:] = ["-bf", "2", "-"]
    with pytest.raises(OpenError) as caught:
        source_of(argv).open()
    assert caught.value.reason == "unsupported"
    assert "-bf 0" in caught.value.hint


def test_b_frames_of_h265_are_refused_too() -> None:
    """Told by its parameter sets."""
    argv = ffmpeg_command("-x265-params", "bframes=2:log-level=none", codec="libx265")
    argv = [word for word in argv if word not in ("-tune", "zerolatency")]
    with pytest.raises(OpenError, match="B-frames"):
        source_of(argv).open()


def test_closing_from_another_thread_ends_it_soon(children: Children) -> None:
    """Even while it is silent, and long before that counts as a stall."""
    source = source_of(ffmpeg_command(), stall_timeout_s=3600)
    source.open()
    packets = source.packets()
    next(packets)
    (child,) = children()
    os.kill(child, signal.SIGSTOP)
    closer = threading.Timer(0.2, source.close)
    closer.start()
    assert len(list(packets)) < 30
    closer.join()
    assert not is_running(child)


def test_closing_what_was_opened_and_never_read_leaves_nothing() -> None:
    """A probe that gives up."""
    source = source_of(ffmpeg_command())
    source.open()
    source.close()
    assert list(source.packets()) == []


def test_what_the_command_started_goes_with_it() -> None:
    """Its process group is ended as a whole."""
    line = "sleep 61 & echo $! >&2; exec " + shlex.join(ffmpeg_command(seconds=1))
    source = source_of(["sh", "-c", line])
    source.open()
    with pytest.raises(LostError) as caught:
        list(source.packets())
    grandchild = int(str(caught.value).rpartition(":")[2])
    wait_until(lambda: not is_running(grandchild), PATIENCE_S)


def test_memory_does_not_grow_while_nobody_reads(children: Children) -> None:
    """The child waits at its pipe instead."""
    code = "import os\nwhile 1: os.write(1, b'\\0\\0\\0\\1\\x67' + bytes(65000))"
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    source = source_of(python_command(code))
    with pytest.raises(OpenError):
        source.open()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 256 * 1024
    fast = ffmpeg_command()
    fast.remove("-re")
    source = source_of(fast)
    source.open()
    packets = source.packets()
    next(packets)
    (child,) = children()
    seen = [rest(child)]

    def rests() -> bool:
        """The same for a second: it sleeps, and has not run meanwhile."""
        time.sleep(0.1)
        seen.append(rest(child))
        return len(set(seen[-10:])) == 1 and len(seen) >= 10 and seen[-1][0] == "S"

    wait_until(rests, PATIENCE_S)
    source.close()
    list(packets)


def runs(pids: list[int], name: str) -> bool:
    """Whether the one process of `pids` has become that program."""
    return [Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() for pid in pids] == [name]


def rest(pid: int) -> tuple[str, int]:
    """A process's state and the processor time that it has used, in ticks; proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return fields[0], int(fields[11]) + int(fields[12])


@pytest.mark.skipif(not shutil.which("setpriv"), reason="util-linux without setpriv")
def test_a_killed_agent_leaves_no_child() -> None:
    """SIGKILL of the process that reads: the kernel ends the command, even one that hangs."""
    code = (
        "import sys, threading, time\n"
        "from edge.base.clock import SystemClock\n"
        "from edge.capture.command import CommandSource\n"
        f"argv = {('sh', '-c', 'exec sleep 300')!r}\n"
        "source = CommandSource(argv, SystemClock(), stall_timeout_s=60)\n"
        "thread = threading.Thread(target=source.open); thread.start()\n"
        "print('up', flush=True); thread.join()\n"
    )
    agent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert agent.stdout is not None
    with agent.stdout:
        assert agent.stdout.readline() == b"up\n"
        wait_until(lambda: runs(children_of(agent.pid), "sleep"), PATIENCE_S)
        (child,) = children_of(agent.pid)
        agent.kill()
        agent.wait()
    wait_until(lambda: not is_running(child), PATIENCE_S)
