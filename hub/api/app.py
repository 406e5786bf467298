"""The ASGI application: the API with its OpenAPI document, uploads, the console's pages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ExceptionHandler

from edge.base.errors import StorageError
from edge.base.logs import error_chain
from hub.api.bundles import Bundles
from hub.api.enrol import Enrol
from hub.api.models import FieldProblem, Problem
from hub.api.openapi import describe
from hub.api.streams import Streams
from hub.api.traces import Traces
from hub.api.uploads import Uploads
from hub.web.answers import ErrorPage, Errors, HttpError
from hub.web.headers import SecurityHeaders

logger = logging.getLogger(__name__)

API_PATH = "/api/v1"
OnStorageError = Callable[[StorageError], None]


def make_app(
    uploads: Uploads,
    on_storage_error: OnStorageError | None = None,
    *,
    api: Sequence[BaseRoute] = (),
    pages: Sequence[BaseRoute] = (),
    streams: Streams | None = None,
    traces: Traces | None = None,
    enrol: Enrol | None = None,
    bundles: Bundles | None = None,
    error_page: ErrorPage | None = None,
) -> Starlette:
    """The application; `on_storage_error` is told of each request that a disk failed.

    `streams` and `traces` come from nodes, `bundles` go to them, `api` is served below API_PATH,
    `pages` from the root; `error_page` draws what went wrong where a browser asked for a page.
    """
    report = on_storage_error or _log
    return Starlette(
        routes=[
            Route("/healthz", alive, methods=["GET"]),
            *uploads.routes(),
            *(streams.routes() if streams is not None else []),
            *(traces.routes() if traces is not None else []),
            *(enrol.routes() if enrol is not None else []),
            *(bundles.routes() if bundles is not None else []),
            Mount(API_PATH, make_api(api, report)),
            *pages,
        ],
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers=_handlers(Errors(report, error_page)),
    )


def make_api(routes: Sequence[BaseRoute], report: OnStorageError) -> FastAPI:
    """The API alone. It has no pages of documentation, since those would come from another site."""
    api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    api.router.routes.extend(routes)
    for kind, handler in _handlers(Errors(report)).items():
        api.add_exception_handler(kind, handler)
    api.add_exception_handler(RequestValidationError, _invalid)
    describe(api)
    return api


def _handlers(errors: Errors) -> dict[type[Exception], ExceptionHandler]:
    async def http_error(request: Request, err: Exception) -> Response:
        return errors.http_error(request, err)

    async def storage_error(request: Request, err: Exception) -> Response:
        return errors.storage_error(request, err)

    return {HttpError: http_error, HTTPException: http_error, StorageError: storage_error}


async def _invalid(_request: Request, err: Exception) -> Response:
    """All that is wrong with a request, each with its place."""
    if not isinstance(err, RequestValidationError):
        raise err
    fields = [
        FieldProblem(field=".".join(map(str, each["loc"])), message=each["msg"])
        for each in err.errors()
    ]
    named = "; ".join(f"{each.field}: {each.message}" for each in fields)
    problem = Problem(error="invalid", message=named, fields=fields)
    return JSONResponse(problem.model_dump(), 422)


def _log(err: StorageError) -> None:
    logger.error("a request failed: %s", error_chain(err))


async def alive(_request: Request) -> PlainTextResponse:
    """For probes: the server answers. Says nothing else to strangers."""
    return PlainTextResponse("ok\n")
