"""Installed size, import time and resident memory of a node and of a hub, each installed alone."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

RUN_S = 60.0
FPS = 15
IMPORTS = 5
ENTRY = {"node": "edge.agent", "hub": "hub.service"}


def main() -> None:
    """Print one table."""
    print(f"{'':6} {'installed MB':>13} {'import CPU s':>13} {'resident MB':>12}")
    with tempfile.TemporaryDirectory(prefix="camwatch-footprint-") as folder:
        memory = resident_mb(Path(folder) / "town")
        for kind in ENTRY:
            environment = Path(folder) / kind
            install(kind, environment)
            size = size_mb(environment) - size_mb(empty_environment(Path(folder)))
            cost_s = import_cpu_s(environment, kind)
            print(f"{kind:6} {size:13.0f} {cost_s:13.2f} {memory[kind]:12.0f}")


def install(kind: str, environment: Path) -> None:
    """Install one extra alone, as locked."""
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", str(environment)], check=True)
    pip = [*uv, "pip", "install", "--quiet", "--python", str(environment / "bin" / "python")]
    lock = ROOT / "requirements" / f"{kind}.txt"
    subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", str(ROOT)], check=True)


def empty_environment(folder: Path) -> Path:
    """An environment with nothing in it, made once."""
    environment = folder / "empty"
    if not environment.exists():
        command = [sys.executable, "-m", "uv", "venv", "--quiet", str(environment)]
        subprocess.run(command, check=True)
    return environment


def size_mb(folder: Path) -> float:
    """What all files below `folder` occupy."""
    sizes = (path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    return sum(sizes) / 1e6


def import_cpu_s(environment: Path, kind: str) -> float:
    """The least processor time over some runs that import the kind's entry."""
    command = [str(environment / "bin" / "python"), "-c", f"import {ENTRY[kind]}"]
    costs = []
    for _ in range(IMPORTS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, cwd="/")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(costs)


def resident_mb(folder: Path) -> dict[str, float]:
    """Resident memory of both, after a minute with events and clips."""
    from scripts.lib.demo import Town

    folder.mkdir()
    recording = folder / "street.mp4"
    record_street(recording)
    with Town(folder, {"source": str(recording), "loop": True}) as town:
        town.start()
        time.sleep(RUN_S)
        town.check()
        return {kind: rss_mb(town.pid(kind)) for kind in ENTRY}


def record_street(path: Path) -> None:
    """Write the synthetic street to a file, so that drawing it does not count as the node's."""
    import av

    from edge.capture.street import Street

    street = Street(1280, 720, FPS, seed=1)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "26"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 1280, 720, "yuv420p", 2 * FPS
        for number in range(round(RUN_S * FPS)):
            picture = av.VideoFrame.from_ndarray(street.frame(number), format="yuv420p")
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))


def rss_mb(pid: int) -> float:
    """Resident memory of a process, proc(5)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


if __name__ == "__main__":
    main()
