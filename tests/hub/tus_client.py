"""A small tus 1.0.0 client for tests, one request at a time over one plain connection each."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        """The fixed word of an error."""
        return str(json.loads(self.body)["error"])

    @property
    def offset(self) -> int:
        """Upload-Offset."""
        return int(self.headers["upload-offset"])


class TusClient:
    """Speaks for one node."""

    def __init__(self, url: str, node: str, secret: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self.secret = secret
        self.login = base64.b64encode(f"{node}:{secret}".encode()).decode()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str | None] | None = None,
    ) -> Answer:
        """Any request; in `headers` _ stands for -, None leaves out what is usual."""
        given: dict[str, str | None] = {
            "tus-resumable": "1.0.0",
            "authorization": f"Basic {self.login}",
        }
        given |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        connection = http.client.HTTPConnection(self._host, self._port, timeout=60)
        try:
            sent = {name: value for name, value in given.items() if value is not None}
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def create(self, event: str, content: bytes, *, part: int = 0, **headers: str | None) -> Answer:
        """POST /uploads for a clip of these bytes."""
        metadata = {
            "clip": f"{event}.{part}",
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        pairs = [
            f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in metadata.items()
        ]
        usual: dict[str, str | None] = {
            "upload_length": str(len(content)),
            "upload_metadata": ",".join(pairs),
        }
        return self.request("POST", "/uploads", headers=usual | headers)

    def append(self, path: str, offset: int, data: bytes, **headers: str | None) -> Answer:
        """PATCH with these bytes at that offset."""
        usual: dict[str, str | None] = {
            "content_type": "application/offset+octet-stream",
            "upload_offset": str(offset),
        }
        return self.request("PATCH", path, data, usual | headers)

    def head(self, path: str) -> Answer:
        """How far it is."""
        return self.request("HEAD", path)
