"""A file server that answers Range requests (RFC 9110 section 14), as servers of clips must."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGE = b"""<!doctype html><title>clip</title><video muted playsinline preload=auto></video>"""
TYPES = {".mp4": "video/mp4", ".html": "text/html"}


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve `folder`, and an empty player at /player.html, on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name = self.path.lstrip("/").split("?")[0]
            if name != "player.html" and not (folder / name).is_file():
                self.send_error(404)
                return
            data = PAGE if name == "player.html" else (folder / name).read_bytes()
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            first = int(asked[1]) if asked else 0
            last = min(int(asked[2]) if asked and asked[2] else len(data) - 1, len(data) - 1)
            self.send_response(206 if asked else 200)
            self.send_header("Content-Type", TYPES[Path(name).suffix])
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(last - first + 1))
            if asked:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.end_headers()
            self.wfile.write(data[first : last + 1])

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:  # browsers drop ranges that they need no more
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """The tests' output is no access log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="range-server")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
