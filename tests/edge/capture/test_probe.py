"""Saying what a source sends."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args

import pytest

from edge.capture.errors import OpenError, Reason
from edge.capture.probe import EXIT_STATUS, ProbeReport, decoding, exit_status, probe
from edge.config.camera import CameraSettings
from edge.contract.motion import MotionSettings
from edge.media.packet import VideoStream
from tests.edge.capture.recordings import Take, make_recording
from tests.harness.footage import Footage
from tests.harness.plugin import CameraFactory
from tests.harness.rtsp_camera import CameraStream


def report_of(source: Path | str, seconds: float = 8.0) -> ProbeReport:
    return probe(CameraSettings("gate", str(source)), seconds=seconds)


def test_what_is_sent_is_measured(tmp_path: Path) -> None:
    """Codec, profile, size, rate, GOP and audio of a recording whose making is known."""
    take = Take(fps=10, gop=20, frames=100, width=640, height=480, audio="aac")
    report = report_of(make_recording(tmp_path / "take.mp4", take))
    assert (report.codec, report.width, report.height) == ("h264", 640, 480)
    assert (report.declared_fps, report.measured_fps) == (10, 10)
    assert report.gop is not None
    assert (report.gop.min_frames, report.gop.max_frames, report.gop.mean_s) == (20, 20, 2.0)
    assert (report.audio_codec, report.audio_sample_rate) == ("aac", 16000)
    assert not report.has_b_frames
    assert not report.is_variable_rate
    assert (report.luma_width, report.luma_height) == (320, 240)
    assert report.bits_per_s is not None
    assert report.bits_per_s > 0


def test_profile_and_b_frames_are_told(tmp_path: Path) -> None:
    """H.265 Main with B-frames, and a rate that the unfinished end does not distort."""
    report = report_of(make_recording(tmp_path / "take.mp4", Take("libx265", b_frames=2)))
    assert (report.codec, report.profile, report.has_b_frames) == ("hevc", "Main", True)
    assert report.measured_fps == 15


def test_the_analysed_rate_is_the_settings_or_the_cameras(tmp_path: Path) -> None:
    """A slow camera is looked at whole, a fast one as often as the settings say."""
    path = str(make_recording(tmp_path / "take.mp4", Take(fps=15)))
    rates = [
        probe(CameraSettings("gate", path, motion=MotionSettings(analysis_fps=fps))).analysed_fps
        for fps in (5, 60)
    ]
    assert rates == [5, 15]


def test_a_long_gop_is_waited_for(tmp_path: Path) -> None:
    """Beyond the asked time, until a second keyframe came; or it is said that none did."""
    path = make_recording(tmp_path / "take.mp4", Take(fps=10, gop=60, frames=130))
    patient, hurried = report_of(path, 3.0), report_of(path, 1.0)
    assert patient.gop is not None
    assert patient.gop.mean_s == 6.0
    assert hurried.gop is None
    assert any("only one in" in line for line in hurried.lines())


@pytest.mark.parametrize(
    ("gop", "decode", "says"),
    [
        (20, "auto", "gate: while nothing moves, a keyframe every 8 s; keyframes, one every 2 s"),
        (30, "auto", "gate: while nothing moves, a keyframe every 8 s; keyframes, one every 3 s"),
        (100, "auto", "gate: while nothing moves, a keyframe every 10 s; every frame where"),
        (180, "auto", "every frame, as keyframes come up to 18.0 s apart"),
        (400, "auto", "every frame, as no two keyframes came"),
        (20, "all", "every frame, as motion.decode is all"),
    ],
)
def test_which_pictures_will_be_decoded_is_told(
    tmp_path: Path, gop: int, decode: Literal["auto", "all"], says: str
) -> None:
    """By the distance of the keyframes and by the settings; how often they are looked at, too."""
    path = make_recording(tmp_path / "take.mp4", Take(fps=10, gop=gop, frames=2 * gop + 20))
    report = probe(CameraSettings("gate", str(path), motion=MotionSettings(decode=decode)))
    assert report.decoding.startswith(says)
    assert any(line.startswith("decoding") and says in line for line in report.lines())
    assert any(line.startswith("looked at") and "at most 10 a second" in line
               for line in report.lines())  # fmt: skip


def test_of_motion_jpeg_samples_are_decoded() -> None:
    """Each picture stands alone; unless the settings ask for all."""
    stream = VideoStream("mjpeg", 320, 240, Fraction(1, 1000), b"", None)
    assert decoding(stream, None, MotionSettings()).startswith("samples: ")
    assert decoding(stream, None, MotionSettings(decode="all")).startswith("every frame")


def test_the_report_is_lines_and_json(tmp_path: Path) -> None:
    """The same facts for people and for programs."""
    report = report_of(make_recording(tmp_path / "take.mp4", Take()))
    lines = report.lines()
    assert any("H.264" in line and "320x240" in line for line in lines)
    assert all(line == line.strip() for line in lines)
    read = json.loads(json.dumps(report.to_json()))
    assert read["gop"]["mean_frames"] == 15


def test_a_file_is_probed_faster_than_it_plays_and_only_once(tmp_path: Path) -> None:
    """Pace and loop of the settings are for watching, not for probing."""
    path = make_recording(tmp_path / "take.mp4", Take(fps=1, frames=20))
    report = probe(CameraSettings("gate", str(path), loop=True), seconds=600)
    assert report.packets == 20
    assert report.watched_s == 19.0


def test_every_reason_has_an_exit_status_of_a_failure() -> None:
    """Those an installer must tell apart have one of their own."""
    assert set(EXIT_STATUS) == set(get_args(Reason))
    distinct: list[Reason] = [
        "unreachable", "refused", "unauthorised", "not_found", "no_video", "unsupported",
    ]  # fmt: skip
    assert len({EXIT_STATUS[reason] for reason in distinct}) == len(distinct)
    assert min(EXIT_STATUS.values()) > 2
    assert exit_status(OpenError("unreachable", "")) == 68


def test_what_cannot_be_probed_raises_why(tmp_path: Path) -> None:
    """The error is the source's own."""
    with pytest.raises(OpenError) as caught:
        report_of(tmp_path / "nothing.mp4")
    assert caught.value.reason == "not_found"


@pytest.mark.system
def test_a_camera_that_goes_early_is_reported_as_far_as_it_came(
    rtsp_camera: CameraFactory, tmp_path: Path
) -> None:
    """What was seen is worth printing, with the reason for the end."""
    path = make_recording(tmp_path / "take.mp4", Take())
    camera = rtsp_camera(CameraStream(path, at_end="close", speed=3.0))
    report = report_of(camera.url(), seconds=60)
    assert report.packets == 45
    assert report.ended_early is not None
    assert report.ended_early.startswith("ended")


@pytest.mark.footage
def test_a_variable_frame_rate_is_noticed(footage: Footage) -> None:
    """A real consumer camera's intervals vary; a constant-rate recording's do not."""
    assert report_of(footage.recording("nest-walkers").path, 20.0).is_variable_rate
    assert not report_of(footage.recording("street-day").path).is_variable_rate
