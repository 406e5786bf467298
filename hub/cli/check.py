"""`camwatch-hub check`: is what was archived still there and still what was signed?"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.contract import names, record
from edge.contract.errors import ContractError
from edge.keys import PublicKey
from hub.archive import Archive
from hub.archive.opening import open_to_read
from hub.archive.values import Clip, RecordKey, Snapshot, StoredRecord
from hub.clipstore import ClipStore, FileClipStore, HashMismatchError
from hub.config import HubSettings

PAGE = 1000
START = RecordKey(-1, -1)


@dataclass(frozen=True)
class Finding:
    """Something about the archive. Damage is what must not be; a note is worth knowing."""

    kind: str
    text: str
    is_damage: bool = True


def run(arguments: argparse.Namespace, settings: HubSettings) -> int:
    """Print what is found; 1 when anything is damaged."""
    archive = open_to_read(settings)
    try:
        damaged = 0
        for finding in _findings(archive, settings, is_full=arguments.full):
            damaged += finding.is_damage
            _print(finding, is_json=arguments.json)
    finally:
        archive.close()
    if not arguments.json:
        depth = "hashes and signatures too" if arguments.full else "presence, sizes and chains"
        print(f"checked {depth}: {f'{damaged} damaged' if damaged else 'sound'}")
    return 1 if damaged else 0


def _print(finding: Finding, *, is_json: bool) -> None:
    if is_json:
        found = {"kind": finding.kind, "text": finding.text, "is_damage": finding.is_damage}
        print(json.dumps(found, ensure_ascii=False), flush=True)
    else:
        print(f"{finding.kind}: {finding.text}", flush=True)


def _findings(archive: Archive, settings: HubSettings, *, is_full: bool) -> Iterator[Finding]:
    unsound = archive.integrity(is_full=is_full)
    yield from (Finding("database", text) for text in unsound)
    if unsound:
        return  # whatever else is read from it proves nothing
    yield from (Finding("chain", text) for text in archive.broken_links())
    if is_full:
        yield from _check_records(archive)
    clips, snapshots = archive.announced_media()
    clip_store = FileClipStore(settings.clips_path, suffix=".mp4", must_exist=True)
    yield from _check_files("clip", clips, clip_store, is_full=is_full)
    picture_store = FileClipStore(settings.snapshots_path, suffix=".jpg", must_exist=True)
    yield from _check_files("snapshot", snapshots, picture_store, is_full=is_full)


def _check_records(archive: Archive) -> Iterator[Finding]:
    """From the stored bytes alone: hash, what the columns repeat, signature, chain."""
    keys: dict[str, list[PublicKey]] = {}
    last: StoredRecord | None = None
    last_hash = ""
    after = START
    while page := archive.records_after(after, PAGE):
        for stored in page:
            if stored.node not in keys:
                keys[stored.node] = [PublicKey(raw) for raw in archive.public_keys(stored.node)]
            found = hashlib.sha256(stored.payload).hexdigest()
            follows = last is not None and last.key == (stored.key[0], stored.key[1] - 1)
            prev = last_hash if follows else names.FIRST_HASH if stored.seq == 1 else None
            where = f"{stored.node}, journal {stored.epoch}, record {stored.seq}"
            for text in _wrong_with(stored, found, prev, keys[stored.node]):
                yield Finding("record", f"{where}: {text}")
            last, last_hash = stored, found
        after = page[-1].key


def _wrong_with(
    stored: StoredRecord, found: str, prev: str | None, keys: list[PublicKey]
) -> Iterator[str]:
    if found != stored.digest:
        yield "its bytes have changed"
    if not any(key.verify(stored.payload, stored.signature) for key in keys):
        yield "its signature is of no key of its node"
    try:
        header = record.decode(stored.payload).header
    except ContractError as err:
        yield f"it cannot be read: {err}"
        return
    if (header.node, header.epoch, header.seq) != (stored.node, stored.epoch, stored.seq):
        yield "it stands under another number than its own"
    if prev is not None and header.prev != prev:
        yield "it does not continue the record before it"


def _check_files(
    kind: str, files: list[Clip] | list[Snapshot], store: ClipStore, *, is_full: bool
) -> Iterator[Finding]:
    announced: set[str] = set()
    for file in files:
        announced.add(file.sha256)
        what = f"{file.sha256[:16]} of event {file.event} ({file.node})"
        size_bytes = store.size_of(file.sha256)
        if file.stored_utc is None:
            if size_bytes == file.size_bytes:
                text = f"{what} is here and not noted; the hub takes it in at its next start"
                yield Finding(kind, text, is_damage=False)
        elif size_bytes is None:
            yield Finding(kind, f"{what} is gone")
        elif size_bytes != file.size_bytes:
            yield Finding(kind, f"{what} has {size_bytes} bytes, recorded are {file.size_bytes}")
        elif is_full:
            yield from _check_bytes(kind, what, file.sha256, store)
    for sha256 in store.kept():
        if sha256 not in announced:
            yield Finding(kind, f"{sha256} belongs to no record", is_damage=False)


def _check_bytes(kind: str, what: str, sha256: str, store: ClipStore) -> Iterator[Finding]:
    try:
        for _ in store.read(sha256):
            pass
    except HashMismatchError:
        yield Finding(kind, f"{what} has changed")
    except StorageError as err:
        yield Finding(kind, f"{what} cannot be read: {error_chain(err)}")
