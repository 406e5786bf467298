"""What other settings would have made of a camera's last days, as it becomes known.

One trial is judged at a time, and one waits for each visitor: who asks again has given up what they
asked before. What the archive knows of the events is put beside what their traces say.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

import anyio
from starlette.concurrency import run_in_threadpool

from edge.base.clock import Clock, utc_text
from edge.base.errors import CamwatchError
from edge.contract.parts import Box
from edge.contract.settings import SettableCamera
from edge.trace.candidates import Plan
from edge.trace.trial import Outcome, Slice, Tally
from hub.archive import Archive
from hub.archive.scope import Scope
from hub.archive.values import CameraKey, Event, EventFilter, Mark
from hub.registry import settings
from hub.traces import TraceStore
from hub.trials import process

LIMIT_S = 45.0  # of judging; what is judged until then is told
MAX_WAITING = 8
MAX_EVENTS = 20_000
PAGE = 500
T = TypeVar("T")

State = Literal["going", "done", "cut"]
"""cut: the time ran out, and the rest was not judged."""
Found = Outcome | Literal["unseen"]
"""unseen: no trace tells of the event."""


class TrialError(CamwatchError):
    """It cannot be tried, or not now. `reason`: busy, outdated, failed."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message, is_retryable=reason == "busy")
        self.reason = reason


@dataclass(frozen=True)
class Wish:
    """What is to be tried: a motion section, on the last `days` of one camera."""

    key: CameraKey
    motion: Mapping[str, object]
    days: int
    scope: Scope


@dataclass(frozen=True)
class Trial:
    """How far it is, all in all. Events are the newest first."""

    state: State
    since_utc: datetime
    seen_since_utc: datetime | None
    """From when on it is judged; None where no trace is here."""
    events: Mapping[Found, tuple[Event, ...]]
    new: tuple[datetime, ...]
    boxes: Mapping[str, Box]

    @property
    def all(self) -> tuple[Event, ...]:
        """Every event of that time."""
        return tuple(each for those in self.events.values() for each in those)

    def marked(self, mark: Mark, found: Found | None = None) -> int:
        """How many of them people took for that."""
        those = self.all if found is None else self.events[found]
        return sum(each.mark == mark for each in those)


class Trials:
    """Used in the event loop."""

    def __init__(self, archive: Archive, traces: TraceStore, clock: Clock) -> None:
        self._archive = archive
        self._traces = traces
        self._clock = clock
        self._turn = asyncio.Semaphore(1)
        self._newest: dict[bytes, asyncio.Event] = {}

    async def run(self, wish: Wish, whom: bytes) -> AsyncGenerator[Trial]:
        """Try it; each answer holds what those before held. `whom` tells one visitor from another.

        Raises TrialError, StorageError.
        """
        is_outdated = self._begin(whom)
        try:
            async with self._turn:
                if is_outdated.is_set():
                    raise _outdated()
                async with contextlib.aclosing(self._judged(wish, is_outdated)) as judged:
                    async for each in judged:
                        yield each
        finally:
            if self._newest.get(whom) is is_outdated:
                del self._newest[whom]

    def _begin(self, whom: bytes) -> asyncio.Event:
        if (before := self._newest.pop(whom, None)) is not None:
            before.set()
        elif len(self._newest) >= MAX_WAITING:
            raise TrialError("busy", "as many try settings now as this hub can serve")
        self._newest[whom] = asyncio.Event()
        return self._newest[whom]

    async def _judged(self, wish: Wish, is_outdated: asyncio.Event) -> AsyncGenerator[Trial]:
        since_utc = self._clock.utc() - timedelta(days=wish.days)
        known = await run_in_threadpool(self._events, wish, since_utc)
        files = await run_in_threadpool(
            self._traces.files, wish.key.node, wish.key.camera, since_utc.timestamp()
        )
        own = await run_in_threadpool(settings.effective_camera, self._archive, wish.key)
        tally = Tally()
        state: State = "going"
        slices = process.judge(_asked(wish, files, since_utc, known, own))
        deadline_s = asyncio.get_running_loop().time() + LIMIT_S
        try:
            while state == "going":
                left_s = deadline_s - asyncio.get_running_loop().time()
                try:
                    part = await _next(slices, is_outdated, left_s)
                except TimeoutError:
                    state = "cut"
                else:
                    if part is None:
                        state = "done"
                    else:
                        tally.add(part)
                yield _trial(state, since_utc, known, tally)
        except CamwatchError as err:
            if isinstance(err, TrialError):
                raise
            raise TrialError("failed", str(err)) from err
        finally:
            await slices.aclose()

    def _events(self, wish: Wish, since_utc: datetime) -> list[Event]:
        """The camera's motion of that time, the newest first."""
        where = EventFilter(
            since_utc=since_utc, node=wish.key.node, camera=wish.key.camera, kinds=("motion",),
            scope=wish.scope,
        )  # fmt: skip
        found: list[Event] = []
        before = None
        while page := self._archive.events(where, limit=PAGE, before=before):
            found += page
            before = page[-1].key
            if len(page) < PAGE or len(found) >= MAX_EVENTS:
                break
        return found


async def _next(
    slices: AsyncGenerator[Slice], is_outdated: asyncio.Event, within_s: float
) -> Slice | None:
    """The next slice; None at the end. Raises TimeoutError, TrialError, CamwatchError."""
    async with asyncio.timeout(within_s):
        return await _unless(is_outdated, anext(slices, None))


async def _unless(is_outdated: asyncio.Event, wanted: Awaitable[T]) -> T:
    """What comes, unless nobody wants it any more. Raises TrialError then."""
    coming = asyncio.ensure_future(_as_coroutine(wanted))
    outdated = asyncio.ensure_future(is_outdated.wait())
    try:
        await asyncio.wait((coming, outdated), return_when=asyncio.FIRST_COMPLETED)
        if not coming.done():
            raise _outdated()
        return coming.result()
    finally:
        for task in (coming, outdated):
            task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.gather(coming, outdated, return_exceptions=True)


async def _as_coroutine(wanted: Awaitable[T]) -> T:
    return await wanted


def _outdated() -> TrialError:
    return TrialError("outdated", "something else was asked for meanwhile")


def _asked(
    wish: Wish, files: list[tuple[Path, int]], since_utc: datetime, known: list[Event],
    own: SettableCamera | None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "camera": wish.key.camera,
        "motion": dict(wish.motion),
        "files": [(str(path), size_bytes) for path, size_bytes in files],
        "since_utc": utc_text(since_utc),
        "confirmed": [each.id for each in known if each.mark == "confirmed"],
        "scheduled": [] if own is None else sorted(Plan.of(own).scheduled),
    }


def _trial(state: State, since_utc: datetime, known: list[Event], tally: Tally) -> Trial:
    events: dict[Found, list[Event]] = {"kept": [], "gone": [], "unsure": [], "unseen": []}
    for each in known:
        events[tally.outcomes.get(each.id, "unseen")].append(each)
    found = {name: tuple(those) for name, those in events.items()}
    return Trial(
        state, since_utc, tally.since_utc, found, tuple(sorted(tally.new, reverse=True)),
        dict(tally.boxes),
    )  # fmt: skip
