"""Answers the command line: hands its wishes to whoever fulfils them, in the running hub."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import pwd
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from edge.base import strictjson
from edge.base.errors import CamwatchError
from edge.base.logs import error_chain
from hub.commands import CommandError
from hub.control import wire

logger = logging.getLogger(__name__)

LINE_S = 10.0  # within which a wish has to be there
MAX_CLIENTS = 32
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: SO_PEERCRED, unix(7)

Wish = Mapping[str, object]


class Talk:
    """One client, until the server closes it."""

    def __init__(self, writer: asyncio.StreamWriter, user: str) -> None:
        """`user`: of this machine."""
        self._writer = writer
        self.user = user

    @property
    def by(self) -> str:
        """For the log."""
        return f"{self.user} on the command line"

    async def say(self, answer: Mapping[str, object]) -> None:
        """One line of JSON. Raises OSError when the client has gone."""
        await self.send(json.dumps(answer).encode() + b"\n")

    async def send(self, data: bytes) -> None:
        """Bytes; waits until the client takes them. Raises OSError when the client has gone."""
        self._writer.write(data)
        await self._writer.drain()


Handler = Callable[[Wish, Talk], Awaitable[None]]


class ControlServer:
    """The socket, from `start` to `stop`."""

    def __init__(self, state_dir: Path, handlers: Mapping[str, Handler]) -> None:
        """`handlers`: by the wish's word. They may raise CamwatchError before they say anything."""
        self._state_dir = state_dir
        self._handlers = handlers
        self._clients: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises CamwatchError."""
        try:
            with wire.address(self._state_dir) as path:
                Path(path).unlink(missing_ok=True)
                listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                listener.bind(path)
                Path(path).chmod(0o600)  # before anybody can connect
                listener.setblocking(False)
            self._server = await asyncio.start_unix_server(
                self._serve, sock=listener, limit=wire.MAX_LINE_BYTES
            )
        except OSError as err:
            raise CamwatchError(f"cannot listen in {self._state_dir}: {err}") from err

    async def stop(self) -> None:
        """Close it and everything under way."""
        if self._server is not None:
            self._server.close()
        for task in list(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        with contextlib.suppress(OSError):
            (self._state_dir / wire.SOCKET_NAME).unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._clients) >= MAX_CLIENTS:
            writer.close()
            return
        self._clients.add(task)
        try:
            await self._talk(reader, Talk(writer, _who(writer)))
        except (OSError, TimeoutError) as err:
            logger.debug("the command line went away: %s", err)
        finally:
            self._clients.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, talk: Talk) -> None:
        try:
            async with asyncio.timeout(LINE_S):
                wish = strictjson.loads(await reader.readline(), max_bytes=wire.MAX_LINE_BYTES)
            if not isinstance(wish, dict) or wish.get("ask") not in self._handlers:
                await talk.say({"error": "unknown", "message": "this hub does not know that"})
                return
            await self._until_gone(reader, self._handlers[str(wish["ask"])](wish, talk))
        except ValueError as err:
            await talk.say({"error": "malformed", "message": str(err)})
        except CommandError as err:
            await talk.say({"error": err.reason, "message": str(err), "hint": err.hint})
        except CamwatchError as err:
            await talk.say({"error": "failed", "message": error_chain(err), "hint": err.hint})

    async def _until_gone(self, reader: asyncio.StreamReader, work: Awaitable[None]) -> None:
        """Do the work, or leave it when the client goes; clients say nothing after their wish."""
        doing = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((doing, gone), return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                doing.result()
        finally:
            for task in (doing, gone):
                task.cancel()
            await asyncio.gather(doing, gone, return_exceptions=True)


def _who(writer: asyncio.StreamWriter) -> str:
    """The name of the user at the other end."""
    raw = writer.get_extra_info("socket").getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
    )
    _, uid, _ = _CREDENTIALS.unpack(raw)
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"
