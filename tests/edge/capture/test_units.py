"""Putting split pictures together."""

from __future__ import annotations

from edge.capture.units import Joiner, Unit

SPS, SLICE_1, SLICE_2 = b"\x00\x00\x01\x67\x42", b"\x00\x00\x01\x65\x88", b"\x00\x00\x01\x65\x42"
P_1, P_2 = b"\x00\x00\x01\x41\x9a", b"\x00\x00\x01\x41\x42"


def unit(
    data: bytes, time: int | None, *, pts: int | None = None, is_keyframe: bool = False
) -> Unit:
    return Unit(data, time if pts is None else pts, time, 1, is_keyframe, 0)


def joined(*units: Unit) -> list[tuple[bytes, int | None]]:
    joiner = Joiner("h264", 0)
    whole = [each for one in units for each in joiner.push(one)] + joiner.flush()
    return [(each.data, each.pts) for each in whole]


def test_a_keyframe_cut_before_each_slice_is_one_picture() -> None:
    """Pieces of one DTS that go on with a later slice are joined, their bytes in order."""
    assert joined(
        unit(SPS + SLICE_1, 5, is_keyframe=True),
        unit(SPS + SLICE_2, 5, is_keyframe=True),
        unit(SPS + SLICE_2, 5, is_keyframe=True),
        unit(P_1, 6),
    ) == [(SPS + SLICE_1 + SPS + SLICE_2 + SPS + SLICE_2, 5), (P_1, 6)]


def test_a_piece_without_a_time_belongs_to_the_slice_that_continues_it() -> None:
    """The first picture of a session has no time in its first piece, but in its second."""
    assert joined(
        unit(SLICE_1, None, is_keyframe=True),
        unit(SPS + SLICE_2, 0, is_keyframe=True),
        unit(P_1, 9),
    ) == [(SLICE_1 + SPS + SLICE_2, 0), (P_1, 9)]


def test_two_pictures_of_one_time_stay_two() -> None:
    """A camera with coarse time stamps gives two pictures one time; neither may be lost."""
    assert len(joined(unit(SLICE_1, 5, is_keyframe=True), unit(P_1, 5))) == 2


def test_a_later_slice_of_another_time_is_another_picture() -> None:
    """When the packet with a picture's first slice was lost, the rest is not put elsewhere."""
    assert len(joined(unit(SLICE_1, 5, is_keyframe=True), unit(P_2, 6))) == 2


def test_only_keyframes_wait_for_the_next_packet() -> None:
    """A picture between keyframes is passed on when it comes."""
    joiner = Joiner("h264", 0)
    assert joiner.push(unit(SLICE_1, 0, is_keyframe=True)) == []
    assert [each.dts for each in joiner.push(unit(P_1, 1))] == [0, 1]
    assert [each.dts for each in joiner.push(unit(P_1, 2))] == [2]


def test_a_sender_that_splits_every_picture_makes_all_of_them_wait() -> None:
    """After the first split picture between keyframes, later ones are whole."""
    halves = [unit(half, time) for time in range(1, 4) for half in (P_1, P_2)]
    whole = joined(unit(SLICE_1, 0, is_keyframe=True), *halves)
    assert whole[-2:] == [(P_1 + P_2, 2), (P_1 + P_2, 3)]


def test_a_joined_picture_stops_growing() -> None:
    """A sender that never changes its time stamp cannot fill the memory."""
    half = SLICE_2 + bytes(9 * 2**20)
    joiner = Joiner("h264", 0)
    sizes = [
        len(each.data) for _ in range(6) for each in joiner.push(unit(half, 0, is_keyframe=True))
    ]
    assert max(sizes) <= 16 * 2**20
