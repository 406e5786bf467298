"""Brings viewers and nodes together: one stream for each camera and form, however many watch.

A stream begins with the first viewer: its node is asked for it, with an id and a token that are
good for one request. Its lease is renewed while anybody watches. It ends with the last viewer, with
the node's request, or with the hub. When it ends, so do its viewers; who wants to go on asks again,
which begins a new stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from edge.base.errors import CamwatchError
from edge.contract import command as commands
from edge.contract.command import Form, LiveOrder, Size
from edge.contract.errors import ContractError
from edge.contract.live import Unpacker
from hub.commands import Commander, CommandError, Order
from hub.live.stream import LiveStream
from hub.live.viewer import Viewer

logger = logging.getLogger(__name__)

LEASE_S, RENEW_EVERY_S = 30.0, 10.0
LINGER_S = 1.0  # without a viewer: one who loads the page again costs no new stream
TICK_S = 0.25
BEGIN_S = 15.0  # from the node's word to its first picture: a long GOP's keyframe may be on its way
STALL_S = 10.0  # without a byte from the node
STOP_S = 5.0  # for a node to end its request when it was told to
CLOSE_S = 1.0  # the same, when the hub stops
SHUT_OUT = "shut_out"
MAX_STREAMS, MAX_VIEWERS = 64, 200
ONLY_LARGE_S, MAX_ONLY_LARGE = 600.0, 10_000  # it may get a small stream


@dataclass(frozen=True)
class Wish:
    """What somebody wants to see."""

    node: str
    camera: str
    form: Form = "fmp4"
    size: Size = "large"


class RefusedStreamError(CamwatchError):
    """A node's request that nobody asked for, or not any more."""


class Relay:
    """Used in the event loop."""

    def __init__(self, commander: Commander) -> None:
        self._commander = commander
        self._streams: dict[Wish, LiveStream] = {}
        self._only_large: dict[tuple[str, str], float] = {}  # cameras, since when that is known
        self._keepers: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def watch(self, wish: Wish, *, by: str) -> tuple[LiveStream, Viewer]:
        """Begin to watch; the stream's head is there. Give the viewer to `leave` at the end.

        `by` is for the log. Raises CommandError where there is nothing to see.
        """
        stream = self._stream(wish, by)
        viewer = stream.join()
        try:
            await _first_of(stream.has_begun, stream.is_over)
        except asyncio.CancelledError:
            stream.leave(viewer)
            raise
        if stream.head is None or not stream.has_begun.is_set():
            stream.leave(viewer)
            raise CommandError(stream.reason, stream.why)
        if stream.head.size != wish.size:
            self._note_only_large(wish)
        logger.info("%s watches %s/%s (%s, %s), with %d others", by, wish.node, wish.camera,
                    stream.head.size, wish.form, stream.viewers - 1)  # fmt: skip
        return stream, viewer

    def accept(self, node: str, stream_id: str, token: str) -> LiveStream:
        """The stream that this node's request brings. Raises RefusedStreamError."""
        for wish, stream in self._streams.items():
            if stream.id == stream_id and wish.node == node:
                if not hmac.compare_digest(stream.token.encode(), token.encode("utf-8", "replace")):
                    break
                if stream.is_taken or stream.is_over.is_set():
                    break
                stream.is_taken = True
                return stream
        raise RefusedStreamError("nobody asked for this stream, or not any more")

    async def receive(self, stream: LiveStream, blocks: AsyncIterator[bytes]) -> None:
        """Relay what the node sends until either side ends it."""
        reading = asyncio.ensure_future(_read(stream, blocks))
        cutting = asyncio.ensure_future(_until_cut(stream))
        try:
            await asyncio.wait((reading, cutting), return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and reading.exception() is not None:
                stream.end("lost", "the connection to the node broke")
        finally:
            stream.end("ended", "the node ended it")
            stream.has_gone.set()
            for task in (reading, cutting):
                task.cancel()
            await asyncio.gather(reading, cutting, return_exceptions=True)

    def end_of(self, nodes: set[str]) -> None:
        """End the streams of nodes that are shut out, their requests too."""
        for wish, stream in self._streams.items():
            if wish.node in nodes:
                stream.end(SHUT_OUT, "its node's account has ended")

    async def close(self) -> None:
        """End all streams within about CLOSE_S; no new ones begin."""
        self._is_closed = True
        for stream in self._streams.values():
            stream.end("stopping", "the hub stops")
        keepers = list(self._keepers)
        if keepers:
            await asyncio.wait(keepers, timeout=CLOSE_S)
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)

    def _stream(self, wish: Wish, by: str) -> LiveStream:
        since_s = self._only_large.get((wish.node, wish.camera))
        if since_s is not None and asyncio.get_running_loop().time() - since_s < ONLY_LARGE_S:
            wish = replace(wish, size="large")
        watched = sum(stream.viewers for stream in self._streams.values())
        if self._is_closed or watched >= MAX_VIEWERS:
            raise CommandError("busy", "as many watch now as this hub relays to")
        known = self._streams.get(wish)
        if known is not None and not known.is_over.is_set():
            return known
        if len(self._streams) >= MAX_STREAMS:
            raise CommandError("busy", "as many cameras are watched now as this hub relays")
        stream = self._streams[wish] = LiveStream()
        keeper = asyncio.create_task(self._keep(wish, stream, by), name=f"live-{stream.id}")
        self._keepers.add(keeper)
        keeper.add_done_callback(self._keepers.discard)
        return stream

    def _note_only_large(self, wish: Wish) -> None:
        """A camera without a small stream: who asks for it again shares the large one's upload."""
        if len(self._only_large) >= MAX_ONLY_LARGE:
            self._only_large.clear()
        self._only_large[wish.node, wish.camera] = asyncio.get_running_loop().time()

    async def _keep(self, wish: Wish, stream: LiveStream, by: str) -> None:
        """From asking the node for the stream to its end."""
        live = LiveOrder(wish.form, wish.size, stream.token, LEASE_S)
        order = Order(wish.node, commands.LIVE_START, wish.camera, stream.id, live)
        try:
            await self._commander.ask(order, by=by)
            async with asyncio.timeout(BEGIN_S):
                await _first_of(stream.has_begun, stream.is_over)
            await self._renew(order, stream)
            stream.end("left", "nobody watches")
        except CommandError as err:
            stream.end(err.reason, str(err))
        except TimeoutError:
            stream.end("no_picture", f"{wish.camera} sent no picture within {BEGIN_S:g} s")
        finally:
            stream.end("stopping", "the hub stops")
            self._forget(wish, stream)
            logger.info("live view of %s/%s ended, %d KiB: %s", wish.node, wish.camera,
                        stream.received_bytes // 1024, stream.why)  # fmt: skip
        await self._stop(wish, stream)

    async def _renew(self, order: Order, stream: LiveStream) -> None:
        """Until it has ended or nobody has watched for a moment."""
        loop = asyncio.get_running_loop()
        watched_s = renewed_s = loop.time()
        while not stream.is_over.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await stream.is_over.wait()
            now_s = loop.time()
            watched_s = now_s if stream.viewers else watched_s
            if now_s - watched_s > LINGER_S:
                return
            if now_s - renewed_s > RENEW_EVERY_S:
                renewed_s = now_s
                try:
                    await self._commander.ask(order, by="the hub, for its viewers", is_routine=True)
                except CommandError as err:  # the next one is in time, or the lease ends it
                    logger.warning("a live stream's lease was not renewed: %s", err)

    async def _stop(self, wish: Wish, stream: LiveStream) -> None:
        """Have the node end its request in good order; one that does not is cut off."""
        if not stream.is_taken or stream.has_gone.is_set():
            return
        order = Order(wish.node, commands.LIVE_STOP, stream=stream.id)
        with contextlib.suppress(CommandError):
            await self._commander.ask(order, by="the hub, for nobody watches")

    def _forget(self, wish: Wish, stream: LiveStream) -> None:
        """Who comes from now on begins a new stream."""
        if self._streams.get(wish) is stream:
            del self._streams[wish]


async def _read(stream: LiveStream, blocks: AsyncIterator[bytes]) -> None:
    unpacker = Unpacker()
    try:
        while True:
            async with asyncio.timeout(STALL_S):
                block = await anext(blocks, None)
            if block is None:
                return
            for piece in unpacker.feed(block):
                stream.take(piece)
    except TimeoutError:
        stream.end("stalled", f"the node sent nothing for {STALL_S:g} s")
    except ContractError as err:
        stream.end("malformed", f"the node sent what is no stream: {err}")


async def _until_cut(stream: LiveStream) -> None:
    """Until it has been over for so long that the node should have ended its request."""
    await stream.is_over.wait()
    if stream.reason != SHUT_OUT:
        await asyncio.sleep(STOP_S)


async def _first_of(*events: asyncio.Event) -> None:
    """Wait until one of them is set."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
