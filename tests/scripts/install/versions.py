"""Bundles of versions that there are not: newer ones, good and broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from scripts.lib import bundle

ROOT = Path(__file__).parents[3]


def newer(unpacked: Path, to: Path, version: str, changes: dict[str, tuple[str, str]]) -> Path:
    """A bundle in the folder `to` like `unpacked`, with another version of this software in it.

    `changes`: by the source file, what is replaced and by what.
    """
    shutil.copytree(unpacked, to, copy_function=_link)
    source = to.with_name(f"{to.name}-source")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("edge", "hub"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, source / name)
    own = 'version = "0.1.0"'
    for path, (old, new) in ({"pyproject.toml": (own, f'version = "{version}"')} | changes).items():
        text = (source / path).read_text(encoding="utf-8")
        assert old in text, f"{path} does not hold {old!r}"
        (source / path).write_text(text.replace(old, new), encoding="utf-8")
    for wheel in (to / "wheels").glob("camwatch-*.whl"):
        wheel.unlink()
    command = [
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        "--no-index", "--no-cache-dir", "--wheel-dir", str(to / "wheels"), str(source),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    shutil.rmtree(source)
    _write_manifest(to, version)
    return to


def _link(source: str, target: str) -> None:
    """Wheels are large, and not changed."""
    Path(target).hardlink_to(source)


def _write_manifest(folder: Path, version: str) -> None:
    path = folder / "MANIFEST"
    before = bundle.Manifest.parse(path.read_text(encoding="utf-8"))
    path.unlink()
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    sums = {str(each.relative_to(folder)): bundle.digest(each) for each in files}
    made = bundle.Manifest(version, before.arch, before.pythons, sums)
    path.write_text(made.text(), encoding="utf-8")
