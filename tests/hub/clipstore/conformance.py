"""What every clip store must do. A store's test module subclasses `ClipStoreConformance`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.clipstore import ClipStore, HashMismatchError

CONTENT = bytes(range(256)) * 9000  # more than two read blocks
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OpenStore = Callable[[], ClipStore]
Spoil = Callable[[ClipStore, str], None]


class ClipStoreConformance:
    """Subclasses give `open_store`, the same store at each call, and `spoil`, which changes one
    stored byte behind the store's back."""

    @pytest.fixture
    def store(self, open_store: OpenStore) -> ClipStore:
        """The store, opened once."""
        return open_store()

    @pytest.fixture
    def upload(self, tmp_path: Path) -> Path:
        """A complete uploaded file."""
        path = tmp_path / "upload"
        path.write_bytes(CONTENT)
        return path

    def test_an_adopted_file_is_read_back_and_its_source_is_gone(
        self, open_store: OpenStore, upload: Path
    ) -> None:
        """Also by a store that is opened later."""
        open_store().adopt(upload, SHA256)
        assert not upload.exists()
        again = open_store()
        assert again.size_of(SHA256) == len(CONTENT)
        assert b"".join(again.read(SHA256)) == CONTENT

    def test_a_file_with_another_hash_is_refused_and_left(
        self, store: ClipStore, upload: Path
    ) -> None:
        """Nothing appears under the promised name."""
        with pytest.raises(HashMismatchError):
            store.adopt(upload, "0" * 64)
        assert upload.read_bytes() == CONTENT
        assert store.size_of("0" * 64) is None
        assert store.size_of(SHA256) is None

    def test_content_is_kept_once_however_often_it_comes(
        self, store: ClipStore, upload: Path
    ) -> None:
        """Keeping and adopting are idempotent."""
        store.keep(CONTENT, SHA256)
        store.keep(CONTENT, SHA256)
        store.adopt(upload, SHA256)
        assert b"".join(store.read(SHA256)) == CONTENT

    def test_wrong_content_is_not_kept(self, store: ClipStore) -> None:
        """The hash is checked before anything is written."""
        with pytest.raises(HashMismatchError):
            store.keep(b"other", SHA256)
        assert store.size_of(SHA256) is None

    def test_a_stored_byte_that_changed_is_noticed_on_reading(
        self, store: ClipStore, spoil: Spoil
    ) -> None:
        """Silent bit rot does not pass as evidence."""
        store.keep(CONTENT, SHA256)
        spoil(store, SHA256)
        with pytest.raises(HashMismatchError):
            b"".join(store.read(SHA256))

    def test_removed_content_is_gone(self, store: ClipStore) -> None:
        """Removing twice is harmless."""
        store.keep(CONTENT, SHA256)
        assert store.remove(SHA256)
        assert not store.remove(SHA256)
        assert store.size_of(SHA256) is None
