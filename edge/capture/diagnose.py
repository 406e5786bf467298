"""Asks a server that FFmpeg could not open what is wrong with it.

FFmpeg calls a name that does not resolve an input/output error, and a server that never answers
or speaks another protocol invalid data. One request of our own tells these apart; it is made only
after a failure, without credentials.
"""

from __future__ import annotations

import socket
from urllib.parse import SplitResult, urlsplit

from edge.capture.errors import OpenError

ANSWER_S = 3.0
RTSP_PORT, RTSPS_PORT = 554, 322  # RFC 7826 section 4.2
REQUEST = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: camwatch\r\n\r\n"


def diagnose(url: str, err: OpenError) -> OpenError:
    """A clearer error than `err`, if one can be found; blocks for some seconds."""
    if err.reason not in ("broken", "unreachable"):
        return err
    try:
        parts = urlsplit(url)
        port = parts.port or (RTSPS_PORT if parts.scheme == "rtsps" else RTSP_PORT)
    except ValueError:
        return OpenError("not_found", "the address is malformed")
    if not parts.hostname:
        return OpenError("not_found", "the address names no host")
    return _ask(parts, parts.hostname, port) or err


def _ask(parts: SplitResult, host: str, port: int) -> OpenError | None:
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return OpenError("unreachable", f"the name {host} does not resolve")
    try:
        with socket.create_connection((host, port), ANSWER_S) as connection:
            if parts.scheme == "rtsps":
                return None
            connection.sendall(REQUEST)
            answer = connection.recv(64)
    except TimeoutError:
        return OpenError("unreachable", f"{host} does not answer on port {port}")
    except ConnectionRefusedError:
        return OpenError("refused", f"nothing listens on port {port} of {host}")
    except ConnectionError:
        return OpenError("refused", f"{host} hangs up at once")
    except OSError as problem:
        return OpenError("unreachable", f"{host}: {problem.strerror or problem}")
    if not answer:
        return OpenError("refused", f"{host} hangs up at once")
    if not answer.startswith(b"RTSP/"):
        return OpenError(
            "broken", f"what listens on port {port} of {host} does not speak RTSP",
            hint="check the port of the URL; 554 is usual",
        )  # fmt: skip
    return None
