"""The console's own files: served from the package, under names that change with their content, so
that browsers keep them for a year and never have an old one."""

from __future__ import annotations

import hashlib
import importlib.resources
import mimetypes
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.web.answers import HttpError

PATH = "/static/"
DIGEST_CHARS = 10
FOREVER = {"cache-control": "public, max-age=31536000, immutable"}
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class StaticFiles:
    """All of them, read once at start; together some 100 kB."""

    def __init__(self) -> None:
        root = importlib.resources.files("hub.console").joinpath("static")
        self._contents: dict[str, bytes] = {}
        self._urls: dict[str, str] = {}
        for folder in ("", "vendor"):
            for file in root.joinpath(folder).iterdir() if folder else root.iterdir():
                if file.is_file() and not file.name.endswith(".md"):
                    self._add(str(PurePosixPath(folder, file.name)), file.read_bytes())

    def _add(self, name: str, content: bytes) -> None:
        digest = hashlib.sha256(content).hexdigest()[:DIGEST_CHARS]
        path = f"{digest}/{name}"
        self._contents[path] = content
        self._urls[name] = PATH + path

    def url(self, name: str) -> str:
        """Where a page finds the file. Raises KeyError for one that is not there."""
        return self._urls[name]

    def route(self) -> Route:
        """What to mount."""
        return Route(PATH + "{path:path}", self.serve, methods=["GET"])

    async def serve(self, request: Request) -> Response:
        """One file; anyone may have it."""
        path = request.path_params["path"]
        content = self._contents.get(path)
        if content is None:
            raise HttpError(404, "not_found", "there is no such file")
        suffix = PurePosixPath(path).suffix
        kind = TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
        return Response(content, media_type=kind, headers=FOREVER)
