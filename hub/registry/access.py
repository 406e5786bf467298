"""Who is asking, and what a role may do. Values alone; HTTP is not known here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.base.errors import CamwatchError
from hub.archive.audit import By
from hub.archive.people import ROLES, User, UserRole
from hub.archive.registry_values import Registry
from hub.archive.scope import EVERYTHING, NOTHING, Scope

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


class ScopeError(CamwatchError):
    """A scope would see nothing. `faults` are its fields, `areas` or `organisations`, each with
    what is wrong; `word` is for programs."""

    word = "scope"

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__(
            "; ".join(f"{field}: {what}" for field, what in faults),
            hint="camwatch-hub area list and camwatch-hub organisation list show the codes",
        )
        self.faults = tuple(faults)


def both(one: Scope, other: Scope, registry: Callable[[], Registry]) -> Scope:
    """What lies in both: the same area, an area of one inside an area of the other, the same
    organisation. The registry is asked for only where it matters."""
    if one.is_everything or other.is_everything:
        return other if one.is_everything else one
    areas = one.areas & other.areas
    if one.areas != other.areas and one.areas and other.areas:
        known = registry()
        areas |= one.areas & _within(known, other.areas)
        areas |= other.areas & _within(known, one.areas)
    return Scope(False, areas, one.organisations & other.organisations)


def refuse_empty(scope: Scope, registry: Registry, owner: Scope = EVERYTHING) -> None:
    """Refuse codes that would silently see nothing: of what is not registered, or lies outside of
    the owner's scope; who sees a part is not told which of the two it is. Raises ScopeError."""
    areas = {each.code for each in registry.areas}
    organisations = {each.code for each in registry.organisations}
    where = "" if owner.is_everything else " in the scope of its user"

    def is_empty(one: Scope) -> bool:
        return both(one, owner, lambda: registry) == NOTHING

    faults = [
        ("areas", f"there is no area {code}{where}")
        for code in sorted(scope.areas)
        if code not in areas or is_empty(Scope(areas=frozenset({code})))
    ] + [
        ("organisations", f"there is no organisation {code}{where}")
        for code in sorted(scope.organisations)
        if code not in organisations or is_empty(Scope(organisations=frozenset({code})))
    ]
    if faults:
        raise ScopeError(faults)


def _within(registry: Registry, codes: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*(registry.within(code) for code in codes))


def role_named(text: str) -> UserRole | None:
    """The role of that name; None for no role."""
    return next((role for role in ROLES if role == text), None)
