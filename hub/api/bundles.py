"""GET /releases/SHA256: a node fetches the bundle that was ordered for it, by ranges."""

from __future__ import annotations

import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.contract import names
from hub.api.auth import node_of
from hub.archive import Archive
from hub.rollouts.shelf import Shelf
from hub.web.answers import HttpError
from hub.web.files import file_answer


class Bundles:
    """The route, for nodes only."""

    def __init__(self, archive: Archive, shelf: Shelf) -> None:
        self._archive = archive
        self._shelf = shelf

    def routes(self) -> list[Route]:
        """What to mount."""
        return [Route("/releases/{sha256}", self.get, methods=["GET"])]

    async def get(self, request: Request) -> Response:
        """The file, or the part of it that `Range` names."""
        node = await node_of(request, self._archive)
        sha256 = request.path_params["sha256"]
        if not re.fullmatch(names.HASH_PATTERN, sha256):
            raise HttpError(404, "not_found", "no such bundle")
        if not await run_in_threadpool(self._is_ordered, node, sha256):
            raise HttpError(404, "not_found", "that bundle was not ordered for this node")
        path = self._shelf.path_of(sha256)
        return await run_in_threadpool(file_answer, request, path, sha256, "application/x-tar")

    def _is_ordered(self, node: str, sha256: str) -> bool:
        order = self._archive.updates.orders().get(node)
        if order is None or order.version is None:
            return False
        for each in self._archive.updates.releases():
            if each.version == order.version:
                return any(bundle.sha256 == sha256 for bundle in each.release.bundles)
        return False
