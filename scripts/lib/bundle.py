"""Makes a bundle: one tar with all that a node installs, so that its first start needs no internet.

    camwatch-VERSION-ARCH/
        MANIFEST               version, arch, Pythons; SHA-256 and name of each other file
        install-node           what a node runs, with lib/install/ and systemd/ beside it
        requirements/          the locks that the wheels were taken from
        wheels/                every locked wheel for each of the Pythons, pip's, and Camwatch's own
        install-hub, config/   with --hub alone: what a hub runs, and its broker's settings
        config/release-keys/   of those whose releases its nodes take
        LICENSES               what each wheel may be passed on under

The wheels are the lock's, checked by its hashes; which of them a target needs is judged by the
target's Python, not by this one. The same inputs give the same bytes. Called by scripts/bundle.
"""

from __future__ import annotations

import argparse
import email.parser
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import edge  # noqa: E402
from edge.base.errors import CamwatchError  # noqa: E402

ARCHES = ("aarch64", "x86_64")
PYTHONS = ("3.11", "3.13")  # Debian and Raspberry Pi OS: Bookworm, Trixie
# Bookworm has glibc 2.36; a wheel for an older one runs with it (PEP 600).
GLIBC_MINORS = range(36, 16, -1)
LOCKS = ("node.txt", "pip.txt")
HUB_LOCKS = (*LOCKS, "hub.txt")
BUNDLE_FORMAT = 1
EPOCH = 1_577_836_800  # 2020-01-01: zip and tar can both hold it, and no build differs by it
RELEASE_KEYS = "config/release-keys"
NO_RELEASE_KEY = (
    "no release key is in it, so nodes installed from it can never be updated from the hub; first"
    f" scripts/release keygen maker.key > {RELEASE_KEYS}/maker.pub, then scripts/bundle again"
)
INSTALLER, INSTALLER_PARTS = "install-node", "lib/install"
HUB_INSTALLER, HUB_SETTINGS = "install-hub", "config/mosquitto"
SOURCES = ("edge", "hub", "LICENSE", "README.md", "pyproject.toml")
GPL_NOTE = """
av's wheel holds FFmpeg with x264 and x265, which are under the GNU General Public License,
version 2 or newer. Whoever passes this bundle on passes them on. Their sources:
https://github.com/PyAV-Org/pyav-ffmpeg (the build), https://ffmpeg.org,
https://code.videolan.org/videolan/x264 and https://bitbucket.org/multicoreware/x265_git.
"""


class BundleError(CamwatchError):
    """A bundle cannot be made or used."""


@dataclass(frozen=True)
class Target:
    """One processor with one Python."""

    arch: str
    python: str  # such as 3.11

    @property
    def environment(self) -> dict[str, str]:
        """What the lock's markers are judged by (PEP 508)."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.arch,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }

    @property
    def pip_options(self) -> list[str]:
        """Lets pip take wheels for it on any machine."""
        platforms = [f"manylinux_2_{minor}_{self.arch}" for minor in GLIBC_MINORS]
        tag = "cp" + self.python.replace(".", "")
        return [
            "--only-binary=:all:",
            "--implementation=cp",
            f"--python-version={self.python}",
            *(f"--platform={each}" for each in (*platforms, f"manylinux2014_{self.arch}")),
            *(f"--abi={each}" for each in (tag, "abi3", "none")),
        ]


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself."""

    version: str
    arch: str
    pythons: tuple[str, ...]
    sha256: dict[str, str]  # by name in the bundle

    @property
    def has_release_key(self) -> bool:
        """Whether the nodes installed from it will take anybody's releases."""
        return any(re.fullmatch(rf"{RELEASE_KEYS}/[^/]+\.pub", name) for name in self.sha256)

    def text(self) -> str:
        """Its file; `sha256sum --check` reads it too, since it skips what begins with #."""
        head = (
            f"# camwatch bundle {BUNDLE_FORMAT}\n# version {self.version}\n# arch {self.arch}\n"
            f"# pythons {' '.join(self.pythons)}\n"
        )
        return head + "".join(f"{sha}  {name}\n" for name, sha in sorted(self.sha256.items()))

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """The manifest in `text`. Raises BundleError."""
        said = dict(re.findall(r"^# (version|arch|pythons) (\S.*)$", text, re.MULTILINE))
        files = re.findall(r"^([0-9a-f]{64})  (\S+)$", text, re.MULTILINE)
        if not text.startswith(f"# camwatch bundle {BUNDLE_FORMAT}\n") or len(said) != 3:
            raise BundleError("its MANIFEST is not one that this version reads")
        sha256 = {name: sha for sha, name in files}
        return cls(said["version"], said["arch"], tuple(said["pythons"].split()), sha256)


def locked_lines(lock: str, target: Target) -> Iterator[str]:
    """The lock's requirements that `target` needs, without markers, with their hashes."""
    from pip._vendor.packaging.markers import Marker

    for entry in re.split(r"\n(?=\S)", lock.replace("\\\n", " ")):
        requirement = re.sub(r"#.*", "", entry).strip()
        if not requirement:
            continue
        wanted, *hashes = re.split(r"\s+(?=--hash=)", requirement)
        name, _, marker = (part.strip() for part in wanted.partition(";"))
        if not marker or Marker(marker).evaluate(target.environment):
            yield " ".join([name, *(each.strip() for each in hashes)])


def download(target: Target, folder: Path, work: Path, locks: Sequence[str] = LOCKS) -> None:
    """Fetch every locked wheel of `target` into `folder`. Raises BundleError."""
    texts = [(ROOT / "requirements" / name).read_text("utf-8") for name in locks]
    lines = dict.fromkeys(line for text in texts for line in locked_lines(text, target))
    wanted = work / f"{target.arch}-{target.python}.txt"
    wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes",
        *target.pip_options, "--dest", str(folder), "-r", str(wanted),
    ]  # fmt: skip
    if subprocess.run(command, check=False).returncode:
        raise BundleError(
            f"pip could not fetch the wheels for Python {target.python} on {target.arch}",
            hint="see its words above; the index must be in reach",
            is_retryable=True,
        )


def build_own_wheel(folder: Path, work: Path) -> None:
    """Put Camwatch's own wheel into `folder`, the same bytes from the same sources."""
    source = work / "source"
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source / name)
    for path in source.rglob("*"):  # what a zip keeps of files: their modes and times
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (EPOCH, EPOCH))
    command = [
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        "--no-index", "--no-cache-dir", "--wheel-dir", str(folder), str(source),
    ]  # fmt: skip
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH)}
    if subprocess.run(command, check=False, env=environment).returncode:
        raise BundleError("pip could not build Camwatch's own wheel; see its words above")


def licenses(wheels: Path) -> str:
    """What each wheel says of its licence, and what that asks of who passes it on."""
    lines = ["The wheels in this bundle, by their own word; the licences' texts are inside them.\n"]
    for path in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(path) as wheel:
            name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
            said = email.parser.Parser().parsestr(wheel.read(name).decode("utf-8"), True)
        classes = [c.rpartition("::")[2].strip() for c in said.get_all("Classifier", ())
                   if c.startswith("License ::")]  # fmt: skip
        stated = said.get("License-Expression") or ", ".join(classes) or said.get("License") or "?"
        lines.append(f"{said['Name']} {said['Version']}: {stated.strip().splitlines()[0]}\n")
    return "".join(dict.fromkeys(lines)) + GPL_NOTE


def fill(folder: Path, arch: str, pythons: Sequence[str], *, has_hub: bool = False) -> Manifest:
    """Lay the bundle out in `folder`, which is empty. Raises BundleError."""
    locks = HUB_LOCKS if has_hub else LOCKS
    wheels = folder / "wheels"
    (folder / "requirements").mkdir()
    wheels.mkdir()
    with tempfile.TemporaryDirectory() as work:
        for python in pythons:
            download(Target(arch, python), wheels, Path(work), locks)
        build_own_wheel(wheels, Path(work))
    for name in locks:
        shutil.copy(ROOT / "requirements" / name, folder / "requirements" / name)
    shutil.copy(ROOT / "scripts" / INSTALLER, folder / INSTALLER)
    shutil.copytree(ROOT / "scripts" / INSTALLER_PARTS, folder / INSTALLER_PARTS)
    shutil.copytree(ROOT / "systemd", folder / "systemd")
    if has_hub:
        shutil.copy(ROOT / "scripts" / HUB_INSTALLER, folder / HUB_INSTALLER)
        shutil.copytree(ROOT / HUB_SETTINGS, folder / HUB_SETTINGS)
    (folder / "LICENSES").write_text(licenses(wheels), encoding="utf-8")
    copy_release_keys(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sha256 = {str(path.relative_to(folder)): digest(path) for path in files}
    manifest = Manifest(edge.__version__, arch, tuple(pythons), sha256)
    (folder / "MANIFEST").write_text(manifest.text(), encoding="utf-8")
    return manifest


def copy_release_keys(folder: Path, keys: Path = ROOT / RELEASE_KEYS) -> None:
    """Whose releases the nodes will take that are installed from this bundle."""
    for path in sorted(keys.glob("*.pub")):
        target = folder / RELEASE_KEYS / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack(folder: Path, name: str, to: Path) -> None:
    """Write `folder` as the tar `to`, under `name`; MANIFEST first, all else sorted."""
    paths = sorted(folder.rglob("*"), key=lambda path: (path.name != "MANIFEST", path))
    part = to.with_name(to.name + ".part")
    with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in (folder, *paths):
            info = tarfile.TarInfo(f"{name}/{path.relative_to(folder)}".removesuffix("/."))
            info.mtime = EPOCH
            info.mode = 0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644
            if path.is_dir():
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                info.size = path.stat().st_size
                with path.open("rb") as file:
                    tar.addfile(info, file)
    part.replace(to)


def check(path: Path) -> Manifest:
    """The manifest of the bundle `path`, all of whose files are as it says. Raises BundleError."""
    try:
        with tarfile.open(path, "r:") as tar:
            return _check(tar)
    except (OSError, tarfile.TarError, KeyError, UnicodeDecodeError) as err:
        raise BundleError(
            f"{path} is not a whole bundle: {err}", hint="make it anew with scripts/bundle"
        ) from err
    except BundleError as err:
        raise BundleError(
            f"{path}: {err}", hint="make it anew with scripts/bundle, or copy it again"
        ) from err


def _check(tar: tarfile.TarFile) -> Manifest:
    found: dict[str, str] = {}
    text = ""
    for info in tar:
        _, _, name = info.name.partition("/")
        if info.isdir():
            continue
        file = tar.extractfile(info) if info.isreg() else None
        if file is None or ".." in name.split("/"):
            raise BundleError(f"{info.name} is not a plain file")
        if name == "MANIFEST":
            text = file.read(1 << 20).decode("utf-8")
        else:
            found[name] = _digest_of(file)
    manifest = Manifest.parse(text)
    for name in sorted(set(found) | set(manifest.sha256)):
        if found.get(name) != manifest.sha256.get(name):
            state = "is missing" if name not in found else "is not what the MANIFEST says"
            raise BundleError(f"{name} {state}")
    return manifest


def _digest_of(file: IO[bytes]) -> str:
    sha = hashlib.sha256()
    while block := file.read(1 << 20):
        sha.update(block)
    return sha.hexdigest()


def make(arch: str, pythons: Sequence[str], to: Path, *, has_hub: bool = False) -> Path:
    """Make a bundle and return its path. Raises BundleError, StorageError."""
    name = f"camwatch-{edge.__version__}-{arch}{'-hub' if has_hub else ''}"
    target = to if to.suffix == ".tar" else to / f"{name}.tar"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".bundle-") as work:
        fill(Path(work), arch, pythons, has_hub=has_hub)
        pack(Path(work), name, target)
    return target


def main() -> int:
    """The command line; see scripts/bundle."""
    parser = argparse.ArgumentParser(prog="bundle")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--arch", choices=ARCHES)
    what.add_argument("--check", type=Path, metavar="FILE.tar")
    parser.add_argument("--hub", action="store_true")
    parser.add_argument("--python", action="append", choices=PYTHONS)
    parser.add_argument("--to", type=Path, default=ROOT / "var" / "bundles", metavar="FILE|FOLDER")
    options = parser.parse_args()
    try:
        path = options.check or make(
            options.arch, options.python or PYTHONS, options.to, has_hub=options.hub
        )
        manifest = check(path)
    except (CamwatchError, OSError) as err:
        print(f"bundle: {err}", file=sys.stderr)
        if hint := getattr(err, "hint", ""):
            print(f"  {hint}", file=sys.stderr)
        return 1
    size_mb = path.stat().st_size / 1e6
    print(
        f"{path}: Camwatch {manifest.version} for {manifest.arch}, Python "
        f"{' and '.join(manifest.pythons)}, {len(manifest.sha256)} files, {size_mb:.0f} MB"
    )
    if not manifest.has_release_key:
        print(f"bundle: warning: {NO_RELEASE_KEY}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
