"""What the console's scripts repeat of the node's own rules is the same there."""

from __future__ import annotations

import importlib.resources
import re

import pytest

from edge.contract import motion
from edge.motion import needs


def constants(name: str) -> dict[str, float]:
    """The numbers that a script declares as constants."""
    text = importlib.resources.files("hub.console").joinpath("static", name).read_text("utf-8")
    lines = [line for line in text.splitlines() if re.match(r"(export )?const [A-Z]", line)]
    found = re.findall(r"\b([A-Z][A-Z_]+) = ([0-9.]+)", "\n".join(lines))
    return {key: float(value) for key, value in found}


@pytest.mark.parametrize(
    "name", ["FLOOR", "NOISE_FACTOR", "NOISE_FACTOR_STEP", "STEPS_PER_DOUBLING", "MIDDLE"]
)
def test_what_moves_now_is_judged_by_the_node_s_thresholds(name: str) -> None:
    """A change there must not be forgotten here."""
    assert constants("camera-view.js")[name] == getattr(needs, name)


def test_shapes_have_as_many_corners_as_settings_take() -> None:
    """No more, and no fewer than three."""
    found = constants("polygon.js")
    assert (found["MIN_POINTS"], found["MAX_POINTS"]) == (3, motion.MAX_POINTS)
