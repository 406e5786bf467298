"""Which nodes belong to which stage of a roll-out, from what a person says. Pure."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence

from hub.archive.update_values import RolloutStage
from hub.rollouts.errors import RolloutError

PERCENT = re.compile(r"([1-9][0-9]?|100)%")
FORMS = "group:NAME, area:CODE, node:NAME[,NAME], 10%, all"
MAX_STAGES = 20


def stages(
    words: Sequence[str],
    *,
    pool: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    nodes_in: Callable[[str], Sequence[str] | None],
    salt: str,
) -> tuple[RolloutStage, ...]:
    """A stage for each word, a node in the first that takes it. Raises RolloutError.

    `pool`: all nodes that may be updated. `nodes_in`: those in an area, None for one that is none.
    `10%` is a tenth of the pool, by chance, the same for the same `salt`.
    """
    if not 1 <= len(words) <= MAX_STAGES:
        raise RolloutError("stage", f"give 1 to {MAX_STAGES} stages", hint=FORMS)
    left = dict.fromkeys(pool)
    by_chance = sorted(pool, key=lambda node: hashlib.sha256(f"{salt} {node}".encode()).digest())
    made = []
    for word in words:
        chosen = [node for node in _chosen(word, by_chance, groups, nodes_in) if node in left]
        for node in chosen:
            del left[node]
        made.append(RolloutStage(word, tuple(sorted(chosen))))
    if not any(stage.nodes for stage in made):
        raise RolloutError("stage", f"no node is in {', '.join(words)}", hint=FORMS)
    return tuple(made)


def _chosen(
    word: str,
    by_chance: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    nodes_in: Callable[[str], Sequence[str] | None],
) -> Sequence[str]:
    kind, _, name = word.partition(":")
    if word == "all":
        return by_chance
    if PERCENT.fullmatch(word):
        return by_chance[: math.ceil(len(by_chance) * int(word[:-1]) / 100)]
    if kind == "node" and name:
        return _known(name.split(","), by_chance)
    if kind == "group" and name:
        if name not in groups:
            has = ", ".join(groups) or "none"
            raise RolloutError(
                "group", f"there is no group {name}", hint=f"there are: {has}; release group"
            )
        return groups[name]
    if kind == "area" and name:
        found = nodes_in(name)
        if found is None:
            raise RolloutError("area", f"there is no area {name}", hint="camwatch-hub area list")
        return found
    raise RolloutError("stage", f"{word[:40]!r} is no stage", hint=f"such as: {FORMS}")


def _known(names: Sequence[str], pool: Sequence[str]) -> Sequence[str]:
    for name in names:
        if name not in pool:
            raise RolloutError(
                "node", f"there is no node {name[:40]} that can be updated",
                hint="camwatch-hub release nodes lists those that can",
            )  # fmt: skip
    return names
