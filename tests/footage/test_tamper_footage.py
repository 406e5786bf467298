"""Tampering laid over the labelled recordings is found in time, and none where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.contract.motion import MotionSettings
from scripts.bench.tamper import LABELLED, is_timely, play
from scripts.bench.tamper_films import LEAD_S, Film, films
from tests.harness.footage import Footage, find_footage

pytestmark = pytest.mark.footage

FOOTAGE = find_footage()
NAMES = FOOTAGE.names if FOOTAGE else []
WELL = [name for name in NAMES if name not in LABELLED]
QUIET = ("cdnet-pedestrians", "sbi-caviar1", "brightness-change", "waving-tree")
SAMPLE = (
    ("cdnet-office", "day", "frozen"),
    ("nest-atv", "day", "frozen"),
    ("nest-walkers", "night", "frozen"),
    ("sbi-caviar1", "day", "black cap"),
    ("cdnet-pedestrians", "night", "turned away"),
    ("waving-tree", "day", "far out of focus"),
    ("sbi-hallandmonitor", "day", "white out"),
    ("cdnet-highway", "night", "spray, half"),
    ("cdnet-pedestrians", "night", "spray, half"),
    ("cdnet-pedestrians", "night", "pushed 2 %"),
    ("one-by-one-person", "night", "cloth"),
)
IN_TIME = 0.9  # of all kinds over one recording; docs/design/tamper.md says which are not


def told(film: Film) -> tuple[bool, int]:
    """Whether it was found in time, and how many were before anything was done."""
    found = play(film.path, MotionSettings()).found
    film.path.unlink()
    late = [each for each in found if each.at_s >= LEAD_S]
    return is_timely(film, late[0] if late else None), len(found) - len(late)


@pytest.mark.parametrize(("name", "light", "kind"), SAMPLE)
def test_what_is_done_to_a_camera_is_found_in_time(
    footage: Footage, tmp_path: Path, name: str, light: str, kind: str
) -> None:
    """Within ten seconds, by its name, with default settings."""

    def is_wanted(film: Film) -> bool:
        return (film.recording, film.light, film.kind.name) == (name, light, kind)

    (film,) = films(footage, tmp_path, WELL, is_wanted=is_wanted)
    assert told(film) == (True, 0)


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_found_where_nothing_was_done(footage: Footage, name: str) -> None:
    """Light that changes, wind, and people who pass are no tampering."""
    assert not play(footage.recording(name).path, MotionSettings()).found


@pytest.mark.slow
def test_at_most_one_is_found_for_nothing_in_all_recordings(footage: Footage) -> None:
    """With every picture decoded, where more is seen than through the gate."""
    settings = MotionSettings(decode="all")
    false = [
        (name, each) for name in WELL for each in play(footage.recording(name).path, settings).found
    ]
    assert len(false) <= 1, false


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LABELLED))
def test_the_labelled_one_is_found_in_time(footage: Footage, name: str) -> None:
    """Not before it begins, and within ten seconds."""
    found = play(footage.recording(name).path, MotionSettings()).found
    assert found
    assert 0 <= found[0].at_s - LABELLED[name] <= 10


@pytest.mark.slow
@pytest.mark.parametrize("name", WELL)
def test_most_of_what_is_done_is_found_in_time(footage: Footage, tmp_path: Path, name: str) -> None:
    """All kinds by day and by night over each recording; and nothing before."""
    missed, count = [], 0
    for film in films(footage, tmp_path, WELL, is_wanted=lambda each: each.recording == name):
        is_found, early = told(film)
        assert not early, film
        count += 1
        if not is_found:
            missed.append(f"{film.light}, {film.kind.name}")
    assert len(missed) <= (1 - IN_TIME) * count, missed
