"""Whether the hub's HTTP server takes this node's clips: asks for an upload that there is not."""

from __future__ import annotations

import secrets

from edge.base.findings import Finding, failed, passed
from edge.uplink.tus import UPLOADS_PATH, TusClient, UploadError

CHECK = "hub.uploads"
UNAUTHORISED = 401
HUB = "is upload_url the hub's own? the lines above tell how far it is reached"


def ask(base_url: str, *, user: str, secret: str, ca_file: str | None, let_in: str) -> Finding:
    """Two questions: without an account, which a hub refuses, and with it. Blocks for at most a
    minute.

    `let_in`: what to do where the account is refused."""
    try:
        stranger = _status(base_url, "", "", ca_file)
        status = _status(base_url, user, secret, ca_file)
    except UploadError as err:
        return failed(CHECK, f"no answer as of an upload server: {err}", HUB)
    except (OSError, ValueError) as err:
        return failed(CHECK, f"it cannot be asked: {err}", HUB)
    if stranger != UNAUTHORISED:
        return failed(CHECK, "what answers there is no hub: it asks nobody for an account", HUB)
    if status == UNAUTHORISED:
        return failed(CHECK, f"the hub refuses the account {user}", let_in)
    return passed(CHECK, f"the hub takes uploads of {user}")


def _status(base_url: str, user: str, password: str, ca_file: str | None) -> int:
    """401 where the account is refused, 0 where it is not. Raises UploadError for all else."""
    base = base_url if base_url.endswith("/") else f"{base_url}/"
    try:
        with TusClient(base, user=user, secret=password, ca_file=ca_file) as client:
            client.offset(f"{base}{UPLOADS_PATH}/{secrets.token_hex(16)}")
    except UploadError as err:
        if err.status == UNAUTHORISED:
            return UNAUTHORISED
        raise
    return 0
