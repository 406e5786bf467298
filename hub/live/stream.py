"""One stream of a node: what came since its newest keyframe, and who watches it."""

from __future__ import annotations

import asyncio
import secrets

from edge.contract import live
from edge.contract.errors import ContractError
from edge.contract.live import Head, Kind, Piece
from hub.live.viewer import Viewer

MAX_GOP_BYTES = 8 * 2**20  # kept for who comes later; of a longer one they wait for the next


class LiveStream:
    """Used in the event loop. It lives once: from the hub's asking to its end."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(16)
        self.token = secrets.token_hex(16)
        self.head: Head | None = None
        self.is_taken = False
        """Whether the node's request came; there is one for each stream."""
        self.has_begun = asyncio.Event()
        self.is_over = asyncio.Event()
        """For its viewers; the node's request may still be under way."""
        self.has_gone = asyncio.Event()
        """The node's request, if it ever came."""
        self.reason, self.why = "", ""
        self.received_bytes = 0
        self._viewers: set[Viewer] = set()
        self._init = b""
        self._gop: list[bytes] = []
        self._gop_bytes = 0

    @property
    def viewers(self) -> int:
        """How many watch."""
        return len(self._viewers)

    def join(self) -> Viewer:
        """One more viewer, who is given all since the newest keyframe."""
        viewer = Viewer()
        self._viewers.add(viewer)
        if self._gop:
            viewer.catch_up(self._init, self._gop)
        elif self._init:
            viewer.begin(self._init)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """A viewer goes. Safe to call again."""
        viewer.end()
        self._viewers.discard(viewer)

    def take(self, piece: Piece) -> None:
        """A piece from the node. Raises ContractError for a head that is none."""
        self.received_bytes += len(piece.data)
        match piece.kind:
            case Kind.HEAD:
                self.head = live.decode_head(piece.data)
            case Kind.INIT:
                self._begin(piece.data)
            case Kind.KEYFRAME | Kind.JPEG:
                if self.head is None:
                    raise ContractError("order", "pictures before the head")
                self._gop, self._gop_bytes = [piece.data], len(piece.data)
                self._give(piece.data, is_keyframe=True)
                self.has_begun.set()
            case Kind.MORE:
                self._go_on(piece.data)
            case Kind.IDLE:
                pass

    def end(self, reason: str, why: str) -> None:
        """It is over, for all viewers; the first reason counts."""
        if not self.is_over.is_set():
            self.reason, self.why = reason, why
        self.is_over.set()
        for viewer in list(self._viewers):
            viewer.end()

    def _begin(self, init: bytes) -> None:
        self._init, self._gop, self._gop_bytes = init, [], 0
        for viewer in self._viewers:
            viewer.begin(init)

    def _go_on(self, data: bytes) -> None:
        if self._gop and self._gop_bytes + len(data) <= MAX_GOP_BYTES:
            self._gop.append(data)
            self._gop_bytes += len(data)
        else:
            self._gop, self._gop_bytes = [], 0
        self._give(data, is_keyframe=False)

    def _give(self, data: bytes, *, is_keyframe: bool) -> None:
        for viewer in self._viewers:
            viewer.put(data, is_keyframe=is_keyframe)
