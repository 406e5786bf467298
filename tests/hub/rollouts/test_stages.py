"""Which nodes are in which stage."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hub.rollouts import stages
from hub.rollouts.errors import RolloutError

POOL = [f"node-{number:02d}" for number in range(20)]
GROUPS = {"canary": ["node-03", "node-17", "gone"]}
AREAS = {"north": ["node-00", "node-01", "node-03"]}


def made(*words: str, pool: Sequence[str] = POOL, salt: str = "1.0") -> list[tuple[str, ...]]:
    found = stages.stages(words, pool=pool, groups=GROUPS, nodes_in=AREAS.get, salt=salt)
    return [each.nodes for each in found]


def test_a_node_is_in_the_first_stage_that_takes_it() -> None:
    """Groups, areas, names, parts and all the rest; nodes that are gone are in none."""
    canary, north, named, rest = made("group:canary", "area:north", "node:node-05", "all")
    assert canary == ("node-03", "node-17")
    assert north == ("node-00", "node-01")
    assert named == ("node-05",)
    assert sorted((*canary, *north, *named, *rest)) == POOL


def test_a_part_is_by_chance_and_the_same_each_time() -> None:
    """Rounded up, growing, and another one for another release."""
    tenth, half, rest = made("10%", "50%", "100%")
    assert (len(tenth), len(half), len(rest)) == (2, 8, 10)
    assert made("10%") == [tenth]
    assert len({made("10%", salt=str(salt))[0] for salt in range(20)}) > 5
    assert made("1%", pool=POOL[:3])[0], "one node at least"


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("group:none", "no group"), ("area:none", "no area"), ("node:none", "no node"),
        ("0%", "no stage"), ("101%", "no stage"), ("half", "no stage"), ("node:", "no stage"),
        ("", "no stage"),
    ],
)  # fmt: skip
def test_a_word_that_is_no_stage_is_told(word: str, complaint: str) -> None:
    """With the forms that there are."""
    with pytest.raises(RolloutError, match=complaint) as caught:
        made(word)
    assert caught.value.hint


def test_stages_without_any_node_are_refused() -> None:
    """Else a roll-out would be done at once."""
    with pytest.raises(RolloutError, match="no node"):
        made("all", pool=[])
    with pytest.raises(RolloutError, match="1 to 20"):
        made()
