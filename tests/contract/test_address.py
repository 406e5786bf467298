"""What a source's address may be."""

from __future__ import annotations

import pytest

from edge import yamlfile
from edge.base.errors import ConfigError
from edge.config.camera import CameraSettings
from edge.contract import address
from edge.contract.address import Csi, Device, Picture


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("rtsp://camera/main", "rtsp"),
        ("rtsps://camera:322/main", "rtsp"),
        ("http://camera/video.mjpg?res=hi", "http"),
        ("https://camera:8443/video", "http"),
        ("/dev/video0", "device"),
        ("/dev/v4l/by-id/usb-Cam:0-index0?width=640&height=480", "device"),
        ("csi:", "csi"),
        ("csi:?camera=1", "csi"),
        ("exec:", "exec"),
        ("synthetic:?fps=5", "synthetic"),
        ("recording.mp4", "file"),
        ("/var/lib/it's 100%.mp4", "file"),
        ("file:///var/lib/recording.mp4", "file"),
    ],
)
def test_the_address_tells_the_kind(source: str, kind: str) -> None:
    """Nothing is looked for."""
    assert address.check(source) == kind


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("foo://camera/x", "give an rtsp:// or rtsps:// URL, http://"),
        ("ftp://admin:hunter2@camera/x", "ftp://admin:***@camera/x"),
        ("rtsp://[::1/main", "malformed"),
        ("http:///video", "names no host"),
        ("http://camera:99999/video", "malformed"),
        ("csi:?with=640", "did you mean width?"),
        ("csi:1", "choose a camera module by csi:\\?camera=0"),
        ("csi:?width=640", "give both or none"),
        ("csi:?fps=0", "whole number from 1 to 120"),
        ("csi:?fps=fast", "whole number"),
        ("csi:?rotation=90", "0 or 180"),
        ("csi:?fps=5&fps=6", "given twice"),
        ("/dev/video0?format=vp9", "format=vp9: give one of auto, h264, mjpeg, raw"),
        ("/dev/video0?size=1", "known: width, height, fps, format"),
        ("exec:ffmpeg -i x", "stands alone"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(source: str, said: str) -> None:
    """With what can be given instead, and no password."""
    with pytest.raises(ValueError, match=said.replace("***", r"\*\*\*")) as caught:
        address.check(source)
    assert "hunter2" not in str(caught.value)


def test_the_query_of_a_device_and_of_a_camera_module_is_read() -> None:
    """Size and rate, with what each has of its own."""
    assert address.device("/dev/video2?width=640&height=480&fps=10&format=raw") == Device(
        "/dev/video2", Picture(640, 480, 10), "raw"
    )
    assert address.csi("csi:?fps=10") == Csi(Picture(None, None, 10))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("source: foo://x/y", "source: no kind of source is known for foo://x/y"),
        ("source: 'exec:'", "command: exec: needs a program"),
        ("{source: 'exec:', command: []}", "needs a program"),
        ("{source: a.mp4, command: [ffmpeg]}", "command: only with source: exec:"),
        ("{source: 'exec:', command: ffmpeg -i x}", "command: must be a list"),
    ],
)
def test_check_config_refuses_what_no_source_can_be_made_of(settings: str, said: str) -> None:
    """At once, not when the node runs."""
    text = settings if settings.startswith("{") else f"{{{settings}}}"
    with pytest.raises(ConfigError, match=said):
        yamlfile.parse(CameraSettings, text.replace("{", "{name: a, ", 1).encode(), name="x")
