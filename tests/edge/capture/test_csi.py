"""The Pi's camera module. No camera is here: a stand-in named rpicam-vid takes its arguments."""

from __future__ import annotations

import itertools
import os
import shlex
import shutil
from pathlib import Path

import pytest

from edge.base.clock import SystemClock
from edge.capture import csi
from edge.capture.errors import OpenError
from edge.capture.source import make
from edge.config.camera import CameraSettings
from edge.contract import address
from tests.edge.capture.commands import ffmpeg_command, own_children, stand_in


def line(source: str, *, has_encoder: bool = True) -> str:
    return " ".join(csi.arguments(address.csi(source), "rpicam-vid", has_encoder=has_encoder))


def test_the_arguments_are_those_of_a_live_pipe() -> None:
    """Parameter sets at each keyframe, nothing held back, no end, no window."""
    assert line("csi:") == (
        "rpicam-vid --codec h264 --inline --flush --timeout 0 --nopreview --camera 0"
        " --width 1280 --height 720 --framerate 15 --intra 30 --bitrate 2000000 --rotation 0 -o -"
    )


def test_the_query_sets_the_camera() -> None:
    """Which module, size, rate, bit rate, and upside down."""
    said = line("csi:?camera=1&width=1920&height=1080&fps=10&bits_per_s=3000000&rotation=180")
    for words in ("--camera 1", "--width 1920 --height 1080", "--framerate 10 --intra 20",
                  "--bitrate 3000000", "--rotation 180"):  # fmt: skip
        assert words in said


def test_without_a_hardware_encoder_the_software_one_is_told_how() -> None:
    """A Pi 5: one raw stream, without delay and so without B-frames."""
    assert "--libav-format h264 --low-latency -o -" in line("csi:", has_encoder=False)
    assert "libav" not in line("csi:", has_encoder=True)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="apt-get install ffmpeg")
def test_a_stand_in_for_rpicam_vid_gets_the_arguments_and_gives_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the settings to packets, by the program's name on PATH."""
    told = tmp_path / "arguments"
    script = f'printf "%s\\n" "$@" > {told}\nexec {shlex.join(ffmpeg_command())}'
    stand_in(tmp_path / "bin", "rpicam-vid", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    source = make(CameraSettings("porch", "csi:?width=320&height=240&fps=15"), SystemClock())
    before = own_children()
    stream = source.open()
    packets = list(itertools.islice(source.packets(), 20))
    source.close()
    assert (stream.codec, stream.width, stream.height) == ("h264", 320, 240)
    assert len(packets) == 20
    arguments = told.read_text(encoding="utf-8").split()
    assert arguments[:3] == ["--codec", "h264", "--inline"]
    assert arguments[-2:] == ["-o", "-"]
    assert own_children() <= before  # of another test's, one may have ended


def test_the_older_name_of_the_program_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raspberry Pi OS 11 calls it libcamera-vid. A stand-in again, which ends with an error."""
    stand_in(
        tmp_path / "bin",
        "libcamera-vid",
        'echo "ERROR: *** no cameras available ***" >&2\nexit 255',
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    source = make(CameraSettings("porch", "csi:"), SystemClock())
    with pytest.raises(OpenError, match=r"libcamera-vid ended with status 255: .*no cameras"):
        source.open()


def test_without_either_program_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package to install."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OpenError, match="there is no program rpicam-vid") as caught:
        make(CameraSettings("porch", "csi:"), SystemClock()).open()
    assert "rpicam-apps" in caught.value.hint
