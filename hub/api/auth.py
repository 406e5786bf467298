"""Who makes a request of a node that is over in a moment."""

from __future__ import annotations

from starlette.requests import Request

from hub.archive import Archive
from hub.web.node_gate import NodeGate


async def node_of(request: Request, archive: Archive) -> str:
    """The node that makes the request. Raises HttpError 401, StorageError."""
    return (await NodeGate(archive).admit(request)).name
