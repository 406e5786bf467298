"""What is done from the command line goes to the audit trail, before it is done."""

from __future__ import annotations

import asyncio

from edge.base.clock import Clock
from hub.archive.audit import AuditTrail, Deed
from hub.control.server import Talk


class Deeds:
    """Writes what somebody asks for through the socket."""

    def __init__(self, audit: AuditTrail, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def note(self, talk: Talk, action: str, target: str, **detail: str) -> None:
        """Durable on return. Raises StorageError; it must not be done then."""
        deed = Deed(
            self._clock.utc(), talk.user, "command", "", action, target, detail=detail
        )  # fmt: skip
        await asyncio.to_thread(self._audit.append, [deed])
