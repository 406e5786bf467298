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
from hub.web.certificate import Certificate

IDLE_S = 8
GRACE_S = 1.5


def listen(settings: HttpSettings) -> socket.socket:
    """The listening socket; connections queue on it from now on.

    Raises CamwatchError, also when the certificate or its key cannot be used.
    """
    Certificate(settings).check()  # hypercorn would find out later, with a traceback for an answer
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
    certificate: Certificate | None = None,
) -> None:
    """Answer on `listener`, which is closed afterwards, until `until` returns.

    With `certificate` it can be read again meanwhile.
    """
    config = _config(settings, listener)
    config.certificate = certificate or Certificate(settings)
    await serve_asgi(app, config, shutdown_trigger=until)  # type: ignore[arg-type]


class _Config(Config):
    """hypercorn's settings, which tell what context it serves with."""

    certificate: Certificate

    def create_ssl_context(self) -> ssl.SSLContext | None:
        context = super().create_ssl_context()
        self.certificate.serve_in(context)
        return context


def _config(settings: HttpSettings, listener: socket.socket) -> _Config:
    config = _Config()
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
