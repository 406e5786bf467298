"""What is said for nodes that were shut out, in place of their Wills.

The broker closes their connections and has no right of theirs left to speak their Wills by, so
whoever listens would take them for online, and a retained status would stay. The hub says offline,
and clears what stands there. It may write these topics only while the node has no account
(`broker_files`), so a box that was let in again meanwhile is not spoken for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.contract import names, status, topics
from edge.contract.status import Status
from edge.keys import PublicKey
from hub.archive import Archive
from hub.archive.node_values import NodeState
from hub.ingest.message import Publication
from hub.ingest.service import Ingest

logger = logging.getLogger(__name__)

INTERVAL_S = 1.0
AGAIN_S = 300.0  # where the broker does not show that it knows the accounts


class Farewell:
    """Says for nodes that are shut out that they are, once the broker knows it; after a start, of
    all of them once more, since they may have been shut out without us."""

    def __init__(
        self, archive: Archive, ingest: Ingest, shut: Callable[[], Awaitable[bool]]
    ) -> None:
        """`shut` tells whether the broker shows that it knows the accounts."""
        self._archive = archive
        self._ingest = ingest
        self._shut = shut
        self._said: set[str] = set()

    async def run(self) -> None:
        """Until cancelled; a failing archive is asked again later."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            if not self._ingest.is_subscribed:
                continue
            try:
                is_known = await self._turn()
            except StorageError as err:
                logger.warning("nobody is told of nodes that are out: %s", error_chain(err))
            else:
                if not is_known:
                    await asyncio.sleep(AGAIN_S)

    async def _turn(self) -> bool:
        """False where the broker does not know the accounts yet."""
        out = set(await asyncio.to_thread(self._archive.enrolments.shut_out))
        self._said &= out  # who is let in again can be shut out again
        if out <= self._said:
            return True
        if not await self._shut():
            return False
        found = await asyncio.to_thread(farewell, self._archive, sorted(out - self._said))
        if all(self._ingest.publish(each) for each in found):
            self._said = out
        return True


def farewell(archive: Archive, nodes: list[str]) -> list[Publication]:
    """What to publish, in order, once the broker knows that these nodes are out. Blocks. Raises
    StorageError."""
    wanted = set(nodes)
    found: list[Publication] = []
    for node in archive.nodes():
        if node.name not in wanted:
            continue
        topic = topics.status(node.name)
        if (payload := _offline(archive, node)) is not None:
            found.append(Publication(topic, payload, qos=1))
        found.append(Publication(topic, b"", qos=1, is_retained=True))
    return found


def _offline(archive: Archive, node: NodeState) -> bytes | None:
    """Its last status, as its Will would have said it; None where too little is known for one."""
    keys = archive.public_keys(node.name)
    if not keys or node.boot is None or node.version is None or node.epoch is None:
        return None
    key = PublicKey(keys[-1]).text
    return status.encode(
        Status(names.VERSION, "offline", node.boot, node.version, node.epoch, key, node.cameras)
    )
