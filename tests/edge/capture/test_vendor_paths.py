"""Where makers put the small stream."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from edge.capture import vendor_paths


@pytest.mark.parametrize(
    ("main", "sub"),
    [
        ("/Streaming/Channels/101", "/Streaming/Channels/102"),
        ("/ISAPI/Streaming/channels/1601?transportmode=unicast",
         "/ISAPI/Streaming/channels/1602?transportmode=unicast"),
        ("/h264/ch1/main/av_stream", "/h264/ch1/sub/av_stream"),
        ("/cam/realmonitor?channel=2&subtype=0", "/cam/realmonitor?channel=2&subtype=1"),
        ("/h264Preview_01_main", "/h264Preview_01_sub"),
        ("/h265Preview_02_main", "/h264Preview_02_sub"),
        ("/media/video1", "/media/video2"),
        ("/unicast/c3/s0/live", "/unicast/c3/s1/live"),
        ("/stream1", "/stream2"),
        ("/LiveMedia/ch1/Media1", "/LiveMedia/ch1/Media2"),
        ("/1/h264major", "/1/h264minor"),
        ("/stream/av0_0", "/stream/av0_1"),
        ("/user=admin_password=x_channel=1_stream=0.sdp?real_stream",
         "/user=admin_password=x_channel=1_stream=1.sdp?real_stream"),
        ("/video/livemedia?Ch=1&Streamtype=0", "/video/livemedia?Ch=1&Streamtype=1"),
        ("/profile1", "/profile2"),
        ("/main", "/sub"),
        ("/11", "/12"),
        ("/axis-media/media.amp?videocodec=h264&resolution=1920x1080",
         "/axis-media/media.amp?videocodec=h264&resolution=640x360"),
        ("/axis-media/media.amp", "/axis-media/media.amp?resolution=640x360"),
    ],
)  # fmt: skip
def test_the_small_stream_follows_from_the_main_one(main: str, sub: str) -> None:
    """By the first guess, with host, port and everything else as it was."""
    guesses = vendor_paths.guesses(urlsplit(f"rtsp://192.0.2.1:8554{main}"), 1920, 1080)
    assert guesses[0].geturl() == f"rtsp://192.0.2.1:8554{sub}"


@pytest.mark.parametrize(
    "path", ["/", "/Streaming/Channels/102", "/stream10", "/mainroad", "/cam?subtype=01", "/sub"]
)
def test_nothing_is_guessed_of_what_is_not_known(path: str) -> None:
    """Each guess costs a call at the camera."""
    assert vendor_paths.guesses(urlsplit(f"rtsp://192.0.2.1{path}"), 1920, 1080) == []


def test_an_axis_camera_is_asked_for_the_main_streams_shape() -> None:
    """It would crop or squeeze otherwise."""
    guesses = vendor_paths.guesses(urlsplit("rtsp://192.0.2.1/axis-media/media.amp"), 800, 600)
    assert guesses[0].query == "resolution=640x480"
