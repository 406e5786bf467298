"""Answers that are not a success, in one shape: {"error": word, "message": sentence}."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.base.errors import DiskFullError, StorageError
from edge.base.logs import error_chain

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 30


class HttpError(Exception):
    """Ends a request with a status. `word` is short and fixed, for programs."""

    def __init__(
        self, status: int, word: str, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.word = word
        self.headers = dict(headers or {})


async def http_error(_request: Request, err: Exception) -> Response:
    """The answer to an HttpError."""
    if not isinstance(err, HttpError):
        raise err
    return JSONResponse(
        {"error": err.word, "message": str(err)}, err.status, headers=dict(err.headers)
    )


async def storage_error(request: Request, err: Exception) -> Response:
    """The answer when a disk failed: try again later; 507 for a full one, RFC 4918.

    The application's `on_storage_error` is told, which logs it once, not for each request.
    """
    if not isinstance(err, StorageError):
        raise err
    logger.debug("%s %s: %s", request.method, request.url.path, error_chain(err))
    request.app.state.on_storage_error(err)
    is_full = isinstance(err, DiskFullError)
    return JSONResponse(
        {
            "error": "disk_full" if is_full else "storage",
            "message": "the hub's disk is full" if is_full else "the hub's storage failed",
        },
        507 if is_full else 503,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )
