"""Keeps everything that lets nodes in or out in step with the accounts in the archive.

The running hub asks twice a second whether an account changed, whoever changed it, and then writes
the broker's files and ends what goes on for accounts that are gone: uploads and live streams.
Changes made through the hub do not wait for that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from edge.base.errors import StorageError
from edge.base.logs import error_chain
from hub.archive import Archive
from hub.registry.broker_access import PROOF_S, BrokerAccess, BrokerBehindError
from hub.web.node_gate import NodeGate

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5


class Gatekeeper:
    """Used in the event loop."""

    def __init__(
        self, archive: Archive, access: BrokerAccess, gate: NodeGate,
        on_ended: Callable[[set[str]], None], proof_s: float = PROOF_S,
    ) -> None:  # fmt: skip
        """`on_ended` is told the nodes whose account has ended, or got another secret."""
        self._archive = archive
        self._access = access
        self._gate = gate
        self._on_ended = on_ended
        self._proof_s = proof_s
        self._one_at_a_time = asyncio.Lock()
        self._followed = -1
        self._proven = -1

    async def run(self) -> None:
        """Follow the accounts until cancelled."""
        while True:
            try:
                if await asyncio.to_thread(self._version) != self._followed:
                    await self._follow()
            except StorageError as err:
                logger.warning("the accounts cannot be followed: %s", error_chain(err))
            await asyncio.sleep(LOOK_EVERY_S)

    async def bring(self) -> None:
        """Return once the broker holds the accounts as they are now, or newer. Many who wait share
        one reload. Raises BrokerBehindError, StorageError."""
        needed = await asyncio.to_thread(self._version)
        async with self._one_at_a_time:
            if self._proven >= needed:
                return
            version = await asyncio.to_thread(self._version)
            await self._follow()
            await asyncio.to_thread(self._access.prove, self._proof_s)
            self._proven = version

    async def shut(self) -> bool:
        """End what goes on for accounts that have just ended; whether the broker shows that it
        knows. Raises StorageError."""
        try:
            await self.bring()
        except BrokerBehindError as err:
            logger.warning("%s", error_chain(err))
            return False
        return True

    async def _follow(self) -> None:
        version = await asyncio.to_thread(self._version)
        await asyncio.to_thread(self._access.publish)
        ended = await asyncio.to_thread(self._gate.refresh)
        self._on_ended(ended)
        if ended:
            logger.info("out, with all that they were sending: %s", ", ".join(sorted(ended)))
        self._followed = version

    def _version(self) -> int:
        return self._archive.enrolments.accounts_version()
