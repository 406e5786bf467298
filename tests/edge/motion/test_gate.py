"""The gate: what sizes alone say of motion."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fractions import Fraction

import pytest

from edge.media.packet import Packet, VideoStream
from edge.motion.gate import Gate

STREAM = VideoStream("h264", 1280, 720, Fraction(1, 15), b"", None)
MACROBLOCKS = 80 * 45
GOP = 30
Size = Callable[[int], float]


class Street:
    """A stream of coded pictures whose sizes are noise around what `size` says."""

    def __init__(self, spread: float = 0.1, seed: int = 1) -> None:
        self.gate = Gate(MACROBLOCKS)
        self._rng = random.Random(seed)
        self._spread = spread
        self._pts = 0

    def send(self, pictures: int, size: Size | float, qp: int | None = 26) -> Iterator[int | None]:
        """So many more pictures; what the gate says of each that is no keyframe."""
        for _ in range(pictures):
            self._pts += 1
            is_keyframe = self._pts % GOP == 0
            mean = size(self._pts) if callable(size) else size
            count = 40_000 if is_keyframe else round(mean * 2 ** self._rng.gauss(0, self._spread))
            packet = Packet(b"", self._pts, self._pts, is_keyframe, STREAM, 0)
            said = self.gate.observe(packet, "P10", qp, count)
            if not is_keyframe:
                yield said

    @property
    def pts(self) -> int:
        """Of the picture last sent."""
        return self._pts


def calm_street(size: Size | float = 400, spread: float = 0.1) -> Street:
    """One that was quiet for two minutes."""
    street = Street(spread)
    list(street.send(1800, size))
    return street


def test_a_quiet_stream_opens_nothing() -> None:
    """Ten minutes of noise alone."""
    street = calm_street()
    assert not any(street.send(9000, 400))


def test_a_large_thing_opens_it_within_four_pictures_and_is_dated_to_its_first() -> None:
    """Half a second of four times the size."""
    street = calm_street()
    first = street.pts + 1
    said = list(street.send(8, 1600))
    opened = next(number for number, each in enumerate(said) if each is not None)
    assert opened <= 3
    assert first - 2 <= (said[opened] or 0) <= first + 1


def test_a_small_thing_that_goes_on_opens_it_too() -> None:
    """A fifth more than usual, which no single picture shows."""
    street = calm_street()
    first = street.pts + 1
    said = list(street.send(30, 480))
    opened = next(each for each in said if each is not None)
    assert first - 5 <= opened <= first + 10


def test_a_rate_control_that_coarsens_the_picture_does_not_blind_it() -> None:
    """Sizes stay as they are while the quantiser rises by six steps: twice as much is told."""
    street = calm_street(4000)
    assert not any(street.send(60, 4000, qp=26))
    assert any(street.send(10, 4000, qp=32))


def test_a_quantiser_that_changes_by_itself_opens_nothing() -> None:
    """Half the bytes at six steps more is the same picture."""
    street = calm_street(4000)
    for _ in range(20):
        assert not any(street.send(30, 2000, qp=32))
        assert not any(street.send(30, 4000, qp=26))


def test_it_learns_the_night() -> None:
    """Noise that rises over a minute opens it now and then; afterwards it is quiet again."""
    street = calm_street(400)
    for minute in range(3):
        for said in street.send(900, lambda pts: min(4000.0, 400 * 1.004 ** (pts - 1800))):
            if said is not None:
                street.gate.opened_falsely()
                street.gate.learning = "fast"
        street.gate.learning = "normal" if minute else street.gate.learning
    assert not any(street.send(3000, 4000))


def test_a_false_opening_makes_it_harder_and_time_makes_it_easier_again() -> None:
    """What opened it three times at a limit does not after the third."""
    street = calm_street()
    small = [list(street.send(12, 500)) for _ in range(1)]
    assert any(any(each) for each in small)
    for _ in range(6):
        street.gate.opened_falsely()
    list(street.send(200, 400))
    assert not any(street.send(12, 480))
    list(street.send(30_000, 400))
    assert any(street.send(20, 500))


@pytest.mark.parametrize(
    ("size", "spread", "is_sharp"), [(100, 0.3, True), (400, 0.1, True), (9000, 0.1, False)]
)
def test_it_knows_whether_a_small_walker_would_show(
    size: float, spread: float, is_sharp: bool
) -> None:
    """Some hundred bytes are seen among hundreds, not among thousands."""
    gate = calm_street(size, spread).gate
    assert gate.is_sharp == is_sharp
    assert gate.walker_bytes == pytest.approx(108)


def test_nothing_is_learnt_while_something_moves() -> None:
    """A long movement does not become what is normal."""
    street = calm_street()
    street.gate.learning = "none"
    assert any(list(street.send(3000, 1600))[-10:])
    street.gate.learning = "normal"
    street.gate.reset()
    assert not any(street.send(100, 400))


def test_pictures_after_a_keyframe_are_compared_with_their_like() -> None:
    """An encoder that spends three times as much on the first picture of a GOP is quiet."""

    def size(pts: int) -> float:
        return 1200 if pts % GOP == 1 else 400

    street = calm_street(size)
    assert not any(street.send(3000, size))


def test_a_new_stream_says_nothing_before_it_is_learnt() -> None:
    """Whatever its first pictures are."""
    street = Street()
    assert not any(street.send(20, lambda pts: 100 * pts))
    assert not street.gate.is_learnt
