"""Viewers of one stream: late ones, slow ones, and what is kept for them."""

from __future__ import annotations

import asyncio

import pytest

from edge.contract import live, names
from edge.contract.errors import ContractError
from edge.contract.live import Head, Kind, Piece
from hub.live import stream as stream_module
from hub.live import viewer as viewer_module
from hub.live.stream import LiveStream
from hub.live.viewer import Viewer

HEAD = Head(names.VERSION, "fmp4", "large", 'video/mp4; codecs="avc1.42c016"', 640, 360)


def began(init: bytes = b"init") -> LiveStream:
    """A stream whose head and init came."""
    stream = LiveStream()
    stream.take(Piece(Kind.HEAD, live.encode_head(HEAD)))
    stream.take(Piece(Kind.INIT, init))
    return stream


def taken(viewer: Viewer) -> list[bytes]:
    """All that a viewer can take now."""
    found: list[bytes] = []
    while (data := viewer.take_now()) is not None:
        found.append(data)
    return found


def test_a_late_viewer_gets_the_init_and_all_from_the_newest_keyframe_on() -> None:
    """The picture is there at once, not with the next keyframe."""
    stream = began()
    for kind, data in ((Kind.KEYFRAME, b"k1"), (Kind.MORE, b"m1"), (Kind.KEYFRAME, b"k2"),
                       (Kind.MORE, b"m2")):  # fmt: skip
        stream.take(Piece(kind, data))
    late = stream.join()
    stream.take(Piece(Kind.MORE, b"m3"))
    assert taken(late) == [b"init", b"k2", b"m2", b"m3"]


def test_a_slow_viewer_goes_on_at_a_keyframe_and_costs_no_more_than_its_share() -> None:
    """What lies between is let go, pieces are never torn, and others get everything."""
    stream = began()
    slow, quick = stream.join(), stream.join()
    size = viewer_module.MAX_WAITING_BYTES // 8
    seen: list[bytes] = []
    for number in range(43):
        kind = Kind.KEYFRAME if number % 5 == 0 else Kind.MORE
        stream.take(Piece(kind, bytes([number]) * size))
        seen += taken(quick)
        assert slow._waiting_bytes <= viewer_module.MAX_WAITING_BYTES
    assert [each[0] for each in seen[1:]] == list(range(43))
    got = taken(slow)
    assert got[0] == b"init"
    assert got[1][0] % 5 == 0
    assert [each[0] for each in got[1:]] == list(range(got[1][0], 43))
    assert slow.skips > 0
    assert quick.skips == 0


def test_a_late_viewer_of_a_long_gop_gets_all_of_it_and_what_comes_before_they_took_it() -> None:
    """A GOP may be longer than what may wait for a viewer; only what follows it is bounded."""
    stream = began()
    size = viewer_module.MAX_WAITING_BYTES // 4
    stream.take(Piece(Kind.KEYFRAME, bytes(size)))
    for number in range(1, 7):
        stream.take(Piece(Kind.MORE, bytes([number]) * size))
    late = stream.join()
    for number in range(7, 10):
        stream.take(Piece(Kind.MORE, bytes([number]) * size))
    assert [each[0] for each in taken(late)[1:]] == list(range(10))
    assert late.skips == 0
    for number in range(5):
        stream.take(Piece(Kind.KEYFRAME, bytes([number]) * size))
    assert late._waiting_bytes <= viewer_module.MAX_WAITING_BYTES
    assert late.skips == 1


def test_of_a_gop_too_long_to_keep_a_late_viewer_waits_for_the_next_keyframe() -> None:
    """What is kept for late viewers is bounded."""
    stream = began()
    stream.take(Piece(Kind.KEYFRAME, bytes(1000)))
    for _ in range(3):
        stream.take(Piece(Kind.MORE, bytes(stream_module.MAX_GOP_BYTES // 2)))
    late = stream.join()
    stream.take(Piece(Kind.MORE, b"more"))
    stream.take(Piece(Kind.KEYFRAME, b"key"))
    assert taken(late) == [b"init", b"key"]


def test_a_new_init_takes_the_place_of_what_waits() -> None:
    """The camera's stream changed: what is old cannot be decoded with the new one."""
    stream = began()
    viewer = stream.join()
    stream.take(Piece(Kind.KEYFRAME, b"old"))
    stream.take(Piece(Kind.INIT, b"init 2"))
    stream.take(Piece(Kind.MORE, b"lost"))
    stream.take(Piece(Kind.KEYFRAME, b"new"))
    assert taken(viewer) == [b"init 2", b"new"]
    assert taken(stream.join()) == [b"init 2", b"new"]


def test_at_the_end_a_viewer_gets_what_waits_and_then_the_end() -> None:
    """For all viewers, with the reason that came first."""
    stream = began()
    viewer = stream.join()
    stream.take(Piece(Kind.KEYFRAME, b"key"))
    stream.end("lost", "the connection to the node broke")
    stream.end("stopping", "the hub stops")

    async def all_of_it() -> list[bytes | None]:
        return [await viewer.take() for _ in range(3)]

    assert asyncio.run(all_of_it()) == [b"init", b"key", None]
    assert stream.reason == "lost"


@pytest.mark.parametrize("kind", [Kind.KEYFRAME, Kind.JPEG])
def test_pictures_without_a_head_are_no_stream(kind: Kind) -> None:
    """Nobody would know what they are."""
    with pytest.raises(ContractError, match="before the head"):
        LiveStream().take(Piece(kind, b"data"))
