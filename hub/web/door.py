"""Who is asking, and whether they may: the session's cookie or a token in, a visitor out.

A browser sends its cookie whoever made it send the request, so what changes something must also
come from our own pages: by its Origin, and by a token that only they know.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from edge.base.clock import Clock
from hub.archive import Archive
from hub.registry import sessions
from hub.registry.access import Needs, Visitor
from hub.registry.sessions import Lives
from hub.web.answers import HttpError
from hub.web.trail import Trail

COOKIE = "__Host-camwatch"  # RFC 6265bis section 4.1.3.2: Secure, of this host alone, Path=/
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_SECRET_CHARS = 200
LOOK_AGAIN_S = 2.0  # how often an answer without an end asks whether its reader is still let in


class Door:
    """Lets requests in. One for API and console."""

    def __init__(self, archive: Archive, trail: Trail, clock: Clock, lives: Lives) -> None:
        self._archive = archive
        self._clock = clock
        self._lives = lives
        self.trail = trail

    async def admit(self, request: Request, needs: Needs, *, is_use: bool = True) -> Visitor | None:
        """Who makes the request; None for a stranger where the route lets anyone in.

        Without `is_use` their session goes on getting idle: a page asks for such things by itself.
        Raises HttpError 401 for strangers, 403 for those who may not; StorageError.
        """
        visitor = await self._known(request, is_use=is_use)
        if visitor is None:
            if needs == "anyone":
                return None
            raise HttpError(
                401, "unauthorised", "log in first, or send a token that is valid",
                headers={"WWW-Authenticate": 'Bearer realm="camwatch"'},
            )  # fmt: skip
        if not visitor.may(needs):
            path = f"{request.method} {request.url.path}"
            await self.trail.note_once(
                request, visitor, "access", path, outcome="refused", needs=needs
            )
            raise HttpError(
                403, "forbidden", f"only for the role {needs}; you are {visitor.role} here"
            )
        if visitor.by == "session" and request.method not in SAFE_METHODS:
            check_origin(request)
        return visitor

    def now_utc(self) -> datetime:
        """The hub's time, by which sessions are judged."""
        return self._clock.utc()

    async def still_in(self, request: Request, needs: Needs) -> Visitor | None:
        """Who gets a long answer, with the role and scope of now; None where they may not go on
        getting it. Does not count as use. Raises StorageError."""
        visitor = await self._known(request, is_use=False)
        return visitor if visitor is not None and visitor.may(needs) else None

    async def _known(self, request: Request, *, is_use: bool = True) -> Visitor | None:
        now_utc = self._clock.utc()
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            secret = secret.strip()[:MAX_SECRET_CHARS]
            found = await run_in_threadpool(
                sessions.visitor_of_token, self._archive, secret, now_utc, is_use=is_use
            )
            if found is None:
                await self.trail.note_once(request, None, "token.use", outcome="refused")
            return found
        cookie = request.cookies.get(COOKIE, "")[:MAX_SECRET_CHARS]
        if not cookie:
            return None
        return await run_in_threadpool(
            sessions.visitor_of_cookie, self._archive.people, cookie, now_utc, self._lives,
            is_use=is_use,
        )  # fmt: skip


def check_origin(request: Request) -> None:
    """Refuse what another site made a browser send. Raises HttpError 403."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise _cross_site()
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise _cross_site()


def _cross_site() -> HttpError:
    return HttpError(403, "cross_site", "another site sent this request; use the hub's own pages")


def check_csrf(request: Request, visitor: Visitor | None, given: str | None) -> None:
    """Refuse a change that did not come from a page of ours. Raises HttpError 403.

    Programs with a token have no cookie that could be abused, and need none of it.
    """
    if visitor is None or visitor.by != "session" or request.method in SAFE_METHODS:
        return
    known = csrf_of(request)
    if given is None or not hmac.compare_digest(given.encode(), known.encode()):
        raise HttpError(
            403, "csrf", "the page is too old, or the request is not from a page of this hub"
        )


def csrf_of(request: Request) -> str:
    """What a page must send along to change something; made from the cookie that it cannot read."""
    return csrf_of_secret(request.cookies.get(COOKIE, ""))


def csrf_of_secret(secret: str) -> str:
    """The same for a session that only begins; `secret` is what its cookie holds."""
    return hmac.new(secret.encode(), b"camwatch csrf", hashlib.sha256).hexdigest()


def set_cookie(response: Response, secret: str) -> None:
    """Give the session's cookie to the browser."""
    response.set_cookie(COOKIE, secret, path="/", secure=True, httponly=True, samesite="lax")


def drop_cookie(response: Response) -> None:
    """Have the browser forget it."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def safe_target(text: str | None) -> str:
    """Where to go after a log-in: a path of ours, never another site."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")):
        return "/"
    return text if text.isprintable() and len(text) <= 2000 else "/"
