"""The ASGI application: routes and the shape of errors."""

from __future__ import annotations

import logging
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from edge.base.errors import StorageError
from edge.base.logs import error_chain
from hub.api import answers
from hub.api.uploads import Uploads

logger = logging.getLogger(__name__)

OnStorageError = Callable[[StorageError], None]


def make_app(uploads: Uploads, on_storage_error: OnStorageError | None = None) -> Starlette:
    """The application; `on_storage_error` is told of each request that a disk failed."""
    app = Starlette(
        routes=[Route("/healthz", alive, methods=["GET"]), *uploads.routes()],
        exception_handlers={
            answers.HttpError: answers.http_error,
            StorageError: answers.storage_error,
        },
    )
    app.state.on_storage_error = on_storage_error or _log
    return app


def _log(err: StorageError) -> None:
    logger.error("a request failed: %s", error_chain(err))


async def alive(_request: Request) -> PlainTextResponse:
    """For probes: the server answers. Says nothing else to strangers."""
    return PlainTextResponse("ok\n")
