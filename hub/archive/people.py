"""Users, their sessions, API tokens and one-time links, as values and as the archive's interface.

Secrets are not in here: a password is kept as its argon2id hash, everything else as the SHA-256 of
256 random bits. Whoever changes a user says so to the audit trail in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, get_args

from hub.archive.audit import Deed
from hub.archive.scope import EVERYTHING, Scope

UserRole = Literal["viewer", "operator", "administrator"]
"""Looks; also marks, notes and exports; also changes settings and users."""

ROLES: tuple[UserRole, ...] = get_args(UserRole)


@dataclass(frozen=True)
class User:
    """Somebody who may log in. `id` is never used again; `name` is what they type."""

    id: int
    name: str
    full_name: str
    role: UserRole
    scope: Scope
    language: str | None
    added_utc: datetime
    password_utc: datetime | None
    disabled_utc: datetime | None

    @property
    def is_active(self) -> bool:
        """Whether they can log in."""
        return self.disabled_utc is None and self.password_utc is not None

    @property
    def rules_all(self) -> bool:
        """Whether they can administrate everything now."""
        return self.is_active and self.role == "administrator" and self.scope.is_everything


@dataclass(frozen=True)
class NewUser:
    """A user to be added."""

    name: str
    full_name: str
    role: UserRole
    scope: Scope = EVERYTHING
    language: str | None = None


@dataclass(frozen=True)
class Session:
    """A browser that logged in. `digest` is the SHA-256 of what its cookie holds."""

    digest: bytes
    user_id: int
    begun_utc: datetime
    seen_utc: datetime
    ends_utc: datetime
    address: str
    agent: str


@dataclass(frozen=True)
class Token:
    """A program's access in a user's name: never more than that user may. Ends when it expires,
    is revoked, or the user is disabled."""

    id: int
    user_id: int
    name: str
    role: UserRole
    scope: Scope
    added_utc: datetime
    expires_utc: datetime
    revoked_utc: datetime | None
    used_utc: datetime | None


@dataclass(frozen=True)
class NewToken:
    """A token to be added; `digest` is the SHA-256 of the secret."""

    digest: bytes
    user_id: int
    name: str
    role: UserRole
    scope: Scope
    added_utc: datetime
    expires_utc: datetime


@dataclass(frozen=True)
class Invitation:
    """A one-time link: to choose a user's password, or, without a user, to become the first
    administrator."""

    digest: bytes
    user_id: int | None
    expires_utc: datetime


class NameTakenError(ValueError):
    """There is a user of that name, perhaps a disabled one."""


class InvitationUsedError(ValueError):
    """The link was used before, or is not the newest."""


class People(Protocol):
    """Users and what lets them in. Methods may be called from any thread, block, raise
    StorageError; a `deed` is written to the audit trail with the change, or neither is."""

    def users(self) -> list[User]:
        """All users by name, disabled ones too."""

    def user(self, user_id: int) -> User | None:
        """One user."""

    def user_named(self, name: str) -> User | None:
        """One user by the name that they type."""

    def password_hash(self, user_id: int) -> str | None:
        """The argon2id hash; None before a password was chosen."""

    def add_user(self, user: NewUser, deed: Deed) -> User:
        """Add a user without a password. Raises NameTakenError."""

    def change_user(self, user: User, deed: Deed) -> None:
        """Write full name, role, scope, language and whether disabled. Disabled users lose their
        sessions and links at once."""

    def set_password(self, user_id: int, password_hash: str, deed: Deed) -> None:
        """Set it; ends all sessions and links of the user."""

    def set_rehashed(self, user_id: int, password_hash: str) -> None:
        """The same password under newer parameters; nothing else changes."""

    def invite(self, invitation: Invitation, deed: Deed | None) -> None:
        """Keep a one-time link in place of an older one of the same user."""

    def invitation(self, digest: bytes) -> Invitation | None:
        """The link, if it is there; it may have expired."""

    def accept(
        self, invitation: Invitation, user: NewUser | None, password_hash: str, deed: Deed
    ) -> User:
        """Use the link up: set its user's password, or add `user` as the first administrator.

        Raises InvitationUsedError, NameTakenError.
        """

    def begin_session(self, session: Session, deed: Deed) -> None:
        """Keep a new session."""

    def session(self, digest: bytes) -> Session | None:
        """The session, if it is there; it may have expired."""

    def sessions_of(self, user_id: int) -> list[Session]:
        """A user's sessions, newest first."""

    def touch_session(self, digest: bytes, now_utc: datetime) -> None:
        """Note that it was used."""

    def end_session(self, digest: bytes, deed: Deed | None) -> None:
        """Forget it."""

    def drop_expired(self, now_utc: datetime, *, idle_since: datetime) -> None:
        """Forget sessions that ended or were used last before `idle_since`, and expired links."""

    def is_known_address(self, user_id: int, address: str) -> bool:
        """Whether the user logged in from there in the past."""

    def add_token(self, token: NewToken, deed: Deed) -> Token:
        """Add a token."""

    def token(self, digest: bytes) -> Token | None:
        """The token of that secret; it may be expired or revoked."""

    def tokens(self, user_id: int | None = None) -> list[Token]:
        """Tokens of one or of all users, newest first."""

    def revoke_token(self, token_id: int, now_utc: datetime, deed: Deed) -> bool:
        """Revoke it; false when there is none that lives."""

    def touch_token(self, token_id: int, now_utc: datetime) -> None:
        """Note that it was used."""
