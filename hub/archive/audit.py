"""The audit trail: who did what, when, to what, from where. Append-only, each entry chained to the
one before, so that an edit, a deletion or a cut shows.

An entry is kept as the JSON bytes that were hashed; `prev` in them is the hash of the entry before.
The chain proves order and completeness up to a head that somebody remembers outside of the archive.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from edge.base.clock import parse_utc, utc_text
from edge.base.errors import CamwatchError

VERSION = 1
NO_HASH = "0" * 64  # what the first entry's prev is
MAX_TEXT = 300  # characters of one value
MAX_DETAILS = 12  # keys
MAX_FAULTS = 100  # told of one chain

By = Literal["session", "token", "password", "link", "command", "nobody"]
"""How somebody was known; "nobody" for one who was not."""

Outcome = Literal["done", "refused"]


@dataclass(frozen=True)
class Deed:
    """What somebody did or was refused. `user` is a name, empty for one who is not known;
    `action` a fixed word such as clip.play; `target` such as event:ID; `address` an IP address,
    or the machine's user for a command."""

    at_utc: datetime
    user: str
    by: By
    address: str
    action: str
    target: str = ""
    outcome: Outcome = "done"
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AuditHead:
    """The newest entry's number and hash; what a person remembers to prove that none was cut."""

    seq: int
    digest: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> AuditHead:
        """The head that `str` printed. Raises ValueError."""
        seq, colon, digest = text.strip().partition(":")
        is_hash = len(digest) == 64 and not digest.strip("0123456789abcdef")
        if not (colon and is_hash and seq.isascii() and seq.isdigit() and len(seq) <= 18):
            raise ValueError(f"{text[:80]!r} is not a head such as 42:64 hexadecimal digits")
        return cls(int(seq), digest)


EMPTY = AuditHead(0, NO_HASH)


@dataclass(frozen=True)
class AuditEntry:
    """A deed with its place in the chain."""

    seq: int
    digest: str
    deed: Deed


@dataclass(frozen=True)
class AuditRow:
    """An entry as stored, unchecked: the hashed bytes, and the columns that searches use."""

    seq: int
    digest: str
    payload: bytes
    columns: tuple[object, ...]


@dataclass(frozen=True)
class AuditFilter:
    """Which entries; None means any. since <= at < until; `action` may end with `.` for a family,
    such as `clip.`."""

    since_utc: datetime | None = None
    until_utc: datetime | None = None
    user: str | None = None
    action: str | None = None
    target: str | None = None
    outcome: Outcome | None = None


class AuditTrail(Protocol):
    """The trail in a store. Methods may be called from any thread, block, raise StorageError."""

    def append(self, deeds: Sequence[Deed]) -> AuditHead:
        """Add deeds in one transaction, durable on return; the new head."""

    def head(self) -> AuditHead:
        """The newest entry's place; EMPTY before the first."""

    def entries(
        self, where: AuditFilter, *, limit: int, before: int | None = None
    ) -> list[AuditEntry]:
        """Entries, newest first, of those with a lower number than `before`."""

    def rows_after(self, seq: int, limit: int) -> list[AuditRow]:
        """The next rows by number, for checking."""


def encode(deed: Deed, seq: int, prev: str) -> bytes:
    """The bytes that are hashed and kept."""
    detail = dict(list(deed.detail.items())[:MAX_DETAILS])
    plain = {
        "v": VERSION,
        "seq": seq,
        "prev": prev,
        "at_utc": utc_text(deed.at_utc),
        "user": _kept(deed.user),
        "by": deed.by,
        "address": _kept(deed.address),
        "action": deed.action,
        "target": _kept(deed.target),
        "outcome": deed.outcome,
        "detail": {_kept(key): _kept(value) for key, value in detail.items()},
    }
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()


def decode(payload: bytes) -> tuple[int, str, Deed]:
    """An entry's number, the hash before it, and its deed. Raises ValueError."""
    try:
        plain = json.loads(payload)
        deed = Deed(
            parse_utc(plain["at_utc"]),
            str(plain["user"]),
            plain["by"],
            str(plain["address"]),
            str(plain["action"]),
            str(plain["target"]),
            plain["outcome"],
            {str(key): str(value) for key, value in plain["detail"].items()},
        )
        return int(plain["seq"]), str(plain["prev"]), deed
    except (KeyError, TypeError, AttributeError, ValueError) as err:
        raise ValueError(f"not an entry: {err}") from err


def digest_of(payload: bytes) -> str:
    """The hash that the next entry names."""
    return hashlib.sha256(payload).hexdigest()


def columns_of(deed: Deed) -> tuple[object, ...]:
    """What a store keeps beside the bytes, to search by: user, action, target, outcome."""
    return _kept(deed.user), deed.action, _kept(deed.target), deed.outcome


def _kept(text: str) -> str:
    """What is kept of a text that may come from a stranger."""
    return text[:MAX_TEXT].encode(errors="replace").decode()


class ChainError(CamwatchError):
    """The trail is not whole."""


@dataclass(frozen=True)
class ChainReport:
    """What checking found: the newest entry seen, and what is wrong, oldest first."""

    head: AuditHead
    faults: tuple[str, ...]


def check(rows: Iterable[AuditRow], remembered: Sequence[AuditHead] = ()) -> ChainReport:
    """Check a whole trail, given from its first row on, against itself and remembered heads."""
    last = EMPTY
    faults: list[str] = []
    wanted = {head.seq: head for head in remembered if head.seq}
    for row in rows:
        faults += _faults_of(row, last)
        last = AuditHead(row.seq, row.digest)
        head = wanted.pop(row.seq, None)
        if head is not None and head.digest != row.digest:
            faults.append(f"entry {row.seq}: is not the one that was remembered")
        if len(faults) >= MAX_FAULTS:
            break
    else:
        faults += [
            f"entry {seq}: was remembered and is not there; the trail ends at {last.seq}"
            for seq in sorted(wanted)
        ]
    return ChainReport(last, tuple(faults[:MAX_FAULTS]))


def _faults_of(row: AuditRow, last: AuditHead) -> Iterator[str]:
    if row.seq != last.seq + 1:
        yield f"entries {last.seq + 1} to {row.seq - 1}: are missing"
    if digest_of(row.payload) != row.digest:
        yield f"entry {row.seq}: was changed"
        return
    try:
        seq, prev, deed = decode(row.payload)
    except ValueError as err:
        yield f"entry {row.seq}: {err}"
        return
    if seq != row.seq:
        yield f"entry {row.seq}: was entry {seq} when it was written"
    elif prev != last.digest and row.seq == last.seq + 1:
        yield f"entry {row.seq}: does not continue the one before it"
    if row.columns != columns_of(deed):
        yield f"entry {row.seq}: its columns are not what was hashed"
