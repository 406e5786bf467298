"""The certificate that the hub serves with; read again when it was renewed, without a restart."""

from __future__ import annotations

import ssl

from edge.base.errors import CamwatchError
from hub.config import HttpSettings


class Certificate:
    """Certificate and key of the settings, and the context that serves with them."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._context: ssl.SSLContext | None = None

    def check(self) -> None:
        """Raises CamwatchError where it cannot be used."""
        self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))

    def serve_in(self, context: ssl.SSLContext | None) -> None:
        """The context that is served with; None without TLS."""
        self._context = context

    def read_again(self) -> bool:
        """New connections get what the files hold now; those that stand stay. False without TLS.

        Called in the server's thread. Raises CamwatchError; then all stays as it was.
        """
        if self._context is None:
            return False
        self.check()
        self._load(self._context)
        return True

    def _load(self, context: ssl.SSLContext) -> None:
        cert_file, key_file = self._settings.cert_file, self._settings.key_file
        if cert_file is None:
            return
        try:
            context.load_cert_chain(cert_file, key_file)
        except OSError as err:  # ssl.SSLError too
            raise CamwatchError(
                f"cannot serve HTTPS with {cert_file} and {key_file}: {err}",
                hint="both must be PEM files that the hub's user can read, and belong together",
            ) from err
