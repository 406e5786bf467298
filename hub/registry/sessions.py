"""Letting people in: log-in, sessions, API tokens. Blocking; called in worker threads.

A session ends when it is idle, at the latest twelve hours after the log-in, at log-out, when its
user is disabled or gets another password. A token is never more than its user.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from edge.base.errors import CamwatchError
from hub.archive import Archive
from hub.archive.audit import Deed
from hub.archive.people import NewToken, People, Session, Token, User, UserRole
from hub.archive.scope import EVERYTHING, Scope
from hub.registry import passwords
from hub.registry.access import Visitor, both, lesser, refuse_empty
from hub.registry.users import SECRET_BYTES, Actor, digest_of

TOKEN_PREFIX = "cwt_"  # noqa: S105 - so that a leaked one can be told by its look
IDLE = timedelta(minutes=60)
LONGEST = timedelta(hours=12)
SEEN_STEP = timedelta(minutes=1)  # how exactly it is kept when something was used last
MAX_AGENT = 200  # characters
MAX_TOKEN_LIFE = timedelta(days=366)
MAX_TOKENS = 50  # that live at once, of one user
MAX_TOKEN_NAME = 60  # characters


class TokenError(CamwatchError):
    """A token cannot be made as asked."""


@dataclass(frozen=True)
class Lives:
    """How long a session lives."""

    idle: timedelta = IDLE
    longest: timedelta = LONGEST


def find_user(people: People, name: str, password: str) -> User | None:
    """The user of that name and password who may log in. Slow, equally so for every answer."""
    user = people.user_named(name.strip().lower())
    known_hash = None if user is None else people.password_hash(user.id)
    if not passwords.is_right(password, known_hash) or user is None or known_hash is None:
        return None
    if passwords.is_outdated(known_hash):
        people.set_rehashed(user.id, passwords.hash_of(password))
    return user if user.is_active else None


def begin(people: People, user: User, deed: Deed, agent: str, lives: Lives) -> str:
    """Begin a session; what its cookie is to hold."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    now_utc = deed.at_utc
    people.begin_session(
        Session(
            digest_of(secret), user.id, now_utc, now_utc, now_utc + lives.longest, deed.address,
            agent[:MAX_AGENT],
        ),
        deed,
    )  # fmt: skip
    return secret


def visitor_of_cookie(
    people: People, secret: str, now_utc: datetime, lives: Lives, *, is_use: bool = True
) -> Visitor | None:
    """Whose cookie that is; None where the session ended. A use keeps it from getting idle."""
    digest = digest_of(secret)
    session = people.session(digest)
    if session is None or now_utc >= session.ends_utc or now_utc - session.seen_utc >= lives.idle:
        return None
    user = people.user(session.user_id)
    if user is None or not user.is_active:
        return None
    if is_use and now_utc - session.seen_utc >= SEEN_STEP:
        people.touch_session(digest, now_utc)
    return Visitor(user, user.role, user.scope, "session", digest, digest)


def visitor_of_token(
    archive: Archive, secret: str, now_utc: datetime, *, is_use: bool = True
) -> Visitor | None:
    """Whose token that is; None where it is not valid (any more)."""
    people = archive.people
    digest = digest_of(secret)
    token = people.token(digest) if secret.startswith(TOKEN_PREFIX) else None
    if token is None or token.revoked_utc is not None or now_utc >= token.expires_utc:
        return None
    user = people.user(token.user_id)
    if user is None or not user.is_active:
        return None
    is_news = token.used_utc is None or now_utc - token.used_utc >= SEEN_STEP
    if is_use and is_news:
        people.touch_token(token.id, now_utc)
    scope = both(user.scope, token.scope, archive.registry)
    return Visitor(user, lesser(user.role, token.role), scope, "token", digest)


def add_token(
    archive: Archive, user: User, name: str, role: UserRole, life: timedelta, actor: Actor,
    scope: Scope = EVERYTHING,
) -> tuple[Token, str]:  # fmt: skip
    """Make a token for a user; with it its secret, which is not kept. Raises TokenError,
    ScopeError."""
    people = archive.people
    name = " ".join(name.split())
    if not 1 <= len(name) <= MAX_TOKEN_NAME or not name.isprintable():
        raise TokenError(f"name: 1 to {MAX_TOKEN_NAME} printable characters are needed")
    if not timedelta(0) < life <= MAX_TOKEN_LIFE:
        raise TokenError(f"days: from 1 to {MAX_TOKEN_LIFE.days}")
    if not user.is_active:
        raise TokenError(
            f"{user.name} cannot log in, so no token of theirs would be let in",
            hint=f"camwatch-hub user password {user.name} makes a link to choose a password",
        )
    if lesser(role, user.role) != role:
        raise TokenError(f"role: {user.name} is {user.role}, so a token cannot be {role}")
    if not scope.is_everything:
        refuse_empty(scope, archive.registry(), user.scope)
    now_utc = actor.deed.at_utc
    living = [
        each for each in people.tokens(user.id)
        if each.revoked_utc is None and each.expires_utc > now_utc
    ]  # fmt: skip
    if len(living) >= MAX_TOKENS:
        raise TokenError(f"{user.name} has {MAX_TOKENS} tokens already", hint="revoke old ones")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    deed = actor.does("token.add", f"user:{user.name}", name=name, role=role, days=str(life.days))
    new = NewToken(digest_of(secret), user.id, name, role, scope, now_utc, now_utc + life)
    return people.add_token(new, deed), secret
