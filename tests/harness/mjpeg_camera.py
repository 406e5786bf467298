"""A camera that speaks HTTP: Motion JPEG from a real server on loopback, good or careless.

Its pictures are JPEGs by OpenCV; the login is checked by its own code, written from RFC 7616, not
by the node's.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import cv2
import numpy as np

BOUNDARY = "camwatchframe"
REALM, NONCE = "camera 7", "dcd98b7102dd2f0e8b11d0f600bfb0c0"
Auth = Literal["basic", "digest", "digest-sha256", "digest-old"]
Write = Callable[[bytes], object]
Script = Callable[["MjpegCamera", Write], None]


def jpeg(number: int, width: int = 320, height: int = 240) -> bytes:
    """A picture that is brighter with each number, up to 255."""
    level = min(255, 5 * number)
    done, data = cv2.imencode(".jpg", np.full((height, width, 3), level, np.uint8))
    assert done
    return bytes(data)


def part(picture: bytes, *, has_length: bool = True, kind: str = "image/jpeg") -> bytes:
    """One part of the stream, its boundary first."""
    length = f"Content-Length: {len(picture)}\r\n" if has_length else ""
    head = f"--{BOUNDARY}\r\nContent-Type: {kind}\r\n{length}\r\n"
    return head.encode() + picture + b"\r\n"


def steady(
    pictures: int = 10_000, fps: float = 15, *, has_length: bool = True, make: Any = jpeg
) -> Script:
    """So many pictures in their rhythm, then the end of the connection."""

    def script(camera: MjpegCamera, write: Write) -> None:
        for number in range(pictures):
            write(part(make(number), has_length=has_length))
            if camera.is_stopped.wait(1 / fps):
                return

    return script


class MjpegCamera:
    """A server of one stream at /video. A context manager."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        auth: Auth | None = None,
        user: str = "viewer",
        password: str = "",
        status: int = 200,
        content_type: str = f"multipart/x-mixed-replace; boundary={BOUNDARY}",
    ) -> None:
        self.script = script or steady()
        self.auth, self.user, self.password = auth, user, password
        self.status, self.content_type = status, content_type
        self.is_stopped = threading.Event()
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> MjpegCamera:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str = "/video") -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def challenges(self) -> Iterator[str]:
        """The WWW-Authenticate headers of a 401."""
        digest = f'Digest realm="{REALM}", nonce="{NONCE}", opaque="5ccc"'
        if self.auth == "basic":
            yield f'Basic realm="{REALM}"'
        elif self.auth == "digest-old":
            yield f'Digest realm="{REALM}", nonce="{NONCE}"'
        elif self.auth == "digest":
            yield f'{digest}, qop="auth"'
            yield f'Basic realm="{REALM}"'
        elif self.auth == "digest-sha256":
            yield f'{digest}, qop="auth,auth-int", algorithm=SHA-256'
            yield f'{digest}, qop="auth", algorithm=MD5'

    def lets_in(self, header: str, uri: str) -> bool:
        """Whether an Authorization header is right."""
        if self.auth is None:
            return True
        if self.auth == "basic":
            pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            return header == f"Basic {pair}"
        given = {m[1]: m[2] if m[2] is not None else m[3] for m in re.finditer(
            r'(\w+)=(?:"([^"]*)"|([^,\s]+))', header.removeprefix("Digest "))}  # fmt: skip
        name = "sha256" if self.auth == "digest-sha256" else "md5"

        def h(text: str) -> str:
            return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

        ha1, ha2 = h(f"{self.user}:{REALM}:{self.password}"), h(f"GET:{uri}")
        middle = NONCE
        if self.auth != "digest-old":
            middle += f":{given.get('nc')}:{given.get('cnonce')}:{given.get('qop')}"
        is_same = given.get("username") == self.user and given.get("uri") == uri
        return is_same and given.get("response") == h(f"{ha1}:{middle}:{ha2}")


def _handler(camera: MjpegCamera) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            header = self.headers.get("Authorization", "")
            camera.requests.append(header)
            if not self.path.startswith("/video"):
                self.send_error(404)
            elif not camera.lets_in(header, self.path):
                self.send_response(401)
                for challenge in camera.challenges():
                    self.send_header("WWW-Authenticate", challenge)
                self.end_headers()
            else:
                self.send_response(camera.status)
                self.send_header("Content-Type", camera.content_type)
                self.end_headers()
                try:
                    camera.script(camera, self.wfile.write)
                except OSError:
                    return

        def log_message(self, *_: object) -> None:
            """Silent."""

    return Handler


def hang(seconds: float = 60) -> Script:
    """Three pictures, then silence with the connection open."""

    def script(camera: MjpegCamera, write: Write) -> None:
        steady(3)(camera, write)
        camera.is_stopped.wait(seconds)

    return script


def trickle(camera: MjpegCamera, write: Write) -> None:
    """Three pictures, then a byte now and then that never makes a picture."""
    steady(3)(camera, write)
    write(part(jpeg(1))[:120])
    while not camera.is_stopped.wait(0.1):
        write(b"x")
        time.sleep(0)
