"""Deeds go to the audit trail before their answer goes out; many at once share one transaction.

What one visitor does again and again to the same thing in the same way, such as the range requests
of one playing clip, is written once in ten minutes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from edge.base.clock import Clock
from edge.base.errors import StorageError
from hub.archive.audit import AuditTrail, By, Deed, Outcome
from hub.registry.access import Visitor
from hub.registry.attempts import site_of
from hub.registry.users import Actor
from hub.web.answers import HttpError

REPEAT_NS = 600 * 1_000_000_000
MAX_REMEMBERED = 20_000  # deeds that would not be written again; the oldest are forgotten first
MAX_WAITING = 1000  # deeds that wait for the disk; more are refused, and so is what they are about


_Key = tuple[bytes | str, str, str, str, frozenset[tuple[str, str]]]


@dataclass
class _Waiting:
    deed: Deed
    written: asyncio.Future[None]


class Trail:
    """Writes for all requests. Used in the event loop's thread."""

    def __init__(self, audit: AuditTrail, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None
        self._recent: OrderedDict[_Key, int] = OrderedDict()

    async def note(
        self,
        request: Request,
        visitor: Visitor | None,
        action: str,
        target: str = "",
        *,
        outcome: Outcome = "done",
        user: str = "",
        **detail: str,
    ) -> None:
        """Write a deed, durable on return. `user` is a claimed name where nobody is known.

        Raises StorageError, HttpError 503; what it is about must not happen then.
        """
        await self._append(self.deed(request, visitor, action, target, outcome, user, detail))

    async def note_once(
        self,
        request: Request,
        visitor: Visitor | None,
        action: str,
        target: str = "",
        *,
        outcome: Outcome = "done",
        user: str = "",
        **detail: str,
    ) -> None:
        """The same, but not again within ten minutes for the same visitor, action, target and
        detail, such as the clip's part."""
        who = site_of(address_of(request)) if visitor is None else visitor.key
        key = (who, action, target, user, frozenset(detail.items()))
        now_ns = self._clock.mono_ns()
        if now_ns - self._recent.get(key, now_ns - REPEAT_NS) < REPEAT_NS:
            return
        await self.note(request, visitor, action, target, outcome=outcome, user=user, **detail)
        self._recent[key] = now_ns
        self._recent.move_to_end(key)
        while len(self._recent) > MAX_REMEMBERED:
            self._recent.popitem(last=False)

    def deed(
        self,
        request: Request,
        visitor: Visitor | None,
        action: str,
        target: str,
        outcome: Outcome,
        user: str,
        detail: dict[str, str],
    ) -> Deed:
        """What is written of a request."""
        by: By = "nobody" if visitor is None else visitor.by
        name = user if visitor is None else visitor.user.name
        now_utc, address = self._clock.utc(), address_of(request)
        return Deed(now_utc, name, by, address, action, target, outcome, detail)

    def actor(self, request: Request, visitor: Visitor | None, *, by: By | None = None) -> Actor:
        """Who changes something by this request; the store writes the deed with the change."""
        known: By = by or ("nobody" if visitor is None else visitor.by)
        name = "" if visitor is None else visitor.user.name
        return Actor(Deed(self._clock.utc(), name, known, address_of(request), ""))

    async def _append(self, deed: Deed) -> None:
        if len(self._waiting) >= MAX_WAITING:
            raise HttpError(503, "busy", "the hub cannot keep up; try again in a moment")
        written = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(deed, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="audit")
        await written

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await run_in_threadpool(self._audit.append, [each.deed for each in batch])
            except StorageError as err:
                for each in batch:
                    if not each.written.done():
                        each.written.set_exception(err)
            else:
                for each in batch:
                    if not each.written.done():
                        each.written.set_result(None)
            finally:
                for each in batch:
                    each.written.cancel()  # harmless once done; nobody waits for ever


def address_of(request: Request) -> str:
    """The IP address that a request comes from; empty where there is none."""
    host = "" if request.client is None else request.client.host
    return host.removeprefix("::ffff:") if "." in host else host
