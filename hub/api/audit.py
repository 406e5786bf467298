"""/audit: who did what. For administrators of everything; a look at it is written to it too."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import BaseRoute

from hub.api.models import Answer, MomentIn
from hub.api.people_models import AuditAnswer, AuditPage
from hub.api.route import GuardedRoute, Who
from hub.archive.audit import AuditFilter, AuditTrail
from hub.web.door import Door

TAG = "audit"
MAX_PAGE = 500
Word = Annotated[str | None, Query(max_length=100)]


class HeadAnswer(Answer):
    """The newest entry. Whoever keeps it elsewhere can prove later that nothing was cut off."""

    number: int
    hash: str
    head: str = Field(description="Both, as `camwatch-hub audit --verify --head` takes them.")


class AuditApi:
    """The routes."""

    def __init__(self, door: Door, audit: AuditTrail) -> None:
        self._door = door
        self._audit = audit

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        door = self._door
        return [
            GuardedRoute("/audit", self.list_audit, door=door, needs="administrator",
                         is_for_all=True, tag=TAG),
            GuardedRoute("/audit/head", self.show_audit_head, door=door, needs="administrator",
                         is_for_all=True, tag=TAG),
        ]  # fmt: skip

    async def list_audit(
        self,
        request: Request,
        visitor: Who,
        since: MomentIn | None = None,
        until: MomentIn | None = None,
        user: Word = None,
        action: Annotated[
            Word, Query(description="Such as `clip.play`, or `clip.` for all that begin so.")
        ] = None,
        target: Word = None,
        outcome: Literal["done", "refused"] | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
        before: Annotated[int | None, Query(ge=1, le=2**53, description="Older than it.")] = None,
    ) -> AuditPage:
        """Entries of the audit trail, newest first."""
        where = AuditFilter(since, until, user, action, target, outcome)
        await self._door.trail.note_once(request, visitor, "audit.view")
        found = await run_in_threadpool(self._audit.entries, where, limit=limit, before=before)
        is_full = len(found) == limit
        return AuditPage(
            entries=[AuditAnswer.of(entry) for entry in found],
            next=found[-1].seq if is_full else None,
        )

    async def show_audit_head(self) -> HeadAnswer:
        """The place and hash of the newest entry."""
        head = await run_in_threadpool(self._audit.head)
        return HeadAnswer(number=head.seq, hash=head.digest, head=str(head))
