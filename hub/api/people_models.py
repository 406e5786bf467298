"""Users and tokens as the API takes and gives them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hub.api.models import Answer, Language, Moment, Role, Scope, TakenIn
from hub.archive.audit import AuditEntry
from hub.archive.people import Token, User
from hub.registry.sessions import MAX_TOKEN_LIFE
from hub.registry.users import MAX_FULL_NAME, NAME_PATTERN


class UserIn(TakenIn):
    """A user to be added."""

    name: str = Field(pattern=f"^{NAME_PATTERN}$", description="What they type at log-in.")
    full_name: str = Field("", max_length=MAX_FULL_NAME)
    role: Role = "viewer"
    scope: Scope = Scope(everything=True)
    language: Language | None = None


class UserChange(TakenIn):
    """What is to be changed; what is left out stays."""

    full_name: str | None = Field(None, max_length=MAX_FULL_NAME)
    role: Role | None = None
    scope: Scope | None = None
    language: Language | None = None
    is_disabled: bool | None = None


class UserAnswer(Answer):
    """A user."""

    name: str
    full_name: str
    role: Role
    scope: Scope
    language: str | None
    state: Literal["active", "no password yet", "disabled"]
    added_utc: Moment
    password_utc: Moment | None

    @classmethod
    def of(cls, user: User) -> UserAnswer:
        """As it is given out."""
        is_off = user.disabled_utc is not None
        return cls(
            name=user.name,
            full_name=user.full_name,
            role=user.role,
            scope=Scope.of(user.scope),
            language=user.language,
            state="disabled" if is_off else "active" if user.is_active else "no password yet",
            added_utc=user.added_utc,
            password_utc=user.password_utc,
        )


class LinkAnswer(Answer):
    """A one-time link by which a user chooses a password. It is shown only here."""

    path: str = Field(description="To be put after the hub's address.")
    expires_utc: Moment


class TokenIn(TakenIn):
    """A token to be made for oneself."""

    name: str = Field(min_length=1, max_length=60, description="What it is for.")
    role: Role = "viewer"
    scope: Scope = Scope(everything=True)
    days: int = Field(90, ge=1, le=MAX_TOKEN_LIFE.days)


class TokenAnswer(Answer):
    """A token, without its secret."""

    id: int
    user: str
    name: str
    role: Role
    scope: Scope
    added_utc: Moment
    expires_utc: Moment
    revoked_utc: Moment | None
    used_utc: Moment | None = Field(description="To within a minute.")

    @classmethod
    def of(cls, token: Token, user: str) -> TokenAnswer:
        """As it is given out."""
        return cls(
            id=token.id,
            user=user,
            name=token.name,
            role=token.role,
            scope=Scope.of(token.scope),
            added_utc=token.added_utc,
            expires_utc=token.expires_utc,
            revoked_utc=token.revoked_utc,
            used_utc=token.used_utc,
        )


class NewTokenAnswer(Answer):
    """A new token with its secret, which is not kept and never shown again."""

    token: TokenAnswer
    secret: str


class AuditAnswer(Answer):
    """One entry of the audit trail."""

    number: int
    at_utc: Moment
    user: str = Field(description="Empty for somebody who is not known.")
    by: str = Field(description="session, token, password, link, command, nobody")
    address: str
    action: str = Field(description="Such as `clip.play`, `event.mark`, `user.add`, `login`.")
    target: str = Field(description="Such as `event:ID` or `user:NAME`.")
    outcome: Literal["done", "refused"]
    detail: dict[str, str]
    hash: str = Field(description="Of the entry; the next one names it.")

    @classmethod
    def of(cls, entry: AuditEntry) -> AuditAnswer:
        """As it is given out."""
        deed = entry.deed
        return cls(
            number=entry.seq,
            at_utc=deed.at_utc,
            user=deed.user,
            by=deed.by,
            address=deed.address,
            action=deed.action,
            target=deed.target,
            outcome=deed.outcome,
            detail=dict(deed.detail),
            hash=entry.digest,
        )


class AuditPage(Answer):
    """Entries, newest first."""

    entries: list[AuditAnswer]
    next: int | None = Field(description="What `before` gets the next page; null at the end.")
