"""Runs inside the node's unit in place of the node: tries what it must and must not be able to do.

Prints one JSON object: what was tried, and `ok` or the errno's name.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import resource
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

STATE = Path("/var/lib/camwatch-edge")
CLONE_NEWUSER = 0x10000000
SCHED_FIFO = 1
libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """A function of the C library that returns -1 for an error."""
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def write(path: str) -> None:
    """Make a file."""
    Path(path).write_text("x", encoding="ascii")


def execute(folder: str) -> None:
    """Start a program that lies there."""
    path = Path(folder) / "program"
    path.write_bytes(Path("/bin/true").read_bytes())
    path.chmod(0o700)
    subprocess.run([str(path)], check=True)


def writable_code() -> None:
    """Memory that is written and executed."""
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def set_id() -> None:
    """A program that runs as its owner."""
    path = STATE / "set-id"
    path.write_bytes(b"")
    path.chmod(0o4755)


def database() -> None:
    """SQLite as the journal uses it."""
    db = sqlite3.connect(STATE / "probe.db")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE IF NOT EXISTS t (x)")
    db.commit()
    db.close()


def encode() -> None:
    """H.264 by libx264, and back."""
    import av
    import numpy as np

    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        with av.open(file.name, "w") as out:
            stream = out.add_stream("libx264", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
            for _ in range(5):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
            out.mux(stream.encode())
        with av.open(file.name) as found:
            assert sum(1 for _ in found.decode(video=0)) == 5


def sign() -> None:
    """Ed25519."""
    from edge.keys import PrivateKey

    PrivateKey(bytes(32)).sign(b"x")


def label() -> None:
    """The model's process, with its limits."""
    import numpy as np

    from edge.classify.process import ModelProcess
    from edge.config.classify import ClassifySettings

    settings = ClassifySettings(model="/etc/camwatch/model.onnx", input_px=64, classes=("a", "b"))
    process = ModelProcess(settings, 2)
    try:
        process.load()
        process.look(np.zeros((64, 64, 3), np.uint8).tobytes())
        assert os.getpriority(os.PRIO_PROCESS, process._child.pid) == 19
        limits = Path(f"/proc/{process._child.pid}/limits").read_text(encoding="ascii")
        assert "Max address space         unlimited" not in limits
        score = Path(f"/proc/{process._child.pid}/oom_score_adj").read_text(encoding="ascii")
        assert score.strip() == "1000"
    finally:
        process.close()


TRIES: dict[str, Callable[[], object]] = {
    "write state": lambda: write(f"{STATE}/x"),
    "write tmp": lambda: write("/tmp/x"),
    "write etc": lambda: write("/etc/x"),
    "write usr": lambda: write("/usr/x"),
    "write opt": lambda: write("/opt/camwatch/x"),
    "write var": lambda: write("/var/lib/x"),
    "read the video group's": lambda: Path("/etc/camwatch/video").read_bytes(),
    "read root's": lambda: Path("/etc/camwatch/root").read_bytes(),
    "list root": lambda: list(Path("/root").iterdir()),
    "list boot": lambda: list(Path("/boot").iterdir()),
    "see init": lambda: Path("/proc/1/environ").read_bytes(),
    "see meminfo": lambda: Path("/proc/meminfo").read_bytes(),
    "execute in state": lambda: execute(str(STATE)),
    "execute in tmp": lambda: execute("/tmp"),
    "execute in shm": lambda: execute("/dev/shm"),
    "writable code": writable_code,
    "set id": set_id,
    "read clock": lambda: call("adjtimex", ctypes.create_string_buffer(512)),
    "set clock": lambda: call("settimeofday", ctypes.create_string_buffer(16), None),
    "set name": lambda: call("sethostname", b"x", 1),
    "new namespace": lambda: call("unshare", CLONE_NEWUSER),
    "mount": lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "reboot": lambda: call("reboot", 0),
    "realtime": lambda: os.sched_setscheduler(0, SCHED_FIFO, os.sched_param(1)),
    "pin": lambda: os.sched_setaffinity(0, {0}),
    "lower priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, 19),
    "raise priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, -5),
    "limit memory": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
    "packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    "internet": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close(),
    "resolve": lambda: socket.getaddrinfo("localhost", 80),
    "start a program": lambda: subprocess.run(["/bin/true"], check=True),
    "database": database,
    "encode": encode,
    "sign": sign,
    "label": label,
}


def main() -> int:
    """Try everything."""
    found = {}
    for name, attempt in TRIES.items():
        try:
            attempt()
            found[name] = "ok"
        except OSError as err:
            found[name] = errno.errorcode.get(err.errno or 0, str(err))
        except Exception as err:  # noqa: BLE001 - whatever it is, it is what is to be told
            found[name] = f"{type(err).__name__}: {err}"
    from edge.base.clock import SystemClock
    from edge.health.clocksync import ClockTrust

    clock = SystemClock()
    found["boot"], found["clock"] = clock.boot, ClockTrust(clock).state()
    print("PROBE " + json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
