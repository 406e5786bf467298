"""Uploads under way, on disk, so that they outlive a restart of the hub.

Each is two files in one folder: ID.json says which clip it is, ID.part holds the bytes so far.

Invariants
- An offset is told to a client only after the bytes before it were flushed.
- Bytes are only appended in order, so whatever is in the part after a crash is the beginning of
  what the client sent, or, after a power cut, caught by the clip's hash at the end.
Order of creating: 1. ID.part  2. ID.json (flushes the folder, hence both)  3. tell the client.
Order of finishing: 1. the clip store adopts ID.part  2. the archive's row  3. ID.json is removed.
A lone ID.part was never told to anyone; a lone ID.json was adopted: both are removed at start.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.base import crashpoint, durable
from edge.base.durable import PartFile
from edge.base.errors import DiskFullError, StorageError
from hub.archive.values import Clip

EXPIRY_S = 24 * 3600
ID_BYTES = 16
META_SUFFIX = ".json"


@dataclass(frozen=True)
class Upload:
    """A clip on its way. `id` was chosen here and is unguessable."""

    id: str
    node: str
    event: str
    part: int
    sha256: str
    size_bytes: int


class UploadStore:
    """Uploads in `folder`. Any thread may call; one upload is appended to by one at a time."""

    def __init__(self, folder: Path) -> None:
        """Find what a previous run left. Raises StorageError."""
        self._folder = folder
        self._lock = threading.Lock()
        self._uploads: dict[str, Upload] = {}
        self._offsets: dict[str, int] = {}
        durable.make_dirs(folder)
        self._load()

    def begin(self, clip: Clip) -> Upload:
        """The upload of that clip: a new one, or the one under way. Raises StorageError."""
        with self._lock:
            for upload in self._uploads.values():
                if (upload.node, upload.sha256, upload.event, upload.part) == (
                    clip.node, clip.sha256, clip.event, clip.part,
                ):  # fmt: skip
                    return upload
            upload = Upload(
                secrets.token_hex(ID_BYTES), clip.node, clip.event, clip.part, clip.sha256,
                clip.size_bytes,
            )  # fmt: skip
            try:
                PartFile(self.path(upload)).leave()
                meta = json.dumps(asdict(upload)).encode()
                durable.write_file(self._meta_path(upload), meta)
            except StorageError:
                for path in (self._meta_path(upload), self.data_path(upload)):
                    with contextlib.suppress(OSError):
                        path.unlink()  # what stays is removed, or expires, after the next start
                raise
            self._uploads[upload.id] = upload
            self._offsets[upload.id] = 0
            return upload

    def find(self, upload_id: str, node: str) -> Upload | None:
        """The node's upload of that id; another node's is not found either."""
        upload = self._uploads.get(upload_id)
        return upload if upload is not None and upload.node == node else None

    def offset(self, upload: Upload) -> int:
        """How many bytes are held durably."""
        return self._offsets.get(upload.id, 0)

    def expires_utc_s(self, upload: Upload) -> float:
        """When it is given up unless something arrives, in seconds since 1970 by our clock."""
        try:
            return self.data_path(upload).stat().st_mtime + EXPIRY_S
        except OSError:
            return time.time()

    def open(self, upload: Upload) -> Appending:
        """Go on appending at the durable offset. Raises StorageError."""
        return Appending(self, upload)

    def data_path(self, upload: Upload) -> Path:
        """The file with the bytes so far."""
        return durable.part_path(self.path(upload))

    def drop(self, upload: Upload) -> None:
        """Forget the upload and its bytes. Raises StorageError."""
        with self._lock:
            self._uploads.pop(upload.id, None)
            self._offsets.pop(upload.id, None)
            durable.remove(self._meta_path(upload))
            durable.remove(self.data_path(upload))

    def expired(self) -> list[Upload]:
        """Uploads to which nothing was added for EXPIRY_S."""
        now_s = time.time()
        with self._lock:
            uploads = list(self._uploads.values())
        return [upload for upload in uploads if self.expires_utc_s(upload) <= now_s]

    def complete(self) -> list[Upload]:
        """Uploads whose bytes are all here, but which were not adopted yet."""
        with self._lock:
            uploads = list(self._uploads.values())
        return [upload for upload in uploads if self.offset(upload) == upload.size_bytes]

    def moved(self, upload: Upload, offset: int) -> None:
        """The bytes before `offset` are durable now."""
        self._offsets[upload.id] = offset

    def path(self, upload: Upload) -> Path:
        """The name whose `.part` holds the bytes."""
        return self._folder / upload.id

    def _meta_path(self, upload: Upload) -> Path:
        return self._folder / (upload.id + META_SUFFIX)

    def _load(self) -> None:
        kept: set[Path] = set()
        for path in sorted(self._folder.glob(f"*{META_SUFFIX}")):
            try:
                upload = Upload(**json.loads(path.read_bytes()))
                part = PartFile.reopen(self.path(upload))
            except (OSError, ValueError, TypeError, StorageError):
                continue  # adopted, or not ours; removed below
            try:
                part.flush_to_disk()
            finally:
                part.leave()
            kept |= {path, self.data_path(upload)}
            self._uploads[upload.id] = upload
            self._offsets[upload.id] = self.data_path(upload).stat().st_size
        for path in self._folder.iterdir():
            if path not in kept and path.is_file():
                durable.remove(path)


class Appending:
    """One request's writing to one upload; used by one thread at a time, ended once.

    After a failed write or flush the file's content is unknown, so the upload is dropped; but a
    full disk is told before bytes are taken, so there it may go on from its durable offset.
    """

    def __init__(self, store: UploadStore, upload: Upload) -> None:
        self._store = store
        self._upload = upload
        self._start = store.offset(upload)
        self._file = PartFile.reopen(store.path(upload))
        self._file.seek(self._start)
        self.offset = self._start

    def write(self, data: bytes) -> None:
        """Append; not durable yet. Raises StorageError, DiskFullError for a full disk."""
        with self._dropping_on_failure():
            self.offset += self._file.write(data)

    def commit(self) -> None:
        """Flush; the bytes count from now on. Raises StorageError."""
        crashpoint.at("upload.append")
        with self._dropping_on_failure():
            self._file.flush_to_disk()
            self._file.leave()
        crashpoint.at("upload.flushed")
        self._store.moved(self._upload, self.offset)

    def undo(self) -> None:
        """Cut off what this request wrote. Raises StorageError."""
        with self._dropping_on_failure():
            self._file.truncate(self._start)
            self._file.leave()

    @contextlib.contextmanager
    def _dropping_on_failure(self) -> Iterator[None]:
        try:
            yield
        except StorageError as err:
            with contextlib.suppress(StorageError):
                self._file.leave()
            if not isinstance(err, DiskFullError):
                self._store.drop(self._upload)
            raise
