"""A release as one file: a tar with the manifest, its signature, and one bundle an architecture.

    release.json      the manifest, the bytes that were signed
    release.sig       base64 of the Ed25519 signature over `signed_bytes` of them
    camwatch-VERSION-ARCH.tar ...

The two small ones come first, so that a hub can refuse a file before it reads the rest.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edge.base import durable
from edge.base.errors import storage_error
from edge.contract import release
from edge.contract.errors import ContractError
from edge.contract.release import MANIFEST_FILE, SIGNATURE_FILE, Bundle

SUFFIX = ".release"
MAX_SIGNATURE_BYTES = 128
MAX_MEMBERS = 16
BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Opened:
    """A release file being read. Nothing of it is verified yet."""

    path: Path
    manifest: bytes
    signature: bytes
    _archive: tarfile.TarFile
    _members: Mapping[str, tarfile.TarInfo]

    def copy_bundle(self, bundle: Bundle, version: str, target: Path) -> None:
        """Copy a bundle to `target`, durable on return, if it is the one that `bundle` names.

        Raises ContractError where it is another one, StorageError.
        """
        name = release.bundle_name(version, bundle.arch)
        member = self._members.get(name)
        if member is None or not member.isreg() or member.size != bundle.size_bytes:
            raise ContractError("bundle", f"{self.path} lacks {name} of {bundle.size_bytes} bytes")
        source = self._archive.extractfile(member)
        if source is None:
            raise ContractError("bundle", f"{self.path} lacks {name}")
        digest = hashlib.sha256()
        durable.remove(durable.part_path(target))
        with durable.PartFile(target) as part:
            for block in _blocks(source, self.path):
                digest.update(block)
                part.write(block)
            if part.tell() != bundle.size_bytes or digest.hexdigest() != bundle.sha256:
                raise ContractError("bundle", f"{name} is not the one that the release names")
            part.publish()


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[Opened]:
    """A release file. Raises ContractError for what is none, StorageError."""
    try:
        with tarfile.open(path, "r:", errorlevel=2) as archive:
            members: dict[str, tarfile.TarInfo] = {}
            for member in archive:
                if len(members) >= MAX_MEMBERS or member.name in members:
                    raise ContractError("bundle", f"{path} is no release: too much in it")
                members[member.name] = member
            manifest = _small(archive, members, MANIFEST_FILE, release.MAX_MANIFEST_BYTES, path)
            text = _small(archive, members, SIGNATURE_FILE, MAX_SIGNATURE_BYTES, path)
            try:
                signature = base64.b64decode(text.strip(), validate=True)
            except binascii.Error as err:
                raise ContractError("signature", f"{path}: {SIGNATURE_FILE} is no base64") from err
            yield Opened(path, manifest, signature, archive, members)
    except (tarfile.TarError, EOFError, UnicodeError) as err:
        raise ContractError("bundle", f"{path} is no release: {err}") from err
    except OSError as err:
        raise storage_error(err, "cannot read", path) from err


def write(path: Path, manifest: bytes, signature: bytes, bundles: Mapping[str, Path]) -> None:
    """Make a release file, durable on return; `bundles` by file name. Raises StorageError."""
    durable.remove(durable.part_path(path))
    try:
        with durable.PartFile(path, mode=0o644) as part:
            with tarfile.open(fileobj=_Writer(part), mode="w|") as archive:  # type: ignore[call-overload]
                _add(archive, MANIFEST_FILE, manifest)
                _add(archive, SIGNATURE_FILE, base64.b64encode(signature) + b"\n")
                for name, source in bundles.items():
                    with source.open("rb") as file:
                        info = tarfile.TarInfo(name)
                        info.size, info.mode = source.stat().st_size, 0o644
                        archive.addfile(info, file)
            part.publish()
    except OSError as err:
        raise storage_error(err, "cannot write", path) from err


class _Writer:
    """What tarfile needs of a file to be written from beginning to end."""

    def __init__(self, part: durable.PartFile) -> None:
        self._part = part

    def write(self, data: bytes) -> int:
        return self._part.write(data)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    archive.addfile(info, io.BytesIO(data))


def _small(
    archive: tarfile.TarFile,
    members: Mapping[str, tarfile.TarInfo],
    name: str,
    max_bytes: int,
    path: Path,
) -> bytes:
    member = members.get(name)
    source = None if member is None or member.size > max_bytes else archive.extractfile(member)
    if source is None:
        raise ContractError("bundle", f"{path} is no release: it lacks {name}")
    return source.read(max_bytes)


def _blocks(source: IO[bytes], path: Path) -> Iterator[bytes]:
    try:
        while block := source.read(BLOCK_BYTES):
            yield block
    except OSError as err:
        raise storage_error(err, "cannot read", path) from err
