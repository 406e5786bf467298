"""Who is asking, and what a role may do. Values alone; HTTP is not known here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hub.archive.audit import By
from hub.archive.people import ROLES, User, UserRole
from hub.archive.scope import Scope

Needs = Literal["anyone", "viewer", "operator", "administrator"]
"""What a route asks of whoever comes; `anyone` also answers strangers."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who is let in: a user, perhaps by a token that may less than they.

    `session` is the digest of their session, None for a token; `key` tells one browser or program
    from another.
    """

    user: User
    role: UserRole
    scope: Scope
    by: By
    key: bytes
    session: bytes | None = None

    def may(self, needs: Needs) -> bool:
        """Whether the role suffices."""
        return is_enough(self.role, needs)


def is_enough(role: UserRole, needs: Needs) -> bool:
    """Whether a role may do what a route that `needs` something does."""
    return needs == "anyone" or ROLES.index(role) >= ROLES.index(needs)


def lesser(one: UserRole, other: UserRole) -> UserRole:
    """The role that may less."""
    return min(one, other, key=ROLES.index)


def both(one: Scope, other: Scope) -> Scope:
    """What both name. An area inside an area of the other is not found; it has to be named."""
    if one.is_everything or other.is_everything:
        return other if one.is_everything else one
    return Scope(False, one.areas & other.areas, one.organisations & other.organisations)


def role_named(text: str) -> UserRole | None:
    """The role of that name; None for no role."""
    return next((role for role in ROLES if role == text), None)
