"""Installed as a user would: a node alone and a hub alone, from the lock files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = (sys.executable, "-m", "uv")
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28")
HUB_ONLY = ("starlette", "hypercorn", "h11")
NODE_ONLY = ("av", "cv2", "numpy")

pytestmark = [pytest.mark.system]


def run(command: Sequence[str | Path]) -> str:
    done = subprocess.run(
        [str(each) for each in command], capture_output=True, text=True, cwd="/", check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def install(extra: str, folder: Path) -> Path:
    """An environment with one extra alone; its bin folder."""
    environment = folder / extra
    run([*UV, "venv", "--quiet", "--python", sys.executable, environment])
    pip: list[str | Path] = [
        *UV,
        "pip",
        "install",
        "--quiet",
        "--python",
        environment / "bin" / "python",
    ]
    run([*pip, "--require-hashes", "-r", ROOT / "requirements" / f"{extra}.txt"])
    run([*pip, "--no-deps", "--no-build-isolation", ROOT])
    return environment / "bin"


@pytest.mark.parametrize(
    ("extra", "command", "module", "unwanted"),
    [
        ("node", ("camwatch-edge", "version"), "edge.agent", HUB_ONLY),
        ("hub", ("camwatch-hub", "--help"), "hub.service", NODE_ONLY),
    ],
)
def test_each_side_installs_and_starts_without_the_others_libraries(
    tmp_path: Path, extra: str, command: tuple[str, ...], module: str, unwanted: tuple[str, ...]
) -> None:
    """A node has no web server, a hub no OpenCV, NumPy or PyAV, and neither misses them."""
    binaries = install(extra, tmp_path)
    assert run([binaries / command[0], *command[1:]])
    check = (
        f"import {module}, importlib.util as u, sys;"
        f"print([name for name in {unwanted!r} if u.find_spec(name) or name in sys.modules])"
    )
    assert run([binaries / "python", "-c", check]).strip() == "[]"


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_locked_node_dependency_has_a_wheel(
    tmp_path: Path, python: str, platform: str
) -> None:
    """Nothing is ever compiled on a node, whichever supported Python and processor it has."""
    run([
        *UV, "pip", "install", "--quiet", "--dry-run", "--target", tmp_path,
        "--only-binary", ":all:", "--python-version", python, "--python-platform", platform,
        "--require-hashes", "-r", ROOT / "requirements" / "node.txt",
    ])  # fmt: skip
