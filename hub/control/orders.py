"""Commands to nodes, as the command line asks for them."""

from __future__ import annotations

import re

from edge.base import schema
from edge.contract import command as commands
from edge.contract import names
from hub.commands import Commander, CommandError, Order
from hub.control.deeds import Deeds
from hub.control.server import Talk, Wish

ASKED = (commands.SNAPSHOT_NOW, commands.RESTART, commands.PROVE_KEY)


class CommandDesk:
    """The handler of `command`."""

    def __init__(self, commander: Commander, deeds: Deeds) -> None:
        self._commander = commander
        self._deeds = deeds

    async def handle(self, wish: Wish, talk: Talk) -> None:
        """Say the reply, then send its picture. Raises CommandError, StorageError."""
        node = name_in(wish, "node")
        name = str(wish.get("name"))
        if name not in ASKED:
            raise CommandError("unknown", f"{name[:40]!r} is none of {', '.join(ASKED)}")
        camera = name_in(wish, "camera") if name == commands.SNAPSHOT_NOW else None
        target = f"node:{node}" if camera is None else f"camera:{node}/{camera}"
        await self._deeds.note(talk, f"command.{name}", target)
        if name == commands.PROVE_KEY:
            challenge, proof = await self._commander.prove(node, by=talk.by)
            await talk.say({"node": node, "challenge": challenge, "proof": proof})
            return
        answer = await self._commander.ask(Order(node, name, camera), by=talk.by)
        picture = answer.picture or b""
        await talk.say({"reply": schema.dump(answer.reply), "picture_bytes": len(picture)})
        await talk.send(picture)


def name_in(wish: Wish, field: str) -> str:
    """The name of a node or camera in a wish. Raises CommandError."""
    name = wish.get(field)
    if not isinstance(name, str) or not re.fullmatch(names.NODE_PATTERN, name):
        raise CommandError("argument", f"{field}: {str(name)[:40]!r} is not a name")
    return name
