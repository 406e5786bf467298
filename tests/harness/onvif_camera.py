"""A stand-in for a camera's ONVIF services: a real HTTP server on loopback, no camera behind it.

Written from the ONVIF specifications, with its own check of logins, for what `ipycam` (see
`onvif_ipycam`) does not do: a clock that is off, HTTP digest, recorders, malice, counting.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

REALM, NONCE = "onvif", "586e0f1fca67436c6125"
MAX_SKEW = timedelta(minutes=5)
Auth = Literal["token", "digest", "digest-always"]
ENVELOPE = (
    '<?xml version="1.0"?><SOAP-ENV:Envelope'
    ' xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
    ' xmlns:trt="http://www.onvif.org/ver10/media/wsdl"'
    ' xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:ter="http://www.onvif.org/ver10/error">'
    "<SOAP-ENV:Body>{}</SOAP-ENV:Body></SOAP-ENV:Envelope>"
)
FAULT = (
    "<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Sender</SOAP-ENV:Value>"
    "<SOAP-ENV:Subcode><SOAP-ENV:Value>ter:NotAuthorized</SOAP-ENV:Value></SOAP-ENV:Subcode>"
    "</SOAP-ENV:Code><SOAP-ENV:Reason><SOAP-ENV:Text>Sender not Authorized</SOAP-ENV:Text>"
    "</SOAP-ENV:Reason></SOAP-ENV:Fault>"
)


@dataclass(frozen=True)
class Stream:
    """A media profile: its address, its size, and which of the device's video sources it shows."""

    url: str
    width: int
    height: int
    video_source: str = "source-1"


class OnvifCamera:
    """A context manager. `failed_logins` counts what a camera would count before it locks.

    `auth`: a WS-Security token (a SOAP fault asks for it), HTTP digest, or HTTP digest for the
    clock too. `media`: where the media service is said to be, by default on the host that a camera
    behind NAT believes in. `raw`: what is answered to everything instead.
    """

    def __init__(
        self,
        streams: Sequence[Stream] = (),
        *,
        auth: Auth | None = None,
        user: str = "viewer",
        password: str = "",
        clock_ahead: timedelta = timedelta(),
        media: str = "http://192.0.2.99:81/onvif/Media",
        raw: bytes | None = None,
    ) -> None:
        self.streams = list(streams)
        self.auth, self.user, self.password = auth, user, password
        self.clock_ahead, self.media, self.raw = clock_ahead, media, raw
        self.failed_logins = 0
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> OnvifCamera:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def answer(self, path: str, message: str, authorization: str) -> tuple[int, str]:
        """Status and body; 401 asks for HTTP digest."""
        question = re.findall(r"<(?:\w+:)?(Get\w+)", message)[0]
        self.requests.append(question)
        is_open = question in ("GetSystemDateAndTime", "GetCapabilities")
        if self.auth == "digest-always" or (self.auth and not is_open):
            if self.auth == "token":
                if not self._lets_in_token(message):
                    return http.client.BAD_REQUEST, ENVELOPE.format(FAULT)
            elif not self._lets_in_digest(path, authorization):
                return http.client.UNAUTHORIZED, ""
        return http.client.OK, ENVELOPE.format(self._said(question, message))

    def _said(self, question: str, message: str) -> str:
        if question == "GetSystemDateAndTime":
            now = datetime.now(UTC) + self.clock_ahead
            return (
                "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime><tt:Time>"
                f"<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
                f"<tt:Second>{now.second}</tt:Second></tt:Time><tt:Date><tt:Year>{now.year}"
                f"</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date>"
                "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
            )
        if question == "GetCapabilities":
            return (
                "<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media>"
                f"<tt:XAddr>{self.media}</tt:XAddr></tt:Media></tds:Capabilities>"
                "</tds:GetCapabilitiesResponse>"
            )
        if question == "GetProfiles":
            return "".join(
                f'<trt:Profiles token="profile-{number}"><tt:Name>stream {number}</tt:Name>'
                "<tt:VideoSourceConfiguration><tt:SourceToken>"
                f"{each.video_source}</tt:SourceToken></tt:VideoSourceConfiguration>"
                f"<tt:VideoEncoderConfiguration><tt:Resolution><tt:Width>{each.width}</tt:Width>"
                f"<tt:Height>{each.height}</tt:Height></tt:Resolution>"
                "</tt:VideoEncoderConfiguration></trt:Profiles>"
                for number, each in enumerate(self.streams)
            )
        number = int(re.findall(r">profile-(\d+)<", message)[0])
        url = self.streams[number].url.replace("&", "&amp;")
        return f"<trt:MediaUri><tt:Uri>{url}</tt:Uri></trt:MediaUri>"

    def _lets_in_token(self, message: str) -> bool:
        given = dict(
            re.findall(r"<(?:\w+:)?(Username|Password|Nonce|Created)\b[^>]*>([^<]*)<", message)
        )
        if "Username" not in given:
            return False
        nonce = base64.b64decode(given["Nonce"])
        proof = hashlib.sha1(nonce + (given["Created"] + self.password).encode()).digest()  # noqa: S324
        created = datetime.fromisoformat(given["Created"])
        is_right = (
            given["Username"] == self.user
            and given["Password"] == base64.b64encode(proof).decode()
            and abs(datetime.now(UTC) + self.clock_ahead - created) <= MAX_SKEW
        )
        self.failed_logins += not is_right
        return is_right

    def _lets_in_digest(self, path: str, authorization: str) -> bool:
        if not authorization:
            return False
        given = dict(re.findall(r'(\w+)="([^"]*)"', authorization))
        ha1 = _md5(f"{self.user}:{REALM}:{self.password}")
        middle = f"{NONCE}:00000001:{given.get('cnonce')}:auth"
        is_right = given.get("response") == _md5(f"{ha1}:{middle}:{_md5(f'POST:{path}')}")
        self.failed_logins += not is_right
        return is_right


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _handler(camera: OnvifCamera) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            message = self.rfile.read(length).decode()
            if camera.raw is not None:
                status, data = 200, camera.raw
            else:
                header = self.headers.get("Authorization", "")
                status, text = camera.answer(self.path, message, header)
                data = text.encode()
            self.send_response(status)
            if status == http.client.UNAUTHORIZED:
                challenge = f'Digest realm="{REALM}", qop="auth", nonce="{NONCE}"'
                self.send_header("WWW-Authenticate", challenge)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
