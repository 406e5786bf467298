"""HTTP cameras: a real server on loopback, good and bad ones."""

from __future__ import annotations

import itertools
import logging
import socket
import threading
import time
from fractions import Fraction
from pathlib import Path

import av
import pytest

from edge.base.clock import SystemClock
from edge.capture import encode
from edge.capture.encode import Context
from edge.capture.errors import LostError, OpenError
from edge.capture.login import Login
from edge.capture.mjpeg import MjpegSource
from edge.media.packet import Packet, VideoStream
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


def source_of(url: str, *, login: Login | None = None, stall_timeout_s: float = 2.0) -> MjpegSource:
    return MjpegSource(
        url, SystemClock(), login=login, stall_timeout_s=stall_timeout_s, open_hardware=None
    )


def brightness(stream: VideoStream, packets: list[Packet]) -> list[float]:
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = stream.extradata
    shown = [frame for packet in packets for frame in decoder.decode(av.Packet(packet.data))]
    return [float(f.to_ndarray(format="gray").mean()) for f in [*shown, *decoder.decode(None)]]


@pytest.fixture
def login(tmp_path: Path) -> Login:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n", encoding="utf-8")
    path.chmod(0o600)
    return Login("viewer", path)


@pytest.mark.parametrize("has_length", [True, False])
def test_pictures_become_h264_that_shows_the_same(has_length: bool) -> None:
    """In order, in the camera's rhythm, a keyframe first; with and without lengths."""
    with MjpegCamera(steady(36, has_length=has_length)) as camera:
        source = source_of(camera.url())
        stream = source.open()
        packets: list[Packet] = []
        with pytest.raises(LostError, match="closed the connection"):
            packets.extend(source.packets())
    assert (stream.codec, stream.width, stream.height) == ("h264", 320, 240)
    assert len(packets) in (35, 36)
    assert packets[0].is_keyframe
    assert all(a.dts < b.dts for a, b in itertools.pairwise(packets))
    span_s = float((packets[-1].pts - packets[0].pts) * stream.time_base)
    assert span_s == pytest.approx(len(packets) / 15, abs=0.5)
    expected = [5 * number for number in range(len(packets))]
    assert brightness(stream, packets) == pytest.approx(expected, abs=6)
    assert source.encoding == "Motion JPEG 320x240 to H.264 by libx264, on this box, once"


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
        source = source_of(camera.url(), stall_timeout_s=1.0)
        source.open()
        began_s = time.monotonic()
        with pytest.raises(LostError) as caught:
            list(source.packets())
    assert caught.value.reason == "stalled"
    assert time.monotonic() - began_s < 4


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
        stream = source.open()
        packets: list[Packet] = []
        with pytest.raises(LostError):
            packets.extend(source.packets())
    assert len(brightness(stream, packets)) == len(packets) >= 8


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


def test_a_slow_encoder_drops_pictures_and_counts_them() -> None:
    """Reading goes on in its beat; what is dropped is neither queued nor decoded."""
    with MjpegCamera(steady(fps=50)) as camera:
        source = source_of(camera.url())
        source.open()
        packets = []
        for packet in itertools.islice(source.packets(), 8):
            time.sleep(0.2)  # what encodes here is slower than the camera
            packets.append(packet)
        arrivals = [packet.arrival_mono_ns for packet in packets]
        source.close()
    assert source.dropped > 30
    late_s = [(b - a) / 1e9 for a, b in itertools.pairwise(arrivals)]
    assert sum(late_s[2:]) == pytest.approx(0.2 * len(late_s[2:]), rel=0.3)


def test_closing_from_another_thread_ends_it_at_once() -> None:
    """Even while the camera is silent; the reader's thread ends too."""
    with MjpegCamera(hang()) as camera:
        source = source_of(camera.url(), stall_timeout_s=30)
        source.open()
        closer = threading.Timer(0.5, source.close)
        closer.start()
        began_s = time.monotonic()
        list(source.packets())
        closer.join()
        assert time.monotonic() - began_s < 2
        assert not [each for each in threading.enumerate() if each.name == "mjpeg"]


def test_a_stand_in_for_a_hardware_encoder_is_used_and_given_up_when_it_fails() -> None:
    """No such encoder is here: libx264 without global headers stands in, and a broken one."""

    def in_band(width: int, height: int, rate: Fraction) -> Context:
        context = encode._context("libx264", width, height, rate, 30)
        context.options = {"preset": "ultrafast", "tune": "zerolatency"}
        context.open()
        return context

    def broken(width: int, height: int, rate: Fraction) -> Context:
        return encode._context("libx264", width + 2, height, rate, 30)  # fails at the first picture

    with MjpegCamera() as camera:
        for stand_in in (in_band, broken, encode.open_hardware):
            source = MjpegSource(camera.url(), SystemClock(), open_hardware=stand_in)
            stream = source.open()
            packets = list(itertools.islice(source.packets(), 5))
            source.close()
            assert stream.extradata
            assert packets[0].is_keyframe
            assert len(brightness(stream, packets)) == 5
