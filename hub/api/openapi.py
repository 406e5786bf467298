"""The OpenAPI document of the API: what the framework gathers, completed by how to log in."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.routing import BaseRoute

import edge
from hub.api.route import GuardedRoute
from hub.web.door import COOKIE, CSRF_HEADER, Door

DESCRIPTION = f"""\
What the hub's console can do, for programs. All times are UTC; all answers are JSON unless they are
pictures, clips or streams.

**Log-in.** A program sends a token, made in the console or with `camwatch-hub token add`, as
`Authorization: Bearer TOKEN`. A browser has the session's cookie, and sends `{CSRF_HEADER}` with
everything that changes something. `x-camwatch-needs` names the least role of each operation; a
scope of areas or organisations limits further what is found, and `x-camwatch-needs-everything`
marks what only a scope of everything may do.

**Errors** are `{{"error": word, "message": sentence}}`. The words are fixed; the sentences are not.

**Audit.** Who looks at, plays, exports, marks or changes what is written to the audit trail before
the answer is given.
"""

TAGS = {
    "session": "Logging in and out.",
    "events": "What happened in front of cameras: search, details, pictures, clips, marks, notes.",
    "nodes": "Camera nodes and cameras: state, health, coverage, what is missing.",
    "enrolment": "Node files for boxes that join; shutting nodes out.",
    "updates": "Which software nodes run: releases, roll-outs by stages, how far each node is.",
    "settings": "What the hub sets of nodes and their cameras: versions, history, undo.",
    "registry": "Areas, organisations and where cameras are.",
    "users": "Users, tokens, one-time links.",
    "audit": "Who did what.",
    "live": "What changes, as it changes.",
}


class DocumentApi:
    """The route of the document itself."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def route(self) -> BaseRoute:
        """What to mount."""
        return GuardedRoute(
            "/openapi.json", self.show_document, door=self._door, needs="viewer", tag="session"
        )

    async def show_document(self, request: Request) -> dict[str, object]:
        """This document: OpenAPI 3.1."""
        api = request.scope["app"]
        if not isinstance(api, FastAPI):
            raise TypeError("the document belongs to the API's own application")
        return api.openapi()


def describe(api: FastAPI) -> None:
    """Have `api.openapi()` make the whole document."""

    def document() -> dict[str, Any]:
        if not api.openapi_schema:
            api.openapi_schema = _make(api)
        return api.openapi_schema

    api.openapi = document  # type: ignore[method-assign]  # as FastAPI documents it


def _make(api: FastAPI) -> dict[str, Any]:
    made = get_openapi(
        title="Camwatch hub",
        version=edge.__version__,
        description=DESCRIPTION,
        routes=api.routes,
        servers=[{"url": "/api/v1", "description": "This hub."}],
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    _say_that_errors_are_json(made)
    made.setdefault("components", {})["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "cwt_..."},
    }
    return made


def _say_that_errors_are_json(made: dict[str, Any]) -> None:
    """The framework writes all answers of a route down as of its media type, such as video/mp4."""
    for item in made["paths"].values():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and (content := answer.get("content")):
                    (described,) = content.values()
                    answer["content"] = {"application/json": described}
