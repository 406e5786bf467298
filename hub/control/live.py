"""Live view for the command line."""

from __future__ import annotations

import asyncio

from edge.contract.command import Form, Size
from hub.commands import CommandError
from hub.control.deeds import Deeds
from hub.control.orders import name_in
from hub.control.server import Talk, Wish
from hub.live import Relay
from hub.live import Wish as LiveWish

STALL_S = 10.0  # that a viewer takes nothing, before it is let go


class LiveDesk:
    """The handler of `live`."""

    def __init__(self, relay: Relay, deeds: Deeds) -> None:
        self._relay = relay
        self._deeds = deeds

    async def handle(self, wish: Wish, talk: Talk) -> None:
        """Say what it is, then send it until one side ends. Raises CommandError, StorageError."""
        form: Form = "jpeg" if wish.get("form") == "jpeg" else "fmp4"
        size: Size = "small" if wish.get("size") == "small" else "large"
        wanted = LiveWish(name_in(wish, "node"), name_in(wish, "camera"), form, size)
        target = f"camera:{wanted.node}/{wanted.camera}"
        await self._deeds.note(talk, "live.view", target, form=form, stream=size)
        stream, viewer = await self._relay.watch(wanted, by=talk.by)
        try:
            head = stream.head
            if head is None:
                raise CommandError("ended", stream.why)
            await talk.say({
                "form": head.form, "mime": head.mime, "width": head.width, "height": head.height,
            })  # fmt: skip
            while (data := await viewer.take()) is not None:
                async with asyncio.timeout(STALL_S):
                    await talk.send(data)
        finally:
            stream.leave(viewer)
