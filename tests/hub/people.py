"""A client of the hub's HTTPS server for tests, as a browser or a program: TLS, cookies kept."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

API = "/api/v1"
TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> object:
        """The body as JSON."""
        return json.loads(self.body)

    def get(self, *path: str | int) -> object:
        """A value inside the JSON body."""
        found = self.json
        for step in path:
            found = found[step]  # type: ignore[index]  # a test says what is there
        return found


class Client:
    """One browser or program; keeps cookies and follows nothing."""

    def __init__(self, url: str, ca_file: Path | None, *, token: str | None = None) -> None:
        parts = urlsplit(url)
        self.host, self.port = str(parts.hostname), int(parts.port or 443)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self._context = ssl.create_default_context(cafile=ca_file) if ca_file else None
        self.cookies: dict[str, str] = {}
        self.csrf: str | None = None
        self.token = token

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request over a connection of its own."""
        sent = {"Origin": self.origin} if method not in ("GET", "HEAD") else {}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        if self.csrf is not None:
            sent["X-CSRF-Token"] = self.csrf
        sent |= dict(headers or {})
        if self._context is None:
            line: http.client.HTTPConnection = http.client.HTTPConnection(
                self.host, self.port, timeout=TIMEOUT_S
            )
        else:
            line = http.client.HTTPSConnection(
                self.host, self.port, timeout=TIMEOUT_S, context=self._context
            )
        try:
            line.request(method, path, body, sent)
            answer = line.getresponse()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    self._keep(value)
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            line.close()

    def get(self, path: str, **headers: str) -> Reply:
        """GET; in `headers` _ stands for -."""
        return self.request(
            "GET", path, headers={name.replace("_", "-"): v for name, v in headers.items()}
        )

    def send(self, method: str, path: str, document: object) -> Reply:
        """A JSON document."""
        return self.request(
            method, path, json.dumps(document).encode(), {"Content-Type": "application/json"}
        )

    def post_form(self, path: str, **fields: str) -> Reply:
        """A form, as a browser sends it."""
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
        return self.request("POST", path, urlencode(fields).encode(), kind)

    def log_in(self, name: str, password: str) -> Reply:
        """Over the API; the session's cookie and token are kept."""
        reply = self.send("POST", f"{API}/session", {"name": name, "password": password})
        if reply.status == 200:
            self.csrf = str(reply.get("csrf_token"))
        return reply

    def _keep(self, header: str) -> None:
        pair, _, attributes = header.partition(";")
        name, _, value = pair.partition("=")
        if "max-age=0" in attributes.lower():
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value


def first_link(log_text: str) -> str:
    """The path of the last one-time link in a hub's log."""
    return str(re.findall(r"https?://[^/\s]+(/welcome/[\w-]+)", log_text)[-1])
