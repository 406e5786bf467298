"""Live: one camera's pictures as they come, through its node's own connection."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from hub.archive.scope import Scope
from hub.archive.values import CameraKey
from hub.console.archive_page import ArchivePage
from hub.registry import present
from hub.registry.access import Visitor
from hub.registry.present import CameraNow
from hub.web.answers import HttpError


class LivePage(ArchivePage):
    """The choice of a camera, and the picture."""

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        route = self._pages.route
        return [
            route("/live", self.choose, needs="viewer"),
            route("/live/{node}/{camera}", self.watch, needs="viewer"),
        ]

    async def choose(self, request: Request, visitor: Visitor) -> Response:
        """The cameras that can be watched."""
        cameras = await run_in_threadpool(self._cameras, visitor.scope)
        return self._pages.draw(request, "live.html", cameras=cameras, chosen=None)

    async def watch(self, request: Request, visitor: Visitor) -> Response:
        """One camera. That somebody watches is written down when the stream begins."""
        key = CameraKey(request.path_params["node"], request.path_params["camera"])
        cameras = await run_in_threadpool(self._cameras, visitor.scope)
        chosen = next((each for each in cameras if each.camera.key == key), None)
        if chosen is None:
            raise HttpError(404, "not_found", "there is no such camera in your scope")
        return self._pages.draw(request, "live.html", cameras=cameras, chosen=chosen)

    def _cameras(self, scope: Scope) -> list[CameraNow]:
        return present.cameras_now(self._archive, scope, self._clock.utc())
