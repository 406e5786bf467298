"""The settings of one camera: zones and masks over its own picture, what they would have triggered,
when it watches, what it keeps; what became of each version. They are changed through the API."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from edge.base.clock import Clock
from edge.base.errors import ConfigError, StorageError
from edge.contract import motion, names, schedule, wanted
from edge.trace import changes
from hub.archive import Archive
from hub.archive.values import CameraKey
from hub.console import camera_settings_view
from hub.console.archive_page import ArchivePage
from hub.console.camera_settings_view import SettingsView
from hub.console.pages import Pages
from hub.console.settings_words import SettingsWords
from hub.console.texts import texts_in
from hub.registry.access import Visitor
from hub.trials import Trial, TrialError, Trials, Wish
from hub.web import cameras
from hub.web.answers import HttpError

PATH = "/nodes/{node}/cameras/{camera}"
DAYS = (1, 3, 7, 14, 31)
MAX_BODY_BYTES = 256 * 1024  # 32 zones and 32 masks of 64 points
NDJSON = "application/x-ndjson"


class CameraSettingsPage(ArchivePage):
    """The page, its parts that keep themselves up to date, and its trials."""

    def __init__(self, pages: Pages, archive: Archive, trials: Trials, clock: Clock) -> None:
        super().__init__(pages, archive, clock)
        self._trials = trials

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        route = self._pages.route
        return [
            route(PATH, self.show, needs="viewer"),
            route(f"{PATH}/state", self.state, needs="viewer", is_use=False),
            route(f"{PATH}/history", self.history, needs="viewer", is_use=False),
            route(
                f"{PATH}/trial", self.trial, needs="operator", methods=("POST",),
                max_body_bytes=MAX_BODY_BYTES,
            ),
        ]  # fmt: skip

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """All of it."""
        return await self._draw(request, visitor, "camera_settings.html")

    async def state(self, request: Request, visitor: Visitor) -> Response:
        """What became of the newest version, alone."""
        return await self._draw(request, visitor, "camera_settings_state.html", is_whole=False)

    async def history(self, request: Request, visitor: Visitor) -> Response:
        """The versions, alone."""
        return await self._draw(request, visitor, "camera_settings_history.html")

    async def trial(self, request: Request, visitor: Visitor) -> Response:
        """Other settings tried: a line of JSON as often as there is more to show, each with all of
        it as drawn HTML."""
        key = await self._key(request, visitor)
        wish = await _wish(request, visitor, key)
        return StreamingResponse(self._told(request, visitor, wish), media_type=NDJSON)

    async def _told(self, request: Request, visitor: Visitor, wish: Wish) -> AsyncIterator[str]:
        try:
            async with contextlib.aclosing(self._trials.run(wish, visitor.key)) as found:
                async for each in found:
                    html = await run_in_threadpool(self._trial_html, request, each)
                    line = {"html": html, "boxes": camera_settings_view.boxes(each)}
                    yield json.dumps(line) + "\n"
        except (TrialError, StorageError) as err:
            drawn = self._pages.draw(request, "camera_trial_failed.html", error=err)
            yield json.dumps({"html": bytes(drawn.body).decode()}) + "\n"

    def _trial_html(self, request: Request, trial: Trial) -> str:
        drawn = self._pages.draw(
            request, "camera_trial.html", trial=trial,
            gone=camera_settings_view.thumbs(self._archive, trial.events["gone"]),
            kept=camera_settings_view.thumbs(self._archive, trial.events["kept"]),
        )  # fmt: skip
        return bytes(drawn.body).decode()

    async def _key(self, request: Request, visitor: Visitor) -> CameraKey:
        key = CameraKey(request.path_params["node"], request.path_params["camera"])
        await run_in_threadpool(cameras.find, self._archive, visitor.scope, key, self._clock.utc())
        return key

    def _view(self, visitor: Visitor, key: CameraKey, *, is_whole: bool) -> SettingsView:
        camera = cameras.find(self._archive, visitor.scope, key, self._clock.utc())
        if is_whole:
            return camera_settings_view.gather(self._archive, camera, visitor.scope)
        return camera_settings_view.state_of(self._archive, camera, visitor.scope)

    async def _draw(
        self, request: Request, visitor: Visitor, template: str, *, is_whole: bool = True
    ) -> Response:
        key = CameraKey(request.path_params["node"], request.path_params["camera"])
        view = await run_in_threadpool(self._view, visitor, key, is_whole=is_whole)
        language = self._pages.language_of(request)
        page = f"/nodes/{key.node}/cameras/{key.camera}"
        return self._pages.draw(
            request, template, view=view, page=page, days=DAYS, week=schedule.DAYS,
            zone_pattern=names.ZONE_PATTERN, max_shapes=motion.MAX_ZONES,
            max_note=wanted.MAX_NOTE, may=may_change(visitor),
            difference=SettingsWords(texts_in(language)),
        )  # fmt: skip


def may_change(visitor: Visitor) -> str:
    """What the API lets the visitor change: all, motion alone, or nothing."""
    if visitor.may("administrator") and visitor.scope.is_everything:
        return "all"
    return "motion" if visitor.may("operator") else "nothing"


async def _wish(request: Request, visitor: Visitor, key: CameraKey) -> Wish:
    """What the body asks for. Raises HttpError 422."""
    try:
        asked = json.loads(await request.body())
        section, days = asked["motion"], asked["days"]
    except (ValueError, KeyError, TypeError, RecursionError) as err:
        raise HttpError(422, "invalid", f"the trial cannot be read: {err}") from err
    if not isinstance(section, dict) or days not in DAYS:
        raise HttpError(422, "invalid", "motion: a section; days: one of those offered")
    try:
        changes.to(section)
    except ConfigError as err:
        raise HttpError(422, "invalid", str(err)) from err
    return Wish(key, section, days, visitor.scope)
