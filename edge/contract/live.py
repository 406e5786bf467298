"""A live stream on its way from a node to the hub: one long HTTPS request, cut into pieces.

The node sends POST streams/<stream>, with its own name and secret (RFC 7617), the token of the
live.start that asked for it in the header TOKEN_HEADER, and pieces as its body until one side ends
it. A piece is its kind (one byte), the length of its data (four bytes, big endian), and the data.
The pieces say what a hub has to know to let in a viewer at any time, so it parses no media.

    head      JSON: what follows; first, and again before an init where the camera's stream changed
    init      fmp4: ftyp and moov (ISO/IEC 14496-12)
    keyframe  fmp4: moof and mdat, which begin with a keyframe: viewers may begin here
    more      fmp4: moof and mdat, which go on from the piece before
    jpeg      one picture
    idle      no data: the connection lives, though the camera sends nothing
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from edge.base.schema import item
from edge.contract import documents, names
from edge.contract.command import Form, Size
from edge.contract.errors import ContractError

PATH = "streams"
TOKEN_HEADER = "Camwatch-Live-Token"  # noqa: S105 - the name of one
CONTENT_TYPE = "application/vnd.camwatch.live"
IDLE_EVERY_S = 2.0  # so often at least something is sent
MAX_HEAD_BYTES = 1024
MAX_PIECE_BYTES = 8 * 2**20  # one keyframe of 4K at its worst
_FRONT = struct.Struct(">BI")


class Kind(IntEnum):
    """Of a piece."""

    HEAD = 1
    INIT = 2
    KEYFRAME = 3
    MORE = 4
    JPEG = 5
    IDLE = 6


@dataclass(frozen=True)
class Head:
    """What the pieces behind it are."""

    v: int = item("major version of the contract", min=names.VERSION, max=names.VERSION)
    form: Form = item("fragmented MP4, or pictures")
    size: Size = item("the stream that it is; a camera without a small one sends its large one")
    mime: str = item(
        "as browsers want it, RFC 6381", pattern=r"[a-z0-9/;=\"., A-Z-]+", max_length=100
    )
    width: int = item("pixels", min=1, max=65535)
    height: int = item("pixels", min=1, max=65535)


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a stream."""

    kind: Kind
    data: bytes


def encode_head(head: Head) -> bytes:
    """The data of a head."""
    return documents.dump(head, max_bytes=MAX_HEAD_BYTES)


def decode_head(data: bytes) -> Head:
    """The head in `data`. Raises ContractError."""
    return documents.load(Head, data, max_bytes=MAX_HEAD_BYTES)


def pack(kind: Kind, data: bytes = b"") -> bytes:
    """A piece as it is sent."""
    return _FRONT.pack(kind, len(data)) + data


class Unpacker:
    """Cuts what arrives back into pieces. Holds at most one piece that is not whole."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Piece]:
        """The pieces that `data` completes; kinds of a later version are left out.

        Raises ContractError for one that is too large.
        """
        self._held += data
        while len(self._held) >= _FRONT.size:
            kind, length = _FRONT.unpack_from(self._held)
            if length > MAX_PIECE_BYTES:
                raise ContractError("too_large", f"a piece of {length} bytes")
            end = _FRONT.size + length
            if len(self._held) < end:
                return
            piece = bytes(self._held[_FRONT.size : end])
            del self._held[:end]
            if kind in Kind.__members__.values():
                yield Piece(Kind(kind), piece)
