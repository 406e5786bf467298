"""A route of the API: what it needs is part of it, and is asked before anything of it is read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Annotated, Any

from fastapi import Depends
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.api.models import Problem
from hub.registry.access import Needs, Visitor
from hub.web import bodies
from hub.web.answers import HttpError
from hub.web.bodies import with_body
from hub.web.door import CSRF_HEADER, Door, check_csrf

NEEDS_KEY = "x-camwatch-needs"  # in the OpenAPI document
FOR_ALL_KEY = "x-camwatch-needs-everything"
SECURITY: list[dict[str, list[str]]] = [{"session": []}, {"token": []}]
ERRORS = {
    401: "Nobody is logged in, or the token is not valid.",
    403: "The visitor's role does not allow it, or the request came from another site.",
    404: "There is no such thing, or it lies outside of the visitor's scope.",
    409: "It does not fit the state that things are in.",
    422: "The request does not fit its description; `fields` says where.",
    429: "Too many tries; wait for `Retry-After` seconds.",
    503: "The hub's storage failed, or it is too busy; try again later.",
}


class GuardedRoute(APIRoute):
    """A route that a `Door` guards. `needs` is the least role; with `is_for_all` only a scope of
    everything is enough. Without `is_use` it is what an open page asks for by itself, which does
    not keep a session from getting idle. The handler's visitor is `Who`.

    The handler's name becomes the operation's id, its docstring the description.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., object],
        *,
        door: Door,
        needs: Needs,
        is_for_all: bool = False,
        is_use: bool = True,
        tag: str,
        method: str = "GET",
        status_code: int = 200,
        errors: Sequence[int] = (),
        responses: Mapping[int | str, dict[str, object]] | None = None,
        response_class: type[Response] = JSONResponse,
        max_body_bytes: int = bodies.MAX_BYTES,
    ) -> None:
        self.needs = needs
        self.is_for_all = is_for_all
        self._max_body_bytes = max_body_bytes
        self._is_use = is_use
        self._door = door
        told = {*errors, 422, 503} | ({401, 403} if needs != "anyone" else set())
        described: dict[int | str, dict[str, object]] = {
            status: {"description": ERRORS[status], "model": Problem} for status in sorted(told)
        }
        described.update(responses or {})
        extra: dict[str, object] = {NEEDS_KEY: needs}
        if is_for_all:
            extra[FOR_ALL_KEY] = True
        if needs != "anyone":
            extra["security"] = SECURITY
        super().__init__(
            path,
            endpoint,
            methods=[method],
            tags=[tag],
            status_code=status_code,
            responses=described,
            response_class=response_class,
            operation_id=endpoint.__name__,
            openapi_extra=extra,
        )

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            visitor = await self._door.admit(request, self.needs, is_use=self._is_use)
            check_csrf(request, visitor, request.headers.get(CSRF_HEADER))
            if self.is_for_all and visitor is not None and not visitor.scope.is_everything:
                raise HttpError(403, "scope", "only for those whose scope is everything")
            request.state.visitor = visitor
            return await handle(await with_body(request, self._max_body_bytes))

        return guarded


def _visitor(request: Request) -> Visitor:
    found = request.state.visitor
    if not isinstance(found, Visitor):
        raise TypeError(f"{request.url.path} lets strangers in, but its handler asks who it is")
    return found


Who = Annotated[Visitor, Depends(_visitor)]
"""The visitor, in a handler of a route that lets no stranger in."""
