"""HTTP cameras: a real server on loopback, good and bad ones."""

from __future__ import annotations

import itertools
import logging
import socket
import threading
import time
from pathlib import Path

import av
import pytest

from edge.base.clock import SystemClock
from edge.capture.errors import LostError, OpenError
from edge.capture.login import Login
from edge.capture.mjpeg import MjpegSource
from edge.media.packet import Packet
from tests.harness.mjpeg_camera import (
    Auth,
    MjpegCamera,
    Script,
    Write,
    hang,
    jpeg,
    part,
    steady,
    trickle,
)

PASSWORD = "hun:ter2/ü"


def source_of(
    url: str, *, login: Login | None = None, stall_timeout_s: float = 20.0
) -> MjpegSource:
    return MjpegSource(url, SystemClock(), login=login, stall_timeout_s=stall_timeout_s)


def brightness(packets: list[Packet]) -> list[float]:
    decoder = av.CodecContext.create("mjpeg", "r")
    shown = [frame for packet in packets for frame in decoder.decode(av.Packet(packet.data))]
    return [float(each.to_ndarray(format="gray").mean()) for each in shown]


@pytest.fixture
def login(tmp_path: Path) -> Login:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n", encoding="utf-8")
    path.chmod(0o600)
    return Login("viewer", path)


@pytest.mark.parametrize("has_length", [True, False])
def test_pictures_come_as_the_camera_sent_them(has_length: bool) -> None:
    """Byte for byte and in order, in the camera's rhythm; with and without lengths."""
    made_s: list[float] = []

    def make(number: int) -> bytes:
        made_s.append(time.monotonic())
        return jpeg(number)

    with MjpegCamera(steady(36, has_length=has_length, make=make)) as camera:
        source = source_of(camera.url())
        stream = source.open()
        packets: list[Packet] = []
        with pytest.raises(LostError, match="closed the connection"):
            packets.extend(source.packets())
    assert (stream.codec, stream.width, stream.height) == ("mjpeg", 320, 240)
    assert len(packets) in (35, 36)
    assert [packet.data.rstrip(b"\r\n") for packet in packets] == [
        jpeg(number) for number in range(len(packets))
    ]
    assert all(packet.is_keyframe for packet in packets)
    assert all(a.dts < b.dts for a, b in itertools.pairwise(packets))
    span_s = float((packets[-1].pts - packets[0].pts) * stream.time_base)
    assert span_s == pytest.approx(made_s[len(packets) - 1] - made_s[0], abs=0.5)
    assert source.encoding == "Motion JPEG 320x240 to H.264 on this box, for events only"


@pytest.mark.parametrize("auth", ["basic", "digest", "digest-sha256", "digest-old"])
def test_a_login_is_given_as_the_camera_asks(auth: Auth, login: Login) -> None:
    """Only when it asks, and not as plain text where it takes a digest."""
    with MjpegCamera(auth=auth, password=PASSWORD) as camera:
        source = source_of(camera.url("/video?res=hi"), login=login)
        source.open()
        source.close()
    assert camera.requests[0] == ""
    assert camera.requests[1].startswith("Basic " if auth == "basic" else "Digest ")


def test_a_login_may_stand_in_the_url() -> None:
    """Percent-encoded, as with RTSP."""
    with MjpegCamera(auth="digest", password=PASSWORD) as camera:
        url = camera.url().replace("//", "//viewer:hun%3Ater2%2F%C3%BC@")
        source = source_of(url)
        source.open()
        source.close()


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_a_wrong_password_is_told_and_never_shown(
    auth: Auth, login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    """After one attempt with it, so that no account is locked."""
    caplog.set_level(logging.DEBUG)
    with MjpegCamera(auth=auth, password="another") as camera:
        with pytest.raises(OpenError) as caught:
            source_of(camera.url(), login=login).open()
        assert len(camera.requests) == 2
    assert caught.value.reason == "unauthorised"
    assert "hun:ter2" not in f"{caught.value}{caught.value.__cause__}{caplog.text}"
    with MjpegCamera(auth=auth, password="another") as camera, pytest.raises(OpenError) as caught:
        source_of(camera.url()).open()
    assert "asks for a user" in str(caught.value)


def test_a_server_that_is_not_there_is_told_apart() -> None:
    """Nothing listens, the name is unknown, or nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(OpenError, match="does not answer") as caught:
            source_of(f"http://127.0.0.1:{port}/", stall_timeout_s=0.5).open()
        assert caught.value.reason == "unreachable"
    with pytest.raises(OpenError, match="nothing listens") as caught:
        source_of(f"http://127.0.0.1:{port}/").open()
    assert caught.value.reason == "refused"
    with pytest.raises(OpenError, match="does not resolve") as caught:
        source_of("http://no-such-camera.invalid/").open()
    assert caught.value.reason == "unreachable"


@pytest.mark.parametrize(
    ("camera", "path", "reason"),
    [
        (MjpegCamera, "/other", "not_found"),
        (lambda: MjpegCamera(status=403), "/video", "unauthorised"),
        (lambda: MjpegCamera(status=302), "/video", "not_found"),
        (lambda: MjpegCamera(status=503), "/video", "refused"),
        (lambda: MjpegCamera(content_type="text/html"), "/video", "unsupported"),
        (lambda: MjpegCamera(content_type="image/jpeg"), "/video", "unsupported"),
        (lambda: MjpegCamera(lambda *_: None), "/video", "no_video"),
    ],
)
def test_answers_that_are_no_stream_are_told_apart(camera: type, path: str, reason: str) -> None:
    """A wrong path, a forbidden one, a page, a single picture, an empty stream."""
    with camera() as running, pytest.raises(OpenError) as caught:
        source_of(running.url(path)).open()
    assert caught.value.reason == reason
    assert caught.value.hint


@pytest.mark.parametrize("script", [hang(), trickle], ids=["silent", "trickling"])
def test_a_stream_that_stalls_is_lost(script: Script) -> None:
    """By whole pictures: bytes that never make one keep no camera alive."""
    with MjpegCamera(script) as camera:
        source = source_of(camera.url(), stall_timeout_s=3.0)
        source.open()
        with pytest.raises(LostError) as caught:
            list(source.packets())
    assert caught.value.reason == "stalled"


def test_a_cut_connection_is_lost() -> None:
    """In the middle of a picture."""

    def cut(camera: MjpegCamera, write: Write) -> None:
        steady(3)(camera, write)
        write(part(jpeg(3))[:500])

    with MjpegCamera(cut) as camera:
        source = source_of(camera.url())
        source.open()
        with pytest.raises(LostError) as caught:
            list(source.packets())
    assert caught.value.reason == "ended"


def test_garbage_between_pictures_costs_only_itself() -> None:
    """Parts that are no JPEG, torn ones and ones that only begin like one."""

    def careless(camera: MjpegCamera, write: Write) -> None:
        for number in range(12):
            write(part(jpeg(number)))
            write(part(b"<html>", kind="text/html"))
            write(part(b"\xff\xd8" + bytes(200)))
            camera.is_stopped.wait(0.05)

    with MjpegCamera(careless) as camera:
        source = source_of(camera.url())
        source.open()
        packets: list[Packet] = []
        with pytest.raises(LostError):
            packets.extend(source.packets())
    assert len(brightness(packets)) == len(packets) >= 8


def test_only_garbage_is_no_camera() -> None:
    """Though it comes without an end."""

    def garbage(camera: MjpegCamera, write: Write) -> None:
        while not camera.is_stopped.wait(0.02):
            write(part(b"\xff\xd8" + bytes(200)))

    with MjpegCamera(garbage) as camera, pytest.raises(OpenError, match="decoded"):
        source_of(camera.url(), stall_timeout_s=1.0).open()


def test_another_size_is_another_stream() -> None:
    """Whoever sets the camera to another resolution meanwhile."""
    sizes = steady(10, make=lambda n: jpeg(n, *((320, 240) if n < 5 else (160, 120))))
    with MjpegCamera(sizes) as camera:
        source = source_of(camera.url())
        source.open()
        packets: list[Packet] = []
        with pytest.raises(LostError):
            packets.extend(source.packets())
    streams = list(dict.fromkeys(packet.stream for packet in packets))
    assert [stream.width for stream in streams] == [320, 160]
    assert next(p for p in packets if p.stream is streams[1]).is_keyframe


def test_a_taker_that_is_slow_loses_pictures_that_are_counted() -> None:
    """Reading goes on in its beat; what is taken next is never older than what waits."""
    with MjpegCamera(steady(fps=50)) as camera:
        source = source_of(camera.url())
        source.open()
        for _ in itertools.islice(source.packets(), 10):
            time.sleep(0.2)
        source.close()
    assert source.dropped > 30


def test_closing_from_another_thread_ends_it_at_once() -> None:
    """Even while the camera is silent, long before it stalls; the reader's thread ends too."""
    with MjpegCamera(hang()) as camera:
        source = source_of(camera.url(), stall_timeout_s=3600)
        source.open()
        closer = threading.Timer(0.5, source.close)
        closer.start()
        list(source.packets())
        closer.join()
        assert not [each for each in threading.enumerate() if each.name == "mjpeg"]
