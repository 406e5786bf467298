"""The idle bench in short: every contestant that is installed reads a stream and is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.bench import idle, idle_aims, idle_streams
from scripts.bench.idle_contestants import NAMES, NODE, missing_program
from scripts.bench.idle_streams import Prepared, Stream
from tests.harness import rtsp_camera
from tests.harness.broker import find_mosquitto
from tests.harness.child import HarnessError

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("idle bench")]

FILM_S = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For films."""
    try:
        find_mosquitto()
    except HarnessError as err:
        pytest.skip(f"{err} ({err.hint})")
    if missing := rtsp_camera.missing_packages():
        pytest.skip(f"no GStreamer RTSP server here: apt-get install {missing}")
    return tmp_path_factory.mktemp("films")


def prepare(folder: Path, stream: Stream) -> Prepared:
    return idle_streams.prepare(stream, folder, lambda _text: None)


def test_every_contestant_is_measured(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The figures are printed with verdicts; how good they are is for scripts/bench/idle."""
    film = prepare(folder, Stream(360, "vbr", "day", "idle", FILM_S))
    names = [name for name in NAMES if missing_program(name) is None]
    runs = idle.measure(film, names, warm_up_s=6.0, window_s=3.0, rounds=1)
    assert all(run.cost.cpu_ms_per_s > 0 and run.cost.rss_mb > 1 for run in runs.values())
    assert runs[NODE].strays == 0
    verdicts = idle.report(film, runs)
    printed = capsys.readouterr().out
    assert all(name in printed for name in names)
    assert verdicts == idle_aims.judge(film.stream, runs)


def test_crossings_are_found_in_the_archive(folder: Path) -> None:
    """Both vehicles pass within the window, and each has its event there."""
    film = prepare(folder, Stream(360, "vbr", "day", "moving", FILM_S))
    runs = idle.measure(film, [NODE], warm_up_s=3.0, window_s=float(FILM_S), rounds=1)
    assert (runs[NODE].known, runs[NODE].met, runs[NODE].strays) == (2, 2, 0)
