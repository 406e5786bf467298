"""DVR-Scan's and Motion's own words, and Motion itself where it is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.bench import seeing_programs
from scripts.bench.seeing_events import Found
from scripts.bench.seeing_footage import Span
from scripts.bench.seeing_programs import POST_S, TELL_S, ProgramError, merged, timecodes
from tests.bench.seeing_films import FPS, write_film


def test_dvr_scans_list_is_read() -> None:
    """Start and end of each, with hours; nothing where nothing was found."""
    assert timecodes("00:00:03.960,00:00:05.000,01:02:03.5,01:02:04.5\n") == [
        Span(3.96, 5.0),
        Span(3723.5, 3724.5),
    ]
    assert timecodes("\n") == []


def test_its_stretches_are_closed_with_our_quiet_time() -> None:
    """And without what it adds after each."""
    stretches = [Span(1, 2 + POST_S), Span(5, 6 + POST_S), Span(20, 21)]
    assert merged(stretches, 20.5) == (
        Found(Span(1, 6), 1 + TELL_S),
        Found(Span(20, 20.5), 20 + TELL_S),
    )


@pytest.mark.system
@pytest.mark.skipif(seeing_programs.missing("motion"), reason="Motion is not installed")
def test_motion_itself_sees_a_crossing_in_a_file(tmp_path: Path) -> None:
    """Played as a camera; the event lies in the crossing's time."""
    first, last, frames = 60, 90, 110
    path = write_film(tmp_path, "made", frames, [(first, last)])
    (event,) = seeing_programs.play(path, 1500, frames / FPS, tmp_path)
    assert event.span.meets(Span(first / FPS, last / FPS))


@pytest.mark.system
@pytest.mark.skipif(seeing_programs.missing("motion"), reason="Motion is not installed")
def test_a_file_that_motion_cannot_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a recording without events."""
    monkeypatch.setattr(seeing_programs, "START_LIMIT_S", 3.0)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no film")
    with pytest.raises(ProgramError, match="Camera source"):
        seeing_programs.play(broken, 1500, 1.0, tmp_path)
