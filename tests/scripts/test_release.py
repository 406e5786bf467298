"""Making releases: a key, a signature over checked bundles, and what a file says of itself."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge.contract import release, releasefile
from edge.keys import PublicKey
from scripts.lib import bundle
from scripts.lib import release as making
from tests.scripts.flash import layouts

ROOT = Path(__file__).parents[2]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """scripts/release, without its first steps."""
    argv = [sys.executable, "scripts/lib/release.py", *map(str, arguments)]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


def small_bundle(folder: Path, version: str, arch: str) -> Path:
    """A bundle that its own check finds whole, with next to nothing in it."""
    inside = folder / f"{version}-{arch}"
    (inside / "wheels").mkdir(parents=True)
    (inside / "wheels/a.whl").write_bytes(b"its bytes")
    sha256 = {"wheels/a.whl": bundle.digest(inside / "wheels/a.whl")}
    made = bundle.Manifest(version, arch, ("3.11", "3.13"), sha256)
    (inside / "MANIFEST").write_text(made.text(), encoding="utf-8")
    path = folder / release.bundle_name(version, arch)
    bundle.pack(inside, f"camwatch-{version}-{arch}", path)
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "maker.key"
    done = run("keygen", path)
    assert done.returncode == 0, done.stderr
    return path


def test_a_key_is_made_once_for_its_owner_alone(key: Path) -> None:
    """Mode 0600; never written over; only its public half is ever printed."""
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    again = run("keygen", key)
    assert again.returncode == 1 and "exists" in again.stderr
    assert key.read_bytes() == before
    said = run("public", key)
    assert PublicKey.from_text(said.stdout).text == said.stdout.strip()
    assert before.decode().strip() not in said.stdout + said.stderr


def test_bundles_of_both_processors_become_one_signed_release(key: Path, tmp_path: Path) -> None:
    """With their Pythons, sizes and hashes; whoever has the public key can tell."""
    paths = [small_bundle(tmp_path, "0.2.0", arch) for arch in ("aarch64", "x86_64")]
    done = run(
        "sign", "--key", key, "--notes", "mới", "--node-from", "0.1.0", "--to", tmp_path, *paths
    )
    assert done.returncode == 0, done.stderr
    file = Path(done.stdout.strip())
    assert file == tmp_path / "camwatch-0.2.0.release"
    with releasefile.open_file(file) as opened:
        found = release.decode(opened.manifest)
        for each, path in zip(found.bundles, paths, strict=True):
            assert each.pythons == ("3.11", "3.13")
            opened.copy_bundle(each, "0.2.0", tmp_path / "copy")
            assert (tmp_path / "copy").read_bytes() == path.read_bytes()
            (tmp_path / "copy").unlink()
    assert (found.notes, found.node_from) == ("mới", "0.1.0")
    (tmp_path / "maker.pub").write_text(making.public(key))
    shown = run("show", file, "--trust", tmp_path / "maker.pub")
    assert shown.returncode == 0 and "signature good" in shown.stdout
    making.keygen(tmp_path / "other.key")
    (tmp_path / "other.pub").write_text(making.public(tmp_path / "other.key"))
    assert run("show", file, "--trust", tmp_path / "other.pub").returncode == 1


def test_what_cannot_be_a_release_is_told(key: Path, tmp_path: Path) -> None:
    """Different versions, one processor twice, a damaged bundle, no key."""
    one, other = (
        small_bundle(tmp_path, "0.2.0", "aarch64"),
        small_bundle(tmp_path, "0.3.0", "x86_64"),
    )
    done = run("sign", "--key", key, "--to", tmp_path, one, other)
    assert done.returncode == 1 and "of versions 0.2.0, 0.3.0" in done.stderr
    (tmp_path / "copy.tar").write_bytes(one.read_bytes())
    done = run("sign", "--key", key, "--to", tmp_path, one, tmp_path / "copy.tar")
    assert done.returncode == 1 and "stands twice" in done.stderr
    other.write_bytes(other.read_bytes().replace(b"its bytes", b"our bytes"))
    done = run("sign", "--key", key, "--to", tmp_path, other)
    assert done.returncode == 1 and "not what the MANIFEST says" in done.stderr
    done = run("sign", "--key", tmp_path / "none.key", "--to", tmp_path, one)
    assert done.returncode == 1 and "keygen" in done.stderr
    assert not (tmp_path / "none.key").exists(), "a wrong path makes no key"
    assert not list(tmp_path.glob("*.release"))


def test_a_bundle_carries_the_keys_of_those_whose_releases_its_nodes_take(tmp_path: Path) -> None:
    """Public ones alone."""
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "maker.pub").write_text("x")
    (keys / "maker.key").write_text("secret")
    bundle.copy_release_keys(tmp_path / "made", keys)
    found = [path.name for path in (tmp_path / "made/config/release-keys").iterdir()]
    assert found == ["maker.pub"]


@pytest.mark.parametrize("has_release_key", [False, True])
def test_a_bundle_whose_nodes_can_never_be_updated_is_warned_of(
    tmp_path: Path, has_release_key: bool
) -> None:
    """By scripts/bundle, with what to do before cards are written; it is no fault."""
    made = layouts.small_bundle(tmp_path, "aarch64", has_release_key=has_release_key)
    argv = [sys.executable, "scripts/lib/bundle.py", "--check", str(made)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wanted = "" if has_release_key else f"bundle: warning: {bundle.NO_RELEASE_KEY}\n"
    assert done.stderr == wanted
