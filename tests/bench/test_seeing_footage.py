"""Labels and circumstances of recordings as the seeing bench reads them."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from scripts.bench import seeing_altered
from scripts.bench.seeing_altered import altered, still
from scripts.bench.seeing_footage import OPEN_FILES, UNSTATED, Span, circumstances, known
from scripts.bench.seeing_shot import shots
from tests.bench.seeing_films import write_film
from tests.harness.footage import Footage

STEADY = ("rain", "snow", "web", "night", "clouds", "leaves", "water")  # those that begin at once


def test_labels_become_seconds_by_the_streams_own_times(tmp_path: Path) -> None:
    """With kinds, and what is required of them."""
    events = [{"kind": "ped16_far", "first": 20, "last": 30}]
    write_film(tmp_path, "made", 50, [(20, 30), (40, 42)], events=events, conditions=["night"])
    (one,) = known(Footage(tmp_path))
    far, short = one.visits
    assert (far.span, far.kind, far.is_required) == (Span(2.0, 3.0), "ped16_far", False)
    assert (short.span, short.is_required) == (Span(4.0, 4.2), False)
    static = [(each.first_s, each.last_s) for each in one.static]
    assert static == [pytest.approx(each) for each in ((0, 1.9), (3.1, 3.9), (4.3, 4.9))]
    assert (one.conditions, one.scene) == (("night",), "made")
    assert one.length_s == pytest.approx(5.0)


def test_a_recording_without_labels_is_passed_over(tmp_path: Path) -> None:
    """It cannot be scored."""
    write_film(tmp_path, "made", 20, [], motion=None, static=None, uncertain=None)
    assert known(Footage(tmp_path)) == []


def test_a_recording_that_there_is_not_is_named(tmp_path: Path) -> None:
    """Rather than scoring nothing."""
    with pytest.raises(ValueError, match="no recording absent"):
        known(Footage(tmp_path), frozenset({"absent"}))


def test_conditions_come_from_the_labels_first() -> None:
    """One string or a list; then the table; then nothing is known."""
    assert circumstances("cdnet-office", {"condition": "rain"}) == (("rain",), "cdnet-office")
    told: dict[str, object] = {"conditions": ["night", "snow"], "tags": ["night"], "scene": "yard"}
    assert circumstances("x", told) == (("night", "snow"), "yard")
    assert circumstances("cdnet-office", {}) == OPEN_FILES["cdnet-office"]
    assert circumstances("x", {}) == ((UNSTATED,), "x")


@pytest.mark.parametrize("kind", STEADY)
def test_an_altered_recording_keeps_its_labels_and_looks_different(
    tmp_path: Path, kind: str
) -> None:
    """Times and labels are the recording's; it is made once; its condition says that it is made."""
    write_film(tmp_path, "made", 30, [(10, 20)])
    original = Footage(tmp_path)
    (before,) = known(original)
    folder = tmp_path / "altered"
    (after,) = known(altered(original, kind, folder, frozenset()))
    assert (after.visits, after.static) == (before.visits, before.static)
    assert (after.conditions, after.scene) == ((f"made {kind}",), "made")
    written_ns = after.path.stat().st_mtime_ns
    altered(original, kind, folder, frozenset())
    assert after.path.stat().st_mtime_ns == written_ns
    pairs = zip(shots(before.path), shots(after.path), strict=True)
    differences = [np.abs(a.luma.astype(float) - b.luma).mean() for a, b in pairs]
    assert max(differences) > 1


def test_an_altered_recording_is_cut_with_its_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies beyond its end is no visit."""
    monkeypatch.setattr(seeing_altered, "MAX_S", 1.55)
    write_film(tmp_path, "made", 30, [(10, 20), (25, 28)])
    (one,) = known(altered(Footage(tmp_path), "clouds", tmp_path / "altered", frozenset()))
    (visit,) = one.visits
    assert (visit.span.first_s, visit.span.last_s) == pytest.approx((1.0, 1.5))


def test_a_still_scene_shows_nobody_and_is_disturbed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it counts as static, so each alarm there is false."""
    monkeypatch.setattr(seeing_altered, "STILL_S", 2)
    write_film(tmp_path, "made", 30, [(10, 20)])
    (one,) = known(still(Footage(tmp_path), "snow", tmp_path / "still", frozenset()))
    assert not one.visits
    assert one.conditions == ("still, made snow",)
    assert one.static[0].length_s == pytest.approx(2, abs=0.2)
    lumas = [each.luma.astype(float) for each in shots(one.path)]
    changes = [np.abs(b - a).max() for a, b in itertools.pairwise(lumas)]
    assert max(changes) > 30
