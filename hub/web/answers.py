"""Answers that are not a success, in one shape: {"error": word, "message": sentence}; for people
with a browser, as a page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.base.errors import DiskFullError, StorageError
from edge.base.logs import error_chain

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 30
WORDS = {404: "not_found", 405: "method", 413: "too_large"}


class HttpError(Exception):
    """Ends a request with a status. `word` is short and fixed, for programs; `fields` are those of
    a request that is wrong, each with what is."""

    def __init__(
        self,
        status: int,
        word: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        fields: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.fields = fields
        self.status = status
        self.word = word
        self.headers = dict(headers or {})


ErrorPage = Callable[[Request, HttpError], Response]
"""Draws an error for a person."""


class Errors:
    """Makes answers of errors."""

    def __init__(
        self, on_storage_error: Callable[[StorageError], None], page: ErrorPage | None = None
    ) -> None:
        """`on_storage_error` is told of each request that a disk failed, and logs it once; `page`
        draws what a browser asked for as a page."""
        self._on_storage_error = on_storage_error
        self._page = page

    def http_error(self, request: Request, err: Exception) -> Response:
        """The answer to an HttpError, or to what the framework refuses by itself."""
        return self.answer(request, as_http_error(err))

    def storage_error(self, request: Request, err: Exception) -> Response:
        """The answer when a disk failed: try again later; 507 for a full one, RFC 4918."""
        if not isinstance(err, StorageError):
            raise err
        logger.debug("%s %s: %s", request.method, request.url.path, error_chain(err))
        self._on_storage_error(err)
        return self.answer(request, storage_failed(err))

    def answer(self, request: Request, err: HttpError) -> Response:
        """The answer, as a page where a browser wants one."""
        if self._page is not None and wants_page(request):
            return self._page(request, err)
        told: dict[str, object] = {"error": err.word, "message": str(err)}
        if err.fields:
            told["fields"] = [{"field": name, "message": said} for name, said in err.fields]
        return JSONResponse(told, err.status, headers=err.headers)


def as_http_error(err: Exception) -> HttpError:
    """An HttpError of ours or of the framework. Raises `err` where it is neither."""
    if isinstance(err, HttpError):
        return err
    if not isinstance(err, HTTPException):
        raise err
    word = WORDS.get(err.status_code, "refused")
    return HttpError(err.status_code, word, err.detail, headers=err.headers)


def storage_failed(err: StorageError) -> HttpError:
    """What a client is told of a failing disk."""
    is_full = isinstance(err, DiskFullError)
    return HttpError(
        507 if is_full else 503,
        "disk_full" if is_full else "storage",
        "the hub's disk is full" if is_full else "the hub's storage failed",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def wants_page(request: Request) -> bool:
    """Whether a browser asks for something to look at."""
    return request.method in ("GET", "HEAD", "POST") and "text/html" in request.headers.get(
        "accept", ""
    )
