"""scripts/demo as a newcomer runs it: once, twice at a time, and interrupted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.harness.broker import find_mosquitto
from tests.harness.child import HarnessError
from tests.harness.patience import PATIENCE_S
from tests.harness.processes import ROOT
from tests.system import stage

pytestmark = [
    pytest.mark.system,
    pytest.mark.xdist_group("demo"),
    pytest.mark.skipif(
        not (ROOT / ".venv").exists() and "CAMWATCH_VENV" not in os.environ,
        reason="without an environment the demo would install one",
    ),
]

TIMEOUT_S = PATIENCE_S


class Demo:
    """One run of the demo in `folder`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self._out_path = folder.with_name(f"{folder.name}-{len(arguments)}.out")
        with self._out_path.open("w") as out:
            self.process = subprocess.Popen(
                [ROOT / "scripts" / "demo", "--dir", folder, *arguments],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=folder.parent,
            )  # fmt: skip

    @property
    def output(self) -> str:
        """All that it printed so far."""
        return self._out_path.read_text(encoding="utf-8")

    def processes(self) -> list[str]:
        """Command lines of all processes that were started with this demo's folder, proc(5)."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if any(word.startswith(bytes(self.folder)) for word in words):
                found.append(b" ".join(words).decode())
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a demo may work; the broker that it needs is there."""
    try:
        find_mosquitto()
    except HarnessError as err:
        pytest.skip(f"{err} ({err.hint})")
    return tmp_path / "demo"


def test_once_ends_well_with_a_verified_clip_and_leaves_no_process(folder: Path) -> None:
    """Exit status 0, the event named, its clip on the disk."""
    demo = Demo(folder, "--once")
    assert demo.process.wait(TIMEOUT_S) == 0, demo.output
    assert "Verified: event" in demo.output
    assert "The archive is in" in demo.output
    assert stage.ffmpeg_complaints(folder / "first-clip.mp4") == ""
    assert demo.processes() == []


def test_once_without_an_event_says_why_not(folder: Path, tmp_path: Path) -> None:
    """A camera that is not there is a reason, not a hang, and the status is not 0."""
    demo = Demo(folder, "--once", "--camera", str(tmp_path / "no-such-file.mp4"))
    assert demo.process.wait(TIMEOUT_S) == 1
    assert "there is no such file" in demo.output
    assert demo.processes() == []


def test_once_does_not_wait_for_a_camera_that_cannot_be_watched(
    folder: Path, tmp_path: Path
) -> None:
    """No time makes a text file a film."""
    film = tmp_path / "film.mp4"
    film.write_text("not a film\n" * 100)
    demo = Demo(folder, "--once", "--camera", str(film))
    assert demo.process.wait(TIMEOUT_S) == 1
    assert "this camera cannot be watched" in demo.output
    assert "is lost: " in demo.output
    assert demo.processes() == []


def test_a_second_demo_is_refused_and_a_signal_ends_the_first_one_whole(folder: Path) -> None:
    """One folder, one demo; SIGTERM leaves no broker, hub or node behind."""
    demo = Demo(folder)
    try:
        stage.wait(lambda: "A node watches" in demo.output, TIMEOUT_S, "the demo at work")
        second = Demo(folder, "--once")
        assert second.process.wait(TIMEOUT_S) == 1
        assert "another demo runs" in second.output
        assert len([each for each in demo.processes() if ".cli run" in each]) == 2
    finally:
        demo.process.terminate()
        status = demo.process.wait(TIMEOUT_S)
    assert status == 0
    assert "Stopped. The archive is in" in demo.output
    assert demo.processes() == []
