"""Updates of nodes: the releases at hand, the roll-out under way, how far each node is. For
administrators of everything."""

from __future__ import annotations

from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from hub.archive import Archive
from hub.archive.update_values import OPEN_STATES
from hub.console.forms import fields
from hub.console.pages import Pages
from hub.registry.access import Visitor
from hub.rollouts.control import DEFAULT_STAGES, RolloutControl
from hub.rollouts.errors import RolloutError
from hub.web.answers import HttpError
from hub.web.trail import Trail

UPDATES = "/updates"
HISTORY = 10
MAX_MINUTES = 43_200


class UpdatesPage:
    """The page and its forms."""

    def __init__(self, pages: Pages, archive: Archive, trail: Trail) -> None:
        self._pages = pages
        self._archive = archive
        self._trail = trail
        self._control = RolloutControl(archive)

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        pages, post = self._pages, ("POST",)
        return [
            pages.route(UPDATES, self.show, needs="administrator"),
            pages.route(f"{UPDATES}/begin", self.begin, needs="administrator", methods=post),
            pages.route(f"{UPDATES}/change", self.change, needs="administrator", methods=post),
        ]

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """Everything on one page."""
        _refuse_limited(visitor)
        return await self._draw(request)

    async def begin(self, request: Request, visitor: Visitor) -> Response:
        """Begin a roll-out."""
        _refuse_limited(visitor)
        form = await fields(request)
        deed = self._trail.actor(request, visitor).deed
        try:
            minutes = _minutes(form.get("minutes", ""))
            await run_in_threadpool(
                self._control.begin, form.get("version", ""), form.get("stages", "").split(), deed,
                healthy=timedelta(minutes=minutes), may_be_older="older" in form,
            )  # fmt: skip
        except RolloutError as err:
            return await self._draw(request, 422, form=form, error=err)
        return RedirectResponse(UPDATES, 303)

    async def change(self, request: Request, visitor: Visitor) -> Response:
        """Pause, go on, give up."""
        _refuse_limited(visitor)
        what = (await fields(request)).get("what", "")
        control, deed = self._control, self._trail.actor(request, visitor).deed
        acts = {"pause": control.pause, "resume": control.resume, "abort": control.abort}
        if what not in acts:
            raise HttpError(422, "what", "there is no such button")
        try:
            await run_in_threadpool(acts[what], deed)
        except RolloutError as err:
            return await self._draw(request, 409, error=err)
        return RedirectResponse(UPDATES, 303)

    async def _draw(
        self, request: Request, status: int = 200, *, form: dict[str, str] | None = None,
        error: RolloutError | None = None,
    ) -> Response:  # fmt: skip
        store = self._archive.updates
        releases = await run_in_threadpool(store.releases)
        rollouts = await run_in_threadpool(lambda: store.rollouts(limit=HISTORY))
        lines = await run_in_threadpool(self._control.lines)
        newest = rollouts[0] if rollouts else None
        return self._pages.draw(
            request, "updates.html", status, releases=releases, rollout=newest, rollouts=rollouts,
            is_open=newest is not None and newest.state in OPEN_STATES, lines=lines,
            groups=await run_in_threadpool(store.groups), form=form or {}, error=error,
            default_stages=" ".join(DEFAULT_STAGES),
        )  # fmt: skip


def _refuse_limited(visitor: Visitor) -> None:
    if not visitor.scope.is_everything:
        raise HttpError(403, "scope", "only for those whose scope is everything")


def _minutes(text: str) -> int:
    """Raises RolloutError."""
    if text.isascii() and text.isdigit() and int(text[:6]) <= MAX_MINUTES:
        return int(text)
    raise RolloutError("healthy", f"{text[:20]!r} is no number of minutes")
