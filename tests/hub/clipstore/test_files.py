"""The clip store in a folder: the suite of all clip stores, and what only this one has."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from edge.base.errors import DiskFullError, StorageError
from hub.clipstore import ClipStore, FileClipStore
from tests.hub.clipstore.conformance import (
    CONTENT,
    SHA256,
    ClipStoreConformance,
    OpenStore,
    Spoil,
)


@pytest.fixture
def open_store(tmp_path: Path) -> OpenStore:
    """The store in this test's folder."""
    return lambda: FileClipStore(tmp_path / "clips", suffix=".mp4")


@pytest.fixture
def spoil() -> Spoil:
    """Flips one bit of a stored file."""

    def flip(store: ClipStore, sha256: str) -> None:
        assert isinstance(store, FileClipStore)
        path = store.path_of(sha256)
        content = bytearray(path.read_bytes())
        content[7] ^= 1
        path.write_bytes(content)

    return flip


class TestFileClipStore(ClipStoreConformance):
    """Runs the suite over a folder."""


def test_content_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    """Footage is nobody else's business."""
    store = FileClipStore(tmp_path / "clips", suffix=".jpg")
    store.keep(CONTENT, SHA256)
    path = store.path_of(SHA256)
    assert path.suffix == ".jpg"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_failed_flush_keeps_nothing_and_leaves_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip whose bytes may not be on disk never appears under its name."""
    store = FileClipStore(tmp_path / "clips", suffix=".mp4")
    source = tmp_path / "upload"
    source.write_bytes(CONTENT)

    def fail(fd: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DiskFullError):
        store.adopt(source, SHA256)
    assert source.exists()
    assert store.size_of(SHA256) is None


def test_reading_what_is_not_there_is_a_storage_error(tmp_path: Path) -> None:
    """The operating system's errors do not leave the room."""
    store = FileClipStore(tmp_path / "clips", suffix=".mp4")
    with pytest.raises(StorageError, match="cannot read"):
        next(store.read(SHA256))
