"""Adding, changing and disabling users, and the one-time links by which they choose passwords.

Nobody ever gives a password to somebody else: a link does, once, within a day.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from edge.base.errors import CamwatchError
from hub.archive import Archive
from hub.archive.audit import Deed
from hub.archive.people import (
    Invitation,
    InvitationUsedError,
    NameTakenError,
    NewUser,
    People,
    User,
)
from hub.archive.scope import Scope
from hub.registry import passwords
from hub.registry.access import refuse_empty

SECRET_BYTES = 32
LINK_LIFE = timedelta(hours=24)
NAME_PATTERN = r"[a-z0-9]([a-z0-9._-]{0,30}[a-z0-9])?"
MAX_FULL_NAME = 100  # characters
LINK_PATH = "/welcome/"


class UserError(CamwatchError):
    """A user cannot be added or changed as asked. `word` is fixed, for programs."""

    def __init__(self, word: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.word = word


@dataclass(frozen=True)
class Actor:
    """Who changes something, for the audit trail."""

    deed: Deed

    def does(self, action: str, target: str = "", **detail: str) -> Deed:
        """The deed of doing that."""
        return replace(self.deed, action=action, target=target, detail=detail)


def digest_of(secret: str) -> bytes:
    """What is kept of a cookie, token or link."""
    return hashlib.sha256(secret.encode()).digest()


def name_of(text: str) -> str:
    """A user's name as it is kept. Raises UserError."""
    name = text.strip().lower()
    if not re.fullmatch(NAME_PATTERN, name):
        raise UserError(
            "name",
            f"name: {text[:40]!r} cannot be one: lower-case letters without marks, digits, dot,"
            " - and _, at most 32",
        )
    return name


def full_name_of(text: str) -> str:
    """A user's full name as it is kept. Raises UserError."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if len(name) > MAX_FULL_NAME or any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        raise UserError("full_name", f"full_name: at most {MAX_FULL_NAME} printable characters")
    return name


def add(archive: Archive, user: NewUser, actor: Actor) -> User:
    """Add a user who has no password yet. Raises UserError, ScopeError."""
    user = replace(user, name=name_of(user.name), full_name=full_name_of(user.full_name))
    refuse_empty(user.scope, archive.registry())
    deed = actor.does("user.add", f"user:{user.name}", **_detail(user))
    try:
        return archive.people.add_user(user, deed)
    except NameTakenError as err:
        raise UserError("name_taken", f"name: {err}", hint="choose another name") from err


def change(archive: Archive, before: User, after: User, actor: Actor) -> None:
    """Change a user's role, scope, names, language or whether they may log in. Raises UserError
    where nobody would be left to administrate, ScopeError. An area that went since their scope
    was given stands in the way of nothing."""
    people = archive.people
    after = replace(after, full_name=full_name_of(after.full_name))
    others = (each for each in people.users() if each.id != before.id)
    if before.rules_all and not after.rules_all and not any(each.rules_all for each in others):
        raise UserError(
            "last_administrator",
            f"{before.name} is the last administrator of everything",
            hint="make another user administrator first",
        )
    new = Scope(
        False, after.scope.areas - before.scope.areas,
        after.scope.organisations - before.scope.organisations,
    )  # fmt: skip
    refuse_empty(new, archive.registry())
    if before.is_active and after.disabled_utc is not None:
        action = "user.disable"
    elif before.disabled_utc is not None and after.disabled_utc is None:
        action = "user.enable"
    else:
        action = "user.change"
    people.change_user(after, actor.does(action, f"user:{after.name}", **_detail(after)))


def set_password(people: People, user: User, password: str, actor: Actor) -> None:
    """Set it and end the user's sessions. Slow; raises PasswordError."""
    passwords.check(password, user.name)
    deed = actor.does("user.password", f"user:{user.name}")
    people.set_password(user.id, passwords.hash_of(password), deed)


def invite(people: People, user: User | None, now_utc: datetime, actor: Actor | None) -> str:
    """Make a one-time link's secret: for `user` to choose a password, or, without one, for the
    first administrator. An older link stops working."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    deed = None
    if actor is not None:
        deed = actor.does("user.invite", "" if user is None else f"user:{user.name}")
    user_id = None if user is None else user.id
    people.invite(Invitation(digest_of(secret), user_id, now_utc + LINK_LIFE), deed)
    return secret


def invitation(people: People, secret: str, now_utc: datetime) -> Invitation:
    """The link of that secret. Raises UserError where it does not work (any more)."""
    found = people.invitation(digest_of(secret))
    if found is None or found.expires_utc <= now_utc:
        raise _link_used()
    return found


def accept(
    people: People, link: Invitation, name: str, full_name: str, password: str, actor: Actor
) -> User:
    """Use a link up; `name` and `full_name` are the first administrator's. Slow.

    Raises UserError, PasswordError.
    """
    user = None
    if link.user_id is None:
        user = NewUser(name_of(name), full_name_of(full_name), "administrator")
        known_name = user.name
    else:
        known = people.user(link.user_id)
        if known is None:
            raise _link_used()
        known_name = known.name
    passwords.check(password, known_name)
    action = "user.password" if user is None else "user.first"
    deed = replace(actor.does(action, f"user:{known_name}"), user=known_name)
    try:
        return people.accept(link, user, passwords.hash_of(password), deed)
    except InvitationUsedError as err:
        raise _link_used() from err
    except NameTakenError as err:
        raise UserError("name_taken", f"name: {err}", hint="choose another name") from err


def needs_first(people: People) -> bool:
    """Whether there is nobody yet who can administrate."""
    return not any(user.rules_all for user in people.users())


def _link_used() -> UserError:
    return UserError(
        "link_used",
        "this link was used already, is older than a day, or was replaced by a newer one",
        hint="ask for a new one: camwatch-hub user password NAME; for the first administrator"
        " camwatch-hub user first",
    )


def _detail(user: NewUser | User) -> dict[str, str]:
    detail: dict[str, str] = {"role": user.role}
    if not user.scope.is_everything:
        detail["areas"] = ", ".join(sorted(user.scope.areas))
        detail["organisations"] = ", ".join(sorted(user.scope.organisations))
    return detail
