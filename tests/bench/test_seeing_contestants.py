"""The detectors that the product is held against, on pictures with known truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from scripts.bench.seeing_contest import ENTRIES
from scripts.bench.seeing_frigate import Frigate
from scripts.bench.seeing_kerberos import Kerberos
from scripts.bench.seeing_motion import Motion
from scripts.bench.seeing_shot import Contestant, Rate, Shot
from scripts.bench.seeing_viseron import Viseron
from tests.bench.seeing_films import FPS, GOP, HEIGHT, WIDTH, pictures

FRAMES, FIRST, LAST = 220, 150, 190
SETTLED = 100  # frames after which all of them have learnt the scene
MAKERS: list[Callable[[float], Contestant]] = [Frigate, Kerberos, Motion, Viseron]
NAMES = [each.__name__ for each in MAKERS]


def default(make: Callable[[float], Contestant]) -> float:
    return next(each.default for each in ENTRIES if each.make is make)


@pytest.fixture(scope="module")
def crossing() -> list[Shot]:
    """A box crosses a still scene."""
    return list(shots([(FIRST, LAST)]))


@pytest.fixture(scope="module")
def stillness() -> list[Shot]:
    """Nothing but noise."""
    return list(shots([]))


def shots(crossings: list[tuple[int, int]]) -> Iterator[Shot]:
    for number, luma in enumerate(pictures(FRAMES, crossings)):
        yield Shot(number / FPS, is_keyframe=number % GOP == 0, luma=luma)


def moving(contestant: Contestant, film: list[Shot]) -> list[int]:
    """The frames in which it sees motion."""
    return [number for number, shot in enumerate(film) if contestant.look(shot)]


@pytest.mark.parametrize("make", MAKERS[:3], ids=NAMES[:3])
def test_a_box_that_crosses_is_seen_while_it_does(
    make: Callable[[float], Contestant], crossing: list[Shot]
) -> None:
    """Once the scene is learnt."""
    seen = [each for each in moving(make(default(make)), crossing) if each >= SETTLED]
    assert seen
    assert min(seen) >= FIRST
    assert max(seen) <= LAST + 2 * GOP


def test_viseron_asks_for_a_twelfth_of_the_picture(crossing: list[Shot]) -> None:
    """Its default of 8 % in one piece is more than this box; a tenth of that sees it."""
    assert not [each for each in moving(Viseron(), crossing) if each >= SETTLED]
    assert [each for each in moving(Viseron(0.008), crossing) if FIRST <= each <= LAST]


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_noise_alone_is_nothing(make: Callable[[float], Contestant], stillness: list[Shot]) -> None:
    """Once the scene is learnt."""
    assert not [each for each in moving(make(default(make)), stillness) if each >= SETTLED]


@pytest.mark.parametrize(
    ("make", "looks"), [(Frigate, 5.0), (Motion, 3.0), (Viseron, 1.0), (Kerberos, FPS / GOP)],
    ids=["Frigate", "Motion", "Viseron", "Kerberos"],
)  # fmt: skip
def test_each_looks_at_its_own_rate(
    make: Callable[[float], Contestant], looks: float, stillness: list[Shot]
) -> None:
    """Motion gets more and takes 3; Kerberos takes keyframes."""
    contestant = make(default(make))
    looked = sum(contestant.look(shot) is not None for shot in stillness)
    assert looked == pytest.approx(looks * FRAMES / FPS, abs=1)


@pytest.mark.parametrize(
    ("make", "blunt"),
    [(Frigate, 255.0), (Kerberos, 50_000.0), (Motion, 200_000.0), (Viseron, 0.9)],
    ids=["Frigate", "Kerberos", "Motion", "Viseron"],
)  # fmt: skip
def test_each_has_a_sensitivity_that_counts(
    make: Callable[[float], Contestant], blunt: float, crossing: list[Shot]
) -> None:
    """The bluntest sees nothing."""
    assert not [each for each in moving(make(blunt), crossing) if each >= SETTLED]


def test_motion_takes_what_has_come_to_rest_for_still_after_ten_seconds() -> None:
    """ACCEPT_STATIC_OBJECT_TIME; it looks three times a second, and holds for thirty looks."""
    motion, seen = Motion(), []
    for number, luma in enumerate(pictures(FRAMES, [])):
        if number >= 60:
            luma[150:240, 200:290] = 20
        if motion.look(Shot(number / FPS, is_keyframe=False, luma=luma)):
            seen.append(number / FPS)
    assert seen[0] == pytest.approx(6.0, abs=0.5)
    assert seen[-1] == pytest.approx(16.0, abs=1.0)


def test_boxes_are_parts_of_the_picture_and_lie_where_the_motion_is(crossing: list[Shot]) -> None:
    """Whatever size the contestant works at."""
    motion = Motion()
    middle = (FIRST + LAST) // 2
    for number, shot in enumerate(crossing[: middle + 1]):
        boxes = motion.look(shot)
        if number == middle:
            assert boxes
            left, top, width, height = max(boxes, key=lambda box: box[2] * box[3])
            assert 0.35 < left + width / 2 < 0.65
            assert 150 / HEIGHT - 0.05 < top < 150 / HEIGHT + 0.05
            assert (left + width) * WIDTH <= WIDTH
            assert height < 0.4


def test_a_rate_keeps_its_beat_and_starts_anew_after_a_gap() -> None:
    """At most so many a second; a frame a fifth of an interval early still counts."""
    rate = Rate(5)
    assert [rate.is_due(each / 10) for each in range(5)] == [True, False, True, False, True]
    assert rate.is_due(7.03)
    assert rate.is_due(7.2)
    assert not rate.is_due(7.3)
