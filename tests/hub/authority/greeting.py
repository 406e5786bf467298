"""A TLS handshake in memory, as a node or a browser makes it, at a time of the test's choice."""

from __future__ import annotations

import ssl
from pathlib import Path

STEPS = 8


def greet(public: Path, use: str, name: str, ca_file: Path | None = None) -> str:
    """The protocol's version. Raises ssl.SSLError where the client refuses."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(public / f"{use}.pem", public / f"{use}-key.pem")
    client_context = ssl.create_default_context(cafile=ca_file or public / "hub-ca.pem")
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 does by itself
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for step in range(STEPS):
        try:
            (server if step % 2 else client).do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client.version() or ""
