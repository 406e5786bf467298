"""Makes records: numbered, chained to the one before, signed. In memory only.

A number is taken when a record is made, and never given to another record of the same epoch.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from edge.base import strictjson
from edge.base.clock import Clock
from edge.contract import documents, names, record
from edge.contract.parts import ClockStamp
from edge.keys import PrivateKey
from edge.outbox.values import ORDINARY, GapCause, Signed


class Chain:
    """The newest end of one journal. One thread at a time."""

    def __init__(
        self, *, node: str, key: PrivateKey, clock: Clock, stamp: Callable[[], ClockStamp]
    ) -> None:
        self._node = node
        self._key = key
        self._clock = clock
        self._stamp = stamp
        self.begin()

    @property
    def key(self) -> PrivateKey:
        """What the records are signed with."""
        return self._key

    def begin(self) -> None:
        """Start a new journal under an epoch of its own."""
        self.resume(secrets.token_hex(8), 0, names.FIRST_HASH)

    def resume(self, epoch: str, last_seq: int, last_hash: str) -> None:
        """Go on behind a record that was made before."""
        self.epoch, self.last_seq, self.last_hash = epoch, last_seq, last_hash

    def append(
        self,
        body: record.Body,
        *,
        camera: str | None = None,
        event: str | None = None,
        priority: int = ORDINARY,
    ) -> Signed:
        """The next record, about what `body` says. Raises ContractError; no number is taken."""
        header = record.Header(
            v=names.VERSION, node=self._node, epoch=self.epoch, seq=self.last_seq + 1,
            prev=self.last_hash, type=record.TYPES[type(body)], at_utc=self._clock.utc(),
            clock=self._stamp(), camera=camera, event=event,
        )  # fmt: skip
        return self._sign(header, body, record.encode(header, body), priority)

    def append_again(self, payload: bytes, priority: int = ORDINARY) -> Signed:
        """The next record, saying what a record of an earlier journal said. Raises ContractError.

        Times and boot stay the old ones: instants in a body belong to the header's boot.
        """
        value = documents.parse(payload, max_bytes=names.MAX_RECORD_BYTES)
        value |= {
            "node": self._node, "epoch": self.epoch, "seq": self.last_seq + 1,
            "prev": self.last_hash,
        }  # fmt: skip
        renewed = strictjson.dumps(value)
        made = record.decode(renewed)
        return self._sign(made.header, made.body, renewed, priority)

    def _sign(
        self, header: record.Header, body: record.Body | None, payload: bytes, priority: int
    ) -> Signed:
        digest = record.digest(payload)
        signed = Signed(header, body, payload, self._key.sign(payload), digest, priority)
        self.last_seq, self.last_hash = header.seq, digest
        return signed


def is_own_gap(signed: Signed) -> bool:
    """Whether it declares records of its own journal lost."""
    body = signed.body
    return isinstance(body, record.JournalGap) and body.lost_epoch == signed.header.epoch


def gap_body(
    lost_epoch: str, first_seq: int, last_seq: int | None, cause: GapCause, detail: str = ""
) -> record.JournalGap:
    """What a journal.gap record says."""
    return record.JournalGap(
        lost_epoch=lost_epoch,
        first_seq=max(1, first_seq),
        cause=cause,
        last_seq=last_seq,
        detail=names.shorten(detail, names.MAX_DETAIL_CHARS) if detail else None,
    )
