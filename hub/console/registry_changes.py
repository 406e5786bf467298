"""Changes of the registry that an administrator makes by a form: who may, the audit trail, and
what is wrong with them, by field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from starlette.requests import Request

from hub.archive import Archive
from hub.archive.registry_values import Registry
from hub.registry import edit
from hub.registry.access import Visitor
from hub.registry.edit import Change, RegistryError
from hub.registry.picture import PictureError
from hub.registry.rules import Entry, Problem, Table
from hub.registry.spreadsheet import SpreadsheetError
from hub.web.answers import HttpError
from hub.web.registry_trail import RegistryTrail
from hub.web.trail import Trail

Refusal = RegistryError | PictureError | SpreadsheetError


@dataclass(frozen=True)
class Changes:
    """Makes changes for the registry's pages."""

    archive: Archive
    trail: Trail

    async def change(
        self, request: Request, visitor: Visitor, target: str, how: Change
    ) -> RegistryError | None:
        """Change the registry; None, or why not."""
        refused = await self.attempt(
            request, visitor, target, lambda: edit.change(self.archive, how)
        )
        return refused if isinstance(refused, RegistryError) else None

    async def attempt(
        self, request: Request, visitor: Visitor, target: str, function: Callable[[], object]
    ) -> Refusal | None:
        """Change something else. The trail has it before it is done, and again where it is refused.

        Raises HttpError 403 for those who see only a part of the town.
        """
        refuse_limited(visitor)
        try:
            await RegistryTrail(self.trail).attempt(
                request, visitor, target, request.url.path, function
            )
        except (RegistryError, PictureError, SpreadsheetError) as err:
            return err
        return None

    async def remove(
        self, request: Request, visitor: Visitor, what: Table, code: str
    ) -> RegistryError | None:
        """Take out an area, organisation or plan that nothing needs; None, or why not."""

        def how(registry: Registry) -> Registry:
            return edit.remove(registry, what, code)

        return await self.change(request, visitor, f"{what}:{code}", how)


def may_change(visitor: Visitor) -> bool:
    """Whether the visitor's pages have forms that change the registry."""
    return visitor.may("administrator") and visitor.scope.is_everything


def refuse_limited(visitor: Visitor) -> None:
    """Raises HttpError 403 for those whose scope is not everything."""
    if not visitor.scope.is_everything:
        raise HttpError(403, "scope", "only for those whose scope is everything")


def day_in(form: Mapping[str, str], field: str, entry: Entry) -> date | None:
    """A day in a form; None for none. Raises RegistryError."""
    text = form.get(field, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as err:
        raise refusal(entry, field, f"{text[:40]!r} is not a day such as 2026-01-31") from err


def refusal(entry: Entry, field: str, message: str) -> RegistryError:
    """An error about one field of a form."""
    found = Problem(entry, field, message)
    return RegistryError(str(found), [found])
