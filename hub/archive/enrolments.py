"""How nodes join and leave, as values and as the archive's interface.

A token is kept as its hash. Whoever changes who may speak to the hub says so to the audit trail in
the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from edge.base.errors import CamwatchError
from hub.archive.audit import Deed
from hub.archive.values import Credential

Beginning = Literal["new", "replace", "replace_now"]
"""Of a node that nobody knows, or that is shut out; of one that is known; of that one, whose box is
out at once."""


@dataclass(frozen=True)
class NewEnrolment:
    """A token handed out; `sealed` is what its node file says of cameras, for the next one."""

    node: str
    token_hash: bytes
    expires_utc: datetime
    sealed: bytes


@dataclass(frozen=True)
class Enrolment:
    """A token and what became of it; `public_key` is of the box that redeemed it."""

    node: str
    made_utc: datetime
    expires_utc: datetime
    used_utc: datetime | None
    public_key: bytes | None
    closed_by: Literal["newer", "revoked"] | None


@dataclass(frozen=True)
class Standing:
    """How a node stands with the hub. `awaited_until_utc`: a node file is out, not used yet;
    `expired_utc`: its last one was not used until then."""

    awaited_until_utc: datetime | None = None
    enrolled_utc: datetime | None = None
    revoked_utc: datetime | None = None
    has_account: bool = False
    expired_utc: datetime | None = None


class StandingError(CamwatchError):
    """Nodes that do not stand as the change needs; nothing was changed. `nodes` names them."""

    def __init__(self, message: str, nodes: Sequence[str], *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.nodes = tuple(nodes)


class TokenStateError(CamwatchError):
    """The token cannot be redeemed (any more) by that key."""


class Enrolments(Protocol):
    """The tokens in a store. Methods may be called from any thread, block, raise StorageError."""

    def begin(
        self, enrolments: Sequence[NewEnrolment], how: Beginning, deeds: Sequence[Deed]
    ) -> None:
        """Let these tokens be redeemed; older ones of the same nodes end. All or none.

        Raises StandingError.
        """

    def check(self, nodes: Sequence[str], how: Beginning, now_utc: datetime) -> None:
        """Whether `begin` would take these nodes. Raises StandingError."""

    def find(self, token_hash: bytes) -> Enrolment | None:
        """The token of that hash."""

    def redeem(self, token_hash: bytes, public_key: bytes, account: Credential, deed: Deed) -> bool:
        """Give the node that account and pin its key; an older key is kept for its records.

        Again with the same key while the token lasts: the same, and false. `deed.at_utc` is now.
        Raises TokenStateError.
        """

    def revoke(self, node: str, deed: Deed) -> bool:
        """Take account and tokens from the node; its key is kept for its records. Whether there
        was anything to take. `deed.at_utc` is now."""

    def sealed_cameras(self, node: str) -> bytes | None:
        """What the node's last node file said of cameras."""

    def standings(self, now_utc: datetime) -> dict[str, Standing]:
        """Every node's, by name."""

    def shut_out(self) -> list[str]:
        """The nodes that were heard of and have no account any more, by name."""

    def accounts_version(self) -> int:
        """Rises with every change of an account, whoever makes it."""
