"""New addresses, opened beside the streams that run."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.base.clock import SystemClock
from edge.config.camera import CameraSettings
from edge.settings.rehearsal import Rehearsal
from tests.harness.broker import free_port
from tests.system.stage import wait

GOOD = "synthetic:?width=160&height=120&fps=5"


def rehearsed(settings: CameraSettings) -> str | None:
    """Why it does not answer; None where it does."""
    rehearsal = Rehearsal(settings, SystemClock())
    wait(lambda: rehearsal.is_over, 60, "the end of a rehearsal")
    return rehearsal.problem


def test_an_address_that_brings_a_picture_answers() -> None:
    """The small one's, too."""
    assert rehearsed(CameraSettings("gate", GOOD, sub_source=GOOD + "&seed=2")) is None


@pytest.mark.parametrize("is_sub", [False, True])
def test_an_address_where_nothing_listens_is_named_with_the_reason(*, is_sub: bool) -> None:
    """Whichever of the two it is."""
    bad = f"rtsp://127.0.0.1:{free_port()}/none"
    settings = CameraSettings("gate", GOOD if is_sub else bad, sub_source=bad if is_sub else None)
    problem = rehearsed(settings)
    assert problem is not None
    assert problem.startswith("sub_source: refused" if is_sub else "source: refused")


def test_a_password_that_cannot_be_read_is_no_answer(tmp_path: Path) -> None:
    """What the camera would fail of later is told now."""
    settings = CameraSettings(
        "gate", f"rtsp://127.0.0.1:{free_port()}/x", user="anna",
        password_file=str(tmp_path / "none"),
    )  # fmt: skip
    problem = rehearsed(settings)
    assert problem is not None
    assert "password_file" in problem or "cannot read" in problem
