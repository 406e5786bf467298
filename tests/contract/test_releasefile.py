"""A release as one file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from edge.base.errors import StorageError
from edge.contract import releasefile
from edge.contract.errors import ContractError
from edge.keys import load_or_make
from tests.harness import releases
from tests.harness.releases import Made


@pytest.fixture
def made(tmp_path: Path) -> Made:
    (tmp_path / "b.tar").write_bytes(b"bundle" * 1000)
    key = load_or_make(tmp_path / "key")
    return releases.sign(key, "0.2.0", {"aarch64": tmp_path / "b.tar"})


def test_what_was_written_is_read(made: Made, tmp_path: Path) -> None:
    """Manifest and signature byte for byte, and each bundle by its hash."""
    path = made.write(tmp_path / "x.release")
    with releasefile.open_file(path) as opened:
        assert (opened.manifest, opened.signature) == (made.manifest, made.signature)
        opened.copy_bundle(made.release.bundles[0], "0.2.0", tmp_path / "copy.tar")
    assert (tmp_path / "copy.tar").read_bytes() == b"bundle" * 1000


def test_a_bundle_that_is_another_one_is_not_copied(made: Made, tmp_path: Path) -> None:
    """By hash, size or name; nothing is left of it."""
    path = made.write(tmp_path / "x.release")
    (good,) = made.release.bundles
    others = (
        dataclasses.replace(good, sha256="0" * 64), dataclasses.replace(good, size_bytes=5),
        dataclasses.replace(good, arch="x86_64"),
    )  # fmt: skip
    with releasefile.open_file(path) as opened:
        for other in others:
            with pytest.raises(ContractError):
                opened.copy_bundle(other, "0.2.0", tmp_path / "copy.tar")
    assert not list(tmp_path.glob("copy*"))


def test_what_is_no_release_is_told(made: Made, tmp_path: Path) -> None:
    """Another tar, no tar, a file cut short, none at all."""
    releases.write_tar(tmp_path / "other.tar", {"a": b"x"})
    (tmp_path / "text").write_bytes(b"hello")
    whole = made.write(tmp_path / "x.release").read_bytes()
    (tmp_path / "short").write_bytes(whole[:1500])
    releases.write_tar(tmp_path / "base", {"release.json": b"{}", "release.sig": b"not base64!"})
    for name in ("other.tar", "text", "short", "base"):
        with pytest.raises(ContractError), releasefile.open_file(tmp_path / name):
            pass
    with pytest.raises(StorageError), releasefile.open_file(tmp_path / "none"):
        pass


def test_a_file_cut_in_its_bundle_is_told_when_that_is_copied(made: Made, tmp_path: Path) -> None:
    """A download that broke off."""
    whole = made.write(tmp_path / "x.release").read_bytes()
    (tmp_path / "short").write_bytes(whole[:5000])
    with pytest.raises(ContractError), releasefile.open_file(tmp_path / "short") as opened:
        opened.copy_bundle(made.release.bundles[0], "0.2.0", tmp_path / "copy.tar")
    assert not list(tmp_path.glob("copy*"))
