"""The offline bundle: complete for each system it is made for, whole, and the same each time."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import edge
from scripts.lib import bundle

ROOT = Path(__file__).parents[2]
UV = (sys.executable, "-m", "uv")
SYSTEMS = [("3.11", "manylinux_2_36"), ("3.13", "manylinux_2_40")]  # Bookworm; Trixie has 2.41
NO_INDEX = {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "UV_NO_CONFIG": "1"}

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("bundle")]


def run(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_"))}
    argv = [str(each) for each in command]
    return subprocess.run(
        argv, capture_output=True, text=True, check=False, cwd="/", env=kept | NO_INDEX
    )


def make(arch: str, to: Path) -> Path:
    try:
        return bundle.make(arch, bundle.PYTHONS, to)
    except bundle.BundleError as err:
        if err.is_retryable:
            pytest.skip(f"no package index here: {err}")
        raise


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle for aarch64."""
    return make("aarch64", tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def unpacked(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, unpacked; not to be changed."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(packed) as tar:
        tar.extractall(folder, filter="data")
    return folder / packed.stem


def resolve(
    folder: Path, to: Path, python: str, libc: str, *wanted: str | Path
) -> subprocess.CompletedProcess[str]:
    """What an aarch64 system would install from `folder`/wheels alone."""
    return run([
        *UV, "pip", "install", "--dry-run", "--offline", "--no-cache", "--target", to,
        "--no-index", "--find-links", folder / "wheels", "--only-binary", ":all:",
        "--python-version", python, "--python-platform", f"aarch64-{libc}", *wanted,
    ])  # fmt: skip


@pytest.mark.parametrize(("python", "libc"), SYSTEMS)
def test_an_aarch64_bundle_resolves_with_no_index(
    unpacked: Path, tmp_path: Path, python: str, libc: str
) -> None:
    """Every locked wheel is there, with the hash of the lock, and Camwatch's own with its needs."""
    locked = ("--require-hashes", "-r", unpacked / "requirements" / "node.txt")
    done = resolve(unpacked, tmp_path, python, libc, *locked)
    assert done.returncode == 0, done.stderr
    assert "+ opencv-python-headless==" in done.stderr
    done = resolve(unpacked, tmp_path, python, libc, f"camwatch[node]=={edge.__version__}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", ["av-18*", "cffi-*-cp311-*", "camwatch-*"])
def test_a_bundle_without_one_wheel_does_not_resolve(
    unpacked: Path, tmp_path: Path, missing: str
) -> None:
    """The resolver test above would see it."""
    copy = shutil.copytree(unpacked, tmp_path / "copy", copy_function=os.link)
    (wheel,) = (copy / "wheels").glob(missing)
    wheel.unlink()
    python, libc = SYSTEMS[0]
    wanted = f"camwatch[node]=={edge.__version__}"
    assert resolve(copy, tmp_path / "to", python, libc, wanted).returncode


def test_the_same_sources_give_the_same_bytes(packed: Path, tmp_path: Path) -> None:
    """So that whoever doubts a bundle can make it again and compare."""
    assert bundle.digest(make("aarch64", tmp_path)) == bundle.digest(packed)


def test_a_bundle_installs_where_there_is_no_network(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Into an environment made without pip, as Debian's python3 makes it, cut off from the net."""
    folder = tmp_path_factory.mktemp("x86_64")
    packed = make("x86_64", folder)
    with tarfile.open(packed) as tar:
        tar.extractall(folder, filter="data")
    unpacked = folder / packed.stem
    (pip,) = (unpacked / "wheels").glob("pip-*.whl")
    python = folder / "venv" / "bin" / "python"
    assert run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"]).returncode == 0
    install: list[str | Path] = [
        *("unshare", "--user", "--map-root-user", "--net"), python, f"{pip}/pip", "install",
        "--quiet", "--no-cache-dir", "--no-index", "--find-links", unpacked / "wheels",
    ]  # fmt: skip
    locked = ("--require-hashes", "-r", unpacked / "requirements" / "node.txt")
    (own,) = (unpacked / "wheels").glob("camwatch-*.whl")
    for wanted in (locked, ("--no-deps", own)):
        done = run([*install, *wanted])
        assert done.returncode == 0, done.stderr
    done = run([folder / "venv" / "bin" / "camwatch-edge", "version"])
    assert edge.__version__ in done.stdout

    tampered = next((unpacked / "wheels").glob("paho_mqtt-*"))
    with tampered.open("ab") as file:
        file.write(b"x")
    done = run([*install, "--force-reinstall", *locked])
    assert done.returncode
    assert "DO NOT MATCH THE HASHES" in done.stderr


def rewrite(packed: Path, to: Path, name: str, data: bytes | None) -> Path:
    """The bundle with another content under `name`; without it where `data` is None."""
    with tarfile.open(packed) as tar, tarfile.open(to, "w") as out:
        for info in tar:
            inner = info.name.partition("/")[2]
            file = tar.extractfile(info) if info.isreg() else None
            if inner == name:
                continue
            out.addfile(info, file)
        if data is not None:
            info = tarfile.TarInfo(f"{packed.stem}/{name}")
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return to


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("systemd/camwatch-edge.service", b"[Service]\nUser=root\n", "is not what the MANIFEST"),
        ("systemd/camwatch-edge.service", None, "is missing"),
        ("wheels/extra-1-py3-none-any.whl", b"PK", "is not what the MANIFEST"),
        ("MANIFEST", b"# camwatch bundle 99\n", "MANIFEST is not one that this version reads"),
        ("MANIFEST", None, "MANIFEST is not one that this version reads"),
    ],
)
def test_a_bundle_that_was_changed_is_refused(
    packed: Path, tmp_path: Path, name: str, data: bytes | None, told: str
) -> None:
    """Each file is held to the MANIFEST, and nothing may lie beside them."""
    with pytest.raises(bundle.BundleError, match=told):
        bundle.check(rewrite(packed, tmp_path / packed.name, name, data))


def test_half_a_bundle_is_refused(packed: Path, tmp_path: Path) -> None:
    """A copy that was cut off says so before anything is written to a card."""
    half = tmp_path / packed.name
    half.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    with pytest.raises(bundle.BundleError, match=r"not a whole bundle|is missing"):
        bundle.check(half)


def test_what_a_bundle_holds_is_told_by_its_manifest(packed: Path, unpacked: Path) -> None:
    """Version, processor and Pythons, for people and for `sha256sum --check`."""
    manifest = bundle.check(packed)
    assert (manifest.version, manifest.arch) == (edge.__version__, "aarch64")
    assert manifest.pythons == bundle.PYTHONS
    assert {"LICENSES", "requirements/node.txt"} <= set(manifest.sha256)
    command = ["sha256sum", "--check", "--strict", "--quiet", "MANIFEST"]
    done = subprocess.run(command, cwd=unpacked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "GNU General Public License" in (unpacked / "LICENSES").read_text("utf-8")
