"""The folder in which the agent lays down what it fetched, and the installer takes it up.

The agent's side writes files. The installer's side trusts neither names nor sizes nor that a file
is still the same a moment later: it opens each without following links, copies it into root's own
folder, and looks at the copy only.

    order, order.sig    the hub's order as it came, and its signature (base64)
    bundle.tar.part     what was fetched so far      bundle.tar    all of it
    ready               laid down last: the installer may begin
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.base import durable
from edge.base.errors import StorageError, storage_error
from edge.contract import names
from edge.contract.release import Bundle
from edge.update.errors import FailedError

ORDER, SIGNATURE, BUNDLE, READY = "order", "order.sig", "bundle.tar", "ready"
PART = f"{BUNDLE}.part"
MAX_SIGNATURE_BYTES = 128
BLOCK_BYTES = 1024 * 1024
READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def is_bundle(file: Path, bundle: Bundle) -> bool:
    """Whether that file is the bundle that a release names. Raises StorageError."""
    try:
        if file.stat().st_size != bundle.size_bytes:
            return False
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest() == bundle.sha256
    except OSError as err:
        raise storage_error(err, "cannot read", file) from err


@dataclass(frozen=True)
class SignedOrder:
    """As it came from the hub."""

    payload: bytes
    signature: bytes


class Inbox:
    """The agent's side. One thread at a time."""

    def __init__(self, folder: Path) -> None:
        """Make the folder if need be. Raises StorageError."""
        self.folder = folder
        durable.make_dirs(folder)

    def order(self) -> SignedOrder | None:
        """The order that was put down last."""
        try:
            payload = (self.folder / ORDER).read_bytes()
            text = (self.folder / SIGNATURE).read_bytes()
            return SignedOrder(payload, base64.b64decode(text, validate=True))
        except FileNotFoundError:
            return None
        except (OSError, binascii.Error):
            return None  # the hub's is retained, and comes again

    def put_order(self, order: SignedOrder) -> None:
        """Keep an order in place of the one before, whose bundle is not handed over any more. What
        was fetched stays: it may be the new order's as well. Raises StorageError."""
        durable.remove(self.folder / READY)
        durable.write_file(self.folder / SIGNATURE, base64.b64encode(order.signature))
        durable.write_file(self.folder / ORDER, order.payload)

    def is_ready(self) -> bool:
        """Whether everything was handed over and not yet taken up."""
        return (self.folder / READY).exists()

    def hand_over(self) -> None:
        """The installer may begin. Raises StorageError."""
        durable.write_file(self.folder / READY, b"")

    def clear(self) -> None:
        """Let go of what was fetched. Raises StorageError."""
        for name in (READY, PART, BUNDLE):
            durable.remove(self.folder / name)


class Taken:
    """The installer's side: `work` holds copies that only root can change."""

    def __init__(self, inbox: Path, work: Path) -> None:
        self._inbox = inbox
        self._work = work
        self._order: SignedOrder | None = None

    def is_ready(self) -> bool:
        """Whether the agent has laid down everything."""
        try:
            with _folder(self._inbox) as fd:
                info = os.stat(READY, dir_fd=fd, follow_symlinks=False)
        except OSError:
            return False
        return stat.S_ISREG(info.st_mode)

    def order(self) -> SignedOrder:
        """The order, and no more of it than orders have. Raises FailedError."""
        self._order = None
        self._order = self._read_order()
        return self._order

    def _read_order(self) -> SignedOrder:
        payload = self._read(ORDER, names.MAX_UPDATE_BYTES)
        text = self._read(SIGNATURE, MAX_SIGNATURE_BYTES)
        try:
            return SignedOrder(payload, base64.b64decode(text, validate=True))
        except binascii.Error as err:
            raise FailedError("bundle", "the order's signature is no base64") from err

    def copy_bundle(self, size_bytes: int) -> None:
        """Copy the bundle, of exactly that size, into `work`. Raises FailedError, StorageError."""
        target = self._work / BUNDLE
        with contextlib.suppress(FileNotFoundError):
            target.unlink()
        with durable.PartFile(target) as part, self._open(BUNDLE) as source:
            left = size_bytes
            while left > 0:
                block = os.read(source.fd, min(BLOCK_BYTES, left))
                if not block:
                    raise FailedError("bundle", f"the bundle lacks {left} of {size_bytes} bytes")
                part.write(block)
                left -= len(block)
            if os.read(source.fd, 1):
                raise FailedError("bundle", f"the bundle has more than its {size_bytes} bytes")
            part.publish()

    def forget(self) -> None:
        """Take away the mark, so that this is not begun again; that of an order which came
        meanwhile stays. Raises StorageError."""
        if self._is_replaced():
            return
        try:
            with _folder(self._inbox) as fd:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(READY, dir_fd=fd)
                os.fsync(fd)
        except OSError as err:
            raise storage_error(err, "cannot remove", self._inbox / READY) from err

    def _is_replaced(self) -> bool:
        try:
            return self._read_order() != self._order
        except FailedError:
            return False

    def _read(self, name: str, max_bytes: int) -> bytes:
        with self._open(name) as source:
            data = os.read(source.fd, max_bytes + 1)
        if len(data) > max_bytes:
            raise FailedError("bundle", f"{name} has more than {max_bytes} bytes")
        return data

    def _open(self, name: str) -> _Opened:
        return _Opened(self._inbox / name)


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[int]:
    """A folder that is none by a link, as a descriptor. Raises OSError."""
    fd = os.open(path, READING | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)


class _Opened:
    """A plain file, opened without following a link or waiting for a pipe."""

    def __init__(self, path: Path) -> None:
        try:
            with _folder(path.parent) as folder:
                self.fd = os.open(path.name, READING, dir_fd=folder)
        except OSError as err:
            raise FailedError("bundle", f"cannot take {path}: {err.strerror or err}") from err
        if not stat.S_ISREG(os.fstat(self.fd).st_mode):
            os.close(self.fd)
            raise FailedError("bundle", f"{path} is no plain file")

    def __enter__(self) -> _Opened:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


def free_bytes(folder: Path) -> int:
    """Room on the disk that holds `folder`, for us. Raises StorageError."""
    try:
        info = os.statvfs(folder)
    except OSError as err:
        raise StorageError(f"cannot ask {folder} for its room: {err}", path=str(folder)) from err
    return info.f_bavail * info.f_frsize
