"""Clips looked at anew, by the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.cli import main
from tests.system import stage

EVENT = "01a209db-b412-7d3d-8000-000000000001"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A car passes; named as the spool names a clip."""
    return stage.car(tmp_path_factory.mktemp("clips") / f"{EVENT}.0.mp4")


def test_a_clip_is_judged_by_other_settings(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a trace cannot answer is decoded: seen with the defaults, not with a whole mask."""
    verdicts = tmp_path / "verdicts.csv"
    verdicts.write_text(f"id,mark\n{EVENT},confirmed\n", encoding="utf-8")
    common = ["replay", str(clip), "--json", "--verdicts", str(verdicts)]
    common += ["--config", str(tmp_path / "none.yaml")]
    assert main([*common, "--set", "motion.sensitivity=6"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert len(seen["then"]) == len(seen["now"]) == 1
    assert 0.5 < seen["then"][0][0] < 2.5
    mask = "[{points: [[0, 0], [1, 0], [1, 1], [0, 1]]}]"
    assert main([*common, "--set", f"motion.masks={mask}"]) == 3
    assert json.loads(capsys.readouterr().out)["now"] == []


def test_a_clip_that_is_none_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its path, with the status of a failure."""
    path = tmp_path / "a.mp4"
    assert main(["replay", str(path), "--set", "motion.sensitivity=6"]) == 1
    assert "a.mp4" in capsys.readouterr().err
