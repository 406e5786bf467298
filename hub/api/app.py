"""The ASGI application: routes and the shape of errors."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from edge.base.errors import StorageError
from hub.api import answers
from hub.api.uploads import Uploads


def make_app(uploads: Uploads) -> Starlette:
    """The application; holds no state of its own."""
    return Starlette(
        routes=[Route("/healthz", alive, methods=["GET"]), *uploads.routes()],
        exception_handlers={
            answers.HttpError: answers.http_error,
            StorageError: answers.storage_error,
        },
    )


async def alive(_request: Request) -> PlainTextResponse:
    """For probes: the server answers. Says nothing else to strangers."""
    return PlainTextResponse("ok\n")
