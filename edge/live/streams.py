"""The live streams of this node: begun, renewed and ended as the hub says, and never too many."""

from __future__ import annotations

import threading
from collections.abc import Callable

from edge.base.clock import Clock
from edge.camera.camera import Camera
from edge.contract.command import LiveOrder, Size
from edge.live.follow import Follower
from edge.live.pieces import Fragments, Pictures, Pieces
from edge.live.stream import LiveStream
from edge.uplink.commander import RefusedError
from edge.uplink.livepost import LivePost

MAX_STREAMS = 4  # at once, of all cameras: each is one upload of a camera's whole bit rate


class LiveStreams:
    """`order` and `end` are for the commander's thread; `stop` for the agent's."""

    def __init__(self, clock: Clock, make_post: Callable[[], LivePost]) -> None:
        self._clock = clock
        self._make_post = make_post
        self._lock = threading.Lock()
        self._streams: dict[str, LiveStream] = {}
        self._is_stopping = False

    def order(self, stream: str, camera: Camera, order: LiveOrder) -> bool:
        """Begin a stream, or renew its lease, which is false. Raises RefusedError."""
        with self._lock:
            self._forget_ended()
            known = self._streams.get(stream)
            if known is not None:
                known.renew(order.lease_s)
                return False
            if len(self._streams) >= MAX_STREAMS or self._is_stopping:
                raise RefusedError("busy", f"{MAX_STREAMS} streams run already, as many as may")
            made = LiveStream(
                f"{camera.name} ({order.size}, {order.form})", self._make_post(),
                self._pieces(camera, order), self._clock, stream=stream, token=order.token,
            )  # fmt: skip
            self._streams[stream] = made
            made.start(order.lease_s)
            return True

    def end(self, stream: str) -> None:
        """End a stream; one that has ended already is no error."""
        with self._lock:
            known = self._streams.pop(stream, None)
        if known is not None:
            known.stop()

    def stop(self) -> None:
        """End all, and begin no others."""
        with self._lock:
            self._is_stopping = True
            ending = list(self._streams.values())
        for stream in ending:
            stream.stop()

    def _pieces(self, camera: Camera, order: LiveOrder) -> Pieces:
        size: Size = "small" if order.size == "small" and camera.has_sub_stream else "large"
        follower = Follower(lambda: camera.ring(size), self._clock)
        if order.form == "jpeg":
            return Pictures(follower, self._clock, size, camera.turns())
        if camera.sends_pictures(size):
            raise RefusedError("form", f"{camera.name} sends Motion JPEG: ask for pictures")
        return Fragments(follower, size)

    def _forget_ended(self) -> None:
        self._streams = {name: each for name, each in self._streams.items() if each.is_alive}
