"""hypercorn, set up so that nobody can hold a connection with half a request.

A connection must bring a whole request header, and later the next one, within IDLE_S; a body that
trickles is ended by its route. HTTP/1.1 only: the limits above were made for it.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Awaitable, Callable

from hypercorn.asyncio import serve as serve_asgi
from hypercorn.config import Config
from starlette.applications import Starlette

from edge.base.errors import CamwatchError
from hub.config import HttpSettings

IDLE_S = 8
GRACE_S = 1.5


def listen(settings: HttpSettings) -> socket.socket:
    """The listening socket; connections queue on it from now on.

    Raises CamwatchError, also when the certificate or its key cannot be used.
    """
    _check_certificate(settings)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=128)
    except OSError as err:
        raise CamwatchError(
            f"cannot listen on {settings.host} port {settings.port}: {err.strerror or err}",
            hint="choose another http.port, or stop the program that uses this one",
        ) from err


async def serve(
    app: Starlette,
    settings: HttpSettings,
    listener: socket.socket,
    until: Callable[[], Awaitable[None]],
) -> None:
    """Answer on `listener`, which is closed afterwards, until `until` returns."""
    await serve_asgi(app, _config(settings, listener), shutdown_trigger=until)  # type: ignore[arg-type]


def _check_certificate(settings: HttpSettings) -> None:
    """hypercorn would find out later, with a traceback for an answer."""
    if settings.cert_file is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.cert_file, settings.key_file)
    except OSError as err:  # ssl.SSLError too
        raise CamwatchError(
            f"cannot serve HTTPS with {settings.cert_file} and {settings.key_file}: {err}",
            hint="both must be PEM files that the hub's user can read, and belong together",
        ) from err


def _config(settings: HttpSettings, listener: socket.socket) -> Config:
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.certfile = settings.cert_file
    config.keyfile = settings.key_file
    config.alpn_protocols = ["http/1.1"]
    config.keep_alive_timeout = IDLE_S
    config.ssl_handshake_timeout = IDLE_S
    config.graceful_timeout = GRACE_S
    config.shutdown_timeout = GRACE_S
    config.include_server_header = False
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn")
    return config
