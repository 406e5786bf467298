"""Releases made for tests, and nodes that are installed as real ones are, below a folder of theirs.

Wheels, bundles, signatures, virtual environments and pip are real. To be quick, an environment may
borrow the libraries (numpy, PyAV, OpenCV, ...) of the environment that runs the tests instead of
holding copies of its own; `whole_wheels` makes true wheels of them.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from edge import __version__
from edge.contract import release, releasefile
from edge.contract.release import Bundle, Release
from edge.keys import PrivateKey
from tests.harness.processes import ROOT

LIBRARIES = (
    "av", "numpy", "opencv-python-headless", "cryptography", "cffi", "pycparser", "paho-mqtt",
    "PyYAML",
)  # fmt: skip
PYTHON = sysconfig.get_python_version()
ARCH = platform.machine()
BASE_PYTHON = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)

Patch = Callable[[str], str]
Files = Mapping[str, bytes]


def wheel(name: str, version: str, files: Files, *, scripts: str = "", requires: str = "") -> bytes:
    """The bytes of a pure wheel."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    held = dict(files)
    held[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}".encode()
    )
    held[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    if scripts:
        held[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts}\n".encode()
    return _zipped(io.BytesIO(), held, info)


def _zipped(target: object, held: Files, info: str) -> bytes:
    rows = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for path, data in held.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.append(f"{path},sha256={digest},{len(data)}\n")
            archive.writestr(path, data)
        archive.writestr(f"{info}/RECORD", "".join(rows) + f"{info}/RECORD,,\n")
    return bytes(target.getvalue())  # type: ignore[attr-defined]


def camwatch_wheel(version: str, patches: Mapping[str, Patch] | None = None) -> bytes:
    """Our own, of the node's part as it stands here, under another version number; `patches` change
    files by their path, which makes a bad release."""
    files = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "edge").rglob("*.py"))
    }
    init = "edge/__init__.py"
    files[init] = files[init].replace(f'"{__version__}"', f'"{version}"')
    for path, patch in (patches or {}).items():
        patched = patch(files[path])
        assert patched != files[path], f"the patch of {path} changes nothing"
        files[path] = patched
    return wheel(
        "camwatch", version, {path: text.encode() for path, text in files.items()},
        scripts="camwatch-edge = edge.cli:main",
        requires="".join(f"Requires-Dist: {each}\n" for each in LIBRARIES),
    )  # fmt: skip


def borrowing_wheels(folder: Path) -> dict[str, bytes]:
    """One wheel that lets an environment see the libraries of ours, and nothing else of it."""
    seen = folder / "borrowed"
    if not seen.exists():
        seen.mkdir(parents=True)
        for top, place in library_places().items():
            (seen / top).symlink_to(place)
    return {"camwatch_borrowed-1.0-py3-none-any.whl": borrowing_wheel(seen)}


def borrowing_wheel(seen: Path) -> bytes:
    """A wheel that adds a folder to where Python looks."""
    return wheel("camwatch-borrowed", "1.0", {"camwatch-borrowed.pth": f"{seen}\n".encode()})


def library_places() -> dict[str, Path]:
    """Where each file and folder of the libraries is, by its name at the top."""
    found: dict[str, Path] = {}
    for name in LIBRARIES:
        held = importlib.metadata.distribution(name)
        place = Path(str(held.locate_file("")))
        tops = {str(each).split("/")[0] for each in held.files or () if ".." not in str(each)}
        found |= {top: place / top for top in tops - {"__pycache__"}}
    return found


def whole_wheels() -> dict[str, bytes]:
    """True wheels of the libraries, packed again from where they are installed."""
    made = {}
    for name in LIBRARIES:
        found = importlib.metadata.distribution(name)
        held, info, tags = {}, "", ["py3-none-any"]
        for each in found.files or ():
            path, source = str(each), Path(str(found.locate_file(each)))
            if ".." in path or path.endswith((".pyc", "RECORD", "INSTALLER", "REQUESTED")):
                continue
            held[path] = source.read_bytes()
            if path.endswith(".dist-info/WHEEL"):
                info = path.split("/")[0]
                tags = [
                    line.removeprefix("Tag: ")
                    for line in held[path].decode().splitlines()
                    if line.startswith("Tag: ")
                ]
        python, abi, _ = tags[0].split("-")
        platforms = ".".join(sorted({tag.split("-")[2] for tag in tags}))
        stem = info.removesuffix(".dist-info")
        made[f"{stem}-{python}-{abi}-{platforms}.whl"] = _zipped(io.BytesIO(), held, info)
    return made


def bundle(path: Path, version: str, wheels: Files, own: bytes) -> Path:
    """A bundle as scripts/bundle makes it, as far as an update reads it."""
    locked = []
    for name, data in wheels.items():
        project, number = name.split("-")[:2]
        locked.append(f"{project}=={number} --hash=sha256:{hashlib.sha256(data).hexdigest()}\n")
    held = {f"wheels/{name}": data for name, data in wheels.items()}
    held[f"wheels/camwatch-{version}-py3-none-any.whl"] = own
    held["requirements/node.txt"] = "".join(locked).encode()
    write_tar(path, {f"camwatch-{version}-{ARCH}/{name}": data for name, data in held.items()})
    return path


def write_tar(path: Path, held: Files) -> None:
    """An uncompressed tar of plain files."""
    with tarfile.open(path, "w") as archive:
        for name, data in held.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


@dataclass(frozen=True)
class Made:
    """A release that was made for a test."""

    manifest: bytes
    signature: bytes
    bundles: Mapping[str, Path]
    release: Release

    def write(self, path: Path) -> Path:
        """As one file."""
        releasefile.write(path, self.manifest, self.signature, self.bundles)
        return path


def sign(key: PrivateKey, version: str, paths: Mapping[str, Path], **more: object) -> Made:
    """A signed release of bundles, by architecture; `more` is merged over the manifest."""
    named = {release.bundle_name(version, arch): path for arch, path in paths.items()}
    parts = tuple(
        Bundle(arch, (PYTHON,), path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        for arch, path in paths.items()
    )
    fields: dict[str, object] = {
        "camwatch_release": 1, "version": version, "created_utc": datetime.now(UTC),
        "bundles": parts,
    }  # fmt: skip
    found = Release(**(fields | more))  # type: ignore[arg-type]
    manifest = release.encode(found)
    return Made(manifest, key.sign(release.signed_bytes(manifest)), named, found)


class InstalledNode:
    """An installation below `root`: the version of this working tree, and the links to it."""

    def __init__(self, root: Path, borrowed: Path) -> None:
        """`borrowed`: where links to the libraries are kept."""
        self.root = root
        self.software = root / "opt/camwatch"
        first = self.software / "versions" / __version__
        environment(first, [ROOT, _links_in(borrowed)])
        script = first / "bin/camwatch-edge"
        script.write_text(
            f"#!{first}/bin/python\nimport sys\nfrom edge.cli import main\nsys.exit(main())\n"
        )
        script.chmod(0o755)
        for link in ("current", "proven"):
            (self.software / link).symlink_to(f"versions/{__version__}")
        for folder in ("var/lib/camwatch-update", "etc/camwatch/release-keys", "run/camwatch-edge"):
            (root / folder).mkdir(parents=True)
        (root / "etc/camwatch/release-keys").chmod(0o755)

    def trust(self, key: PrivateKey, name: str = "maker") -> None:
        """Put a release key onto the node."""
        path = self.root / f"etc/camwatch/release-keys/{name}.pub"
        path.write_text(key.public.text + "\n")
        path.chmod(0o644)

    def version(self, link: str = "current") -> str:
        """The version that a link names."""
        return (self.software / link).readlink().name

    def kept(self) -> set[str]:
        """All versions that lie there."""
        return {path.name for path in (self.software / "versions").iterdir()}

    def progress(self) -> dict[str, object]:
        """What the installer remembers."""
        path = self.root / "var/lib/camwatch-update/progress.json"
        found: dict[str, object] = json.loads(path.read_text()) if path.exists() else {}
        return found


def environment(folder: Path, paths: Sequence[Path]) -> None:
    """A virtual environment that sees `paths`."""
    subprocess.run([BASE_PYTHON, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = folder / f"lib/python{PYTHON}/site-packages"
    (site / "seen.pth").write_text("".join(f"{path}\n" for path in paths))


def _links_in(folder: Path) -> Path:
    borrowing_wheels(folder)
    return folder / "borrowed"


def write_settings(path: Path, settings: Mapping[str, object]) -> Path:
    """A node's settings file."""
    path.write_text(yaml.safe_dump(dict(settings), sort_keys=False), encoding="utf-8")
    return path
