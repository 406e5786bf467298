"""Asks a camera by ONVIF which streams it has: for `camwatch-edge probe`, never a running node.

Four questions of Profile S: the device's clock, where its media service is, its profiles, and each
profile's address. A login is shown once: first each question is asked without one, and what the
camera says to that tells which kind it wants; if it then refuses, `is_refused` is set and nothing
more may be asked, as cameras lock accounts. The camera's own idea of its host name is not followed.
"""

from __future__ import annotations

import html
import http.client
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from edge.capture import httpauth, soap
from edge.capture.errors import OpenError
from edge.capture.soap import Answer, Element

# 80 and 8080 by custom; 8000 Reolink and 2020 Tapo (go2rtc, internal/onvif/README.md); 8899 as in
# smartsenselab/sensecam-control#11.
PORTS = (80, 8080, 8000, 8899, 2020)
TIMEOUT_S = 3.0
MAX_PROFILES = 64
DEVICE_PATH = "/onvif/device_service"  # ONVIF Core, 5.3: the same on every device
_DEVICE = "http://www.onvif.org/ver10/device/wsdl"
_MEDIA = "http://www.onvif.org/ver10/media/wsdl"
_SCHEMA = "http://www.onvif.org/ver10/schema"
_URL_TEXT = re.compile(r"[!-~]{1,1024}")  # it is shown to people, and may go into a settings file
HINT = "give the camera's ONVIF user the same name and password, or name the stream yourself"

Kind = Literal["digest", "token"]


@dataclass(frozen=True, slots=True)
class Profile:
    """One of a camera's streams as the camera describes it. Sizes in pixels, None where unsaid."""

    name: str
    video_source: str
    width: int | None
    height: int | None
    url: SplitResult


@dataclass(slots=True)
class Device:
    """A device service that answers. All calls block, and raise OpenError."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    clock_ahead: timedelta = timedelta()
    """How far the camera's clock is ahead of ours."""
    is_refused: bool = False
    _accepted: Kind | None = None

    def profiles(self) -> list[Profile]:
        """The profiles that have an RTSP address, in the camera's order, at most MAX_PROFILES."""
        capabilities = self._ask(
            DEVICE_PATH,
            f'<GetCapabilities xmlns="{_DEVICE}"><Category>Media</Category></GetCapabilities>',
        )
        path = _path(capabilities.words("Media", "XAddr"))
        if not path:
            raise OpenError("unsupported", "the camera has no ONVIF media service", hint="")
        answer = self._ask(path, f'<GetProfiles xmlns="{_MEDIA}"/>')
        found = [
            self._profile(path, each)
            for each in itertools.islice(answer.all("Profiles"), MAX_PROFILES)
        ]
        return [each for each in found if each is not None]

    def _profile(self, path: str, element: Element) -> Profile | None:
        """None where it has no RTSP address."""
        token = element.attributes.get("token", "")
        question = (
            f'<GetStreamUri xmlns="{_MEDIA}"><StreamSetup><Stream xmlns="{_SCHEMA}">RTP-Unicast'
            f'</Stream><Transport xmlns="{_SCHEMA}"><Protocol>RTSP</Protocol></Transport>'
            f"</StreamSetup><ProfileToken>{html.escape(token)}</ProfileToken></GetStreamUri>"
        )
        try:
            text = self._ask(path, question).words("Uri")
            url = urlsplit(text)
            _ = url.port
        except OpenError as err:
            if err.reason == "refused":
                return None
            raise
        except ValueError:
            return None
        if url.scheme not in ("rtsp", "rtsps") or not _URL_TEXT.fullmatch(text):
            return None
        return Profile(
            element.words("Name") or token,
            element.words("VideoSourceConfiguration", "SourceToken"),
            _number(element.words("VideoEncoderConfiguration", "Resolution", "Width")),
            _number(element.words("VideoEncoderConfiguration", "Resolution", "Height")),
            url,
        )

    def _ask(self, path: str, question: str) -> Element:
        """One question, with the login only where it is asked for."""
        if self._accepted == "token":
            answer = self._post(path, question, self._token())
        else:
            answer = self._post(path, question)
            if answer.body is None:
                answer = self._ask_with_login(path, question, answer)
        body = answer.body
        if body is None and self._is_about_login(answer):
            self.is_refused = True
            text = f"the camera refuses this login by ONVIF: {_said(answer)}"
            raise OpenError("unauthorised", text, hint=HINT)
        if body is None:
            raise OpenError("refused", f"the camera refuses by ONVIF: {_said(answer)}", hint="")
        return body

    def _is_about_login(self, answer: Answer) -> bool:
        """Whether a refusal may count as a failed login: any may, until one was let in."""
        forbids = (http.client.UNAUTHORIZED, http.client.FORBIDDEN)
        return self._accepted is None or answer.status in forbids

    def _ask_with_login(self, path: str, question: str, refusal: Answer) -> Answer:
        if self.is_refused or not self.user:
            raise OpenError("unauthorised", "the camera asks for a login by ONVIF", hint=HINT)
        offered = httpauth.best(httpauth.challenges(refusal.challenges))
        # Basic would show the password to whoever listens; a token does not.
        kind: Kind = "digest" if offered and offered.scheme == "digest" else "token"
        if offered and kind == "digest":
            authorization = httpauth.answer(
                offered, self.user, self.password, uri=path, method="POST"
            )
            answer = self._post(path, question, authorization=authorization)
        else:
            answer = self._post(path, question, self._token())
        if answer.body is not None:
            self._accepted = kind
        return answer

    def _token(self) -> str:
        created_utc = datetime.now(UTC) + self.clock_ahead
        return soap.username_token(self.user, self.password, created_utc)

    def _post(
        self, path: str, question: str, header: str = "", *, authorization: str = ""
    ) -> Answer:
        message = soap.envelope(question, header)
        return soap.post(
            self.host, self.port, path, message, timeout_s=TIMEOUT_S, authorization=authorization
        )


def find(host: str, ports: Sequence[int], user: str = "", password: str = "") -> Device:
    """The first port of `host` on which a device service answers. Blocks. Raises OpenError.

    Asks for the device's clock, for which no login is needed (ONVIF Core, 5.9.4: PRE_AUTH); some
    want one all the same, then our own clock has to do.
    """
    question = soap.envelope(f'<GetSystemDateAndTime xmlns="{_DEVICE}"/>')
    for port in ports:
        try:
            answer = soap.post(host, port, DEVICE_PATH, question, timeout_s=TIMEOUT_S)
        except OpenError:
            continue
        is_digest = any(each.scheme == "digest" for each in httpauth.challenges(answer.challenges))
        if answer.envelope is not None or (answer.status == http.client.UNAUTHORIZED and is_digest):
            return Device(host, port, user, password, clock_ahead(answer.body, datetime.now(UTC)))
    text = ", ".join(map(str, ports))
    raise OpenError("refused", f"{host} does not answer by ONVIF (ports {text})", hint="")


def clock_ahead(body: Element | None, now_utc: datetime) -> timedelta:
    """How far a device's clock is ahead, by its GetSystemDateAndTimeResponse; 0 where unsaid."""
    stated = body.find("UTCDateTime") if body else None
    if stated is None:
        return timedelta()
    try:
        year, month, day, hour, minute, second = (
            int(stated.words(name)) for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")
        )
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC) - now_utc
    except (ValueError, OverflowError):
        return timedelta()


def _said(answer: Answer) -> str:
    return answer.fault or f"HTTP status {answer.status}"


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _number(text: str) -> int | None:
    return int(text[:5]) if text.isascii() and text.isdigit() else None
