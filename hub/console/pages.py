"""How a page comes about: its route lets the visitor in, its handler returns values, a template
draws them in the visitor's language.

A page's route says what it needs; what changes something must come from a form of ours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from edge.base.clock import Clock
from hub.console import texts
from hub.console.static_files import StaticFiles
from hub.console.texts import Language
from hub.console.times import Times
from hub.console.words import Words
from hub.registry.access import Needs, Visitor
from hub.web import bodies
from hub.web.answers import HttpError
from hub.web.bodies import with_body
from hub.web.door import CSRF_FIELD, CSRF_HEADER, SAFE_METHODS, Door, check_csrf, csrf_of

LANGUAGE_COOKIE = "camwatch-language"
LOGIN_PATH = "/login"

Handler = Callable[[Request, Visitor], Awaitable[Response]]
OpenHandler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Entry:
    """One line of the navigation. `name` is also what a page calls itself, `text` is English."""

    name: str
    path: str
    text: str
    needs: Needs = "viewer"
    is_for_all: bool = False  # for those alone whose scope is everything

    def is_for(self, visitor: Visitor) -> bool:
        """Whether the visitor may go there."""
        return visitor.may(self.needs) and (visitor.scope.is_everything or not self.is_for_all)


def _(text: str) -> str:
    """Marks a text for translation; it is translated where it is drawn."""
    return text


NAVIGATION = (
    Entry("now", "/", _("Now")),
    Entry("events", "/events", _("Events")),
    Entry("live", "/live", _("Live")),
    Entry("coverage", "/coverage", _("Coverage")),
    Entry("nodes", "/nodes", _("Nodes")),
    Entry("registry", "/registry", _("Registry")),
    Entry("updates", "/updates", _("Updates"), needs="administrator", is_for_all=True),
    Entry("users", "/users", _("Users"), needs="administrator", is_for_all=True),
    Entry("audit", "/audit", _("Who did what"), needs="administrator", is_for_all=True),
)
"""What the navigation shows, in its order. A page adds its line here."""


class Pages:
    """Draws for everybody. One for the console."""

    def __init__(self, door: Door, zone: ZoneInfo, clock: Clock) -> None:
        self._door = door
        self._zone = zone
        self._clock = clock
        self.static = StaticFiles()
        self._environment = Environment(
            loader=PackageLoader("hub.console", "templates"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self._environment.globals["static"] = self.static.url

    def route(
        self,
        path: str,
        handler: Handler,
        *,
        needs: Needs,
        is_use: bool = True,
        methods: Sequence[str] = ("GET",),
        max_body_bytes: int = bodies.MAX_BYTES,
    ) -> Route:
        """A page for those who are logged in and may see it; others go to the log-in first.

        Without `is_use` it is a part that pages load again by themselves, which does not keep a
        session from getting idle.
        """

        async def guarded(request: Request) -> Response:
            try:
                visitor = await self._door.admit(request, needs, is_use=is_use)
            except HttpError as err:
                if err.status == 401 and request.method in SAFE_METHODS:
                    return to_login(request)
                raise
            if visitor is None:
                raise TypeError(f"{path} lets strangers in; use open_route")
            request.state.visitor = visitor
            if request.method not in SAFE_METHODS:
                request = await with_body(request, max_body_bytes)
                check_csrf(request, visitor, await _csrf_given(request))
            return await handler(request, visitor)

        return _with_needs(Route(path, guarded, methods=list(methods)), needs)

    def open_route(
        self, path: str, handler: OpenHandler, *, methods: Sequence[str] = ("GET",)
    ) -> Route:
        """A page for anyone. Its handler knows the visitor, if there is one, as
        `request.state.visitor`; what it changes must not depend on a session."""

        async def opened(request: Request) -> Response:
            request.state.visitor = await self._door.admit(request, "anyone")
            if request.method not in SAFE_METHODS:
                request = await with_body(request)
            return await handler(request)

        return _with_needs(Route(path, opened, methods=list(methods)), "anyone")

    def draw(
        self, request: Request, template: str, status: int = 200, **values: object
    ) -> HTMLResponse:
        """The template with these values, and with what every page has: see base.html."""
        visitor: Visitor | None = getattr(request.state, "visitor", None)
        language = self.language_of(request)
        known = texts.texts_in(language)
        now_utc = self._clock.utc()
        shared = {
            "gettext": known.gettext,
            "ngettext": known.ngettext,
            "pgettext": known.pgettext,
            "_": known.gettext,
            "language": language,
            "languages": texts.NAMES,
            "words": Words(known),
            "times": Times(self._zone, language, known, now_utc),
            "now_utc": now_utc,
            "visitor": visitor,
            "csrf": csrf_of(request) if visitor is not None else "",
            "navigation": [e for e in NAVIGATION if visitor is not None and e.is_for(visitor)],
            "here": request.url.path,
            "here_again": path_and_query(request),
        }
        drawn = self._environment.get_template(template).render(shared | values)
        return HTMLResponse(drawn, status, headers={"content-language": language})

    def language_of(self, request: Request) -> Language:
        """The visitor's own, else what this browser chose, else what it asks for."""
        visitor: Visitor | None = getattr(request.state, "visitor", None)
        return texts.choose(
            (
                request.cookies.get(LANGUAGE_COOKIE),
                None if visitor is None else visitor.user.language,
                request.headers.get("accept-language"),
            )
        )

    def error(self, request: Request, err: HttpError) -> Response:
        """What happened and what to do, as a page."""
        if err.status == 401 and request.method in SAFE_METHODS:
            return to_login(request)
        answer = self.draw(request, "error.html", err.status, error=err, path=request.url.path)
        answer.headers.update(err.headers)
        return answer


def to_login(request: Request) -> RedirectResponse:
    """To the log-in, and from there back to where the request was going."""
    target = quote(path_and_query(request), safe="")
    suffix = "" if target == "%2F" else f"?next={target}"
    return RedirectResponse(LOGIN_PATH + suffix, 303)


def path_and_query(request: Request) -> str:
    """Where the request is, to come back to."""
    query = f"?{request.url.query}" if request.url.query else ""
    return request.url.path + query


def needs_of(route: Route) -> Needs | None:
    """What a route of `Pages` needs; None for a route that was made without it."""
    found: Needs | None = getattr(route, "needs", None)
    return found


def _with_needs(route: Route, needs: Needs) -> Route:
    route.needs = needs  # type: ignore[attr-defined]  # read by `needs_of`
    return route


async def _csrf_given(request: Request) -> str | None:
    given = request.headers.get(CSRF_HEADER)
    if given is None:
        field = (await request.form(max_files=4, max_fields=200)).get(CSRF_FIELD)
        given = field if isinstance(field, str) else None
    return given
