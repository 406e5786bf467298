"""Writes changes of the registry to the audit trail, for pages and calls alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from hub.registry.access import Visitor
from hub.registry.edit import RegistryError
from hub.registry.picture import PictureError
from hub.registry.spreadsheet import SpreadsheetError
from hub.web.trail import Trail

ACTION = "registry.change"
REFUSALS = (RegistryError, PictureError, SpreadsheetError)
T = TypeVar("T")


@dataclass(frozen=True)
class RegistryTrail:
    """Has changes made and written down."""

    trail: Trail

    async def attempt(
        self, request: Request, visitor: Visitor, target: str, how: str, function: Callable[[], T]
    ) -> T:
        """Do it in a worker thread. The trail has it before it is done, and again where it is
        refused; `how` says by what way it came. Raises what `function` does."""
        note = self.trail.note
        await note(request, visitor, ACTION, target, how=how)
        try:
            return await run_in_threadpool(function)
        except REFUSALS:
            await note(request, visitor, ACTION, target, outcome="refused", how=how)
            raise
