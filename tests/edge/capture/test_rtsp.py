"""RTSP against a real server, and against ones that misbehave."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.base.clock import SystemClock
from edge.capture.errors import LostError, OpenError
from edge.capture.login import Login
from edge.capture.rtsp import RtspSource, with_login
from edge.media import nal
from edge.media.packet import Packet, VideoCodec
from edge.mux.decoder_config import clip_codec
from tests.edge.capture.recordings import Take, make_recording, raw_packets
from tests.edge.capture.test_file import check
from tests.harness.footage import Footage
from tests.harness.plugin import CameraFactory
from tests.harness.rtsp_camera import CameraStream
from tests.harness.rtsp_camera import Login as CameraLogin

Server = Callable[[Callable[[socket.socket], None]], int]


def source(url: str, *, stall_timeout_s: float = 20.0, login: Login | None = None) -> RtspSource:
    return RtspSource(url, SystemClock(), login=login, stall_timeout_s=stall_timeout_s)


def watch(url: str, *, stall_timeout_s: float = 20.0) -> tuple[list[Packet], LostError]:
    """All packets of a camera, and the loss that ends them; the guarantees are checked."""
    rtsp = source(url, stall_timeout_s=stall_timeout_s)
    rtsp.open()
    packets: list[Packet] = []
    with pytest.raises(LostError) as caught:
        for packet in rtsp.packets():
            packets.append(packet)  # noqa: PERF402 - those before the loss count
    check(packets)
    return packets, caught.value


def slices(packets: list[bytes], codec: VideoCodec = "h264", prefix_bytes: int = 0) -> list[bytes]:
    """The picture data of each packet, whatever the framing and the parameter sets around it."""
    return [b"".join(_slices(data, codec, prefix_bytes)) for data in packets]


def _slices(data: bytes, codec: VideoCodec, prefix_bytes: int) -> Iterator[bytes]:
    for unit in nal.units(data, prefix_bytes):
        if nal.is_slice(codec, nal.kind_of(codec, unit)):
            yield unit


@pytest.fixture
def server() -> Iterator[Server]:
    """A factory of TCP servers on the loopback that treat each connection as they are told."""
    with contextlib.ExitStack() as stack:

        def start(serve: Callable[[socket.socket], None]) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def run() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        stack.callback(connection.close)
                        serve(connection)

            threading.Thread(target=run, name="test server", daemon=True).start()
            return int(listener.getsockname()[1])

        yield start


def answering(status: str) -> Callable[[socket.socket], None]:
    """Answers every request of a connection with one status line."""

    def serve(connection: socket.socket) -> None:
        while request := connection.recv(4096):
            sequence = next(
                (line for line in request.split(b"\r\n") if line.lower().startswith(b"cseq")), b""
            )
            connection.sendall(b"RTSP/1.0 " + status.encode() + b"\r\n" + sequence + b"\r\n\r\n")

    return serve


def opening_error(port: int, stall_timeout_s: float = 20.0) -> OpenError:
    """What `open` raises."""
    with pytest.raises(OpenError) as caught:
        source(f"rtsp://127.0.0.1:{port}/main", stall_timeout_s=stall_timeout_s).open()
    return caught.value


def test_a_port_that_nobody_listens_on_is_refused() -> None:
    """Said at once, and worth another attempt."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = opening_error(port)
    assert error.reason == "refused"
    assert error.is_retryable


def test_a_server_that_never_answers_is_unreachable(server: Server) -> None:
    """`open` ends after the stall timeout."""
    error = opening_error(server(lambda _: None), stall_timeout_s=1.0)
    assert error.reason == "unreachable"


def test_a_server_that_hangs_up_is_named(server: Server) -> None:
    """A connection that is closed without a word."""
    assert opening_error(server(lambda connection: connection.close())).reason == "refused"


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    """With the name in the message. The top-level domain is reserved by RFC 2606."""
    with pytest.raises(OpenError, match=r"camera\.invalid") as caught:
        source("rtsp://user:secret@camera.invalid/main").open()
    assert caught.value.reason == "unreachable"


@pytest.mark.parametrize(
    ("status", "reason", "is_retryable"),
    [
        ("401 Unauthorized", "unauthorised", False),
        ("403 Forbidden", "unauthorised", False),
        ("404 Not Found", "not_found", False),
        ("453 Not Enough Bandwidth", "refused", True),
        ("503 Service Unavailable", "refused", True),
    ],
)
def test_a_cameras_refusal_is_told_by_its_status(
    status: str, reason: str, is_retryable: bool, server: Server
) -> None:
    """RTSP status codes become reasons, with a hint for the installer."""
    error = opening_error(server(answering(status)))
    assert (error.reason, error.is_retryable) == (reason, is_retryable)
    assert error.hint


def test_garbage_instead_of_rtsp_is_an_error(server: Server) -> None:
    """Something else listens on the port."""

    def babble(connection: socket.socket) -> None:
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" + bytes(range(256)) * 64)

    error = opening_error(server(babble), stall_timeout_s=2.0)
    assert error.reason == "broken"
    assert "RTSP" in error.detail


def test_closing_while_opening_ends_it(server: Server) -> None:
    """Another thread may close a source that still connects."""
    rtsp = source(f"rtsp://127.0.0.1:{server(lambda _: None)}/main", stall_timeout_s=1.0)
    threading.Timer(0.1, rtsp.close).start()
    with pytest.raises(OpenError):
        rtsp.open()
    assert list(rtsp.packets()) == []


def test_the_password_is_in_no_message(server: Server, tmp_path: Path) -> None:
    """Neither the error nor what caused it quotes the URL with the password."""
    secret = tmp_path / "password"
    secret.write_text("hunter2 ü@/:%\n", encoding="utf-8")
    secret.chmod(0o600)
    port = server(answering("404 Not Found"))
    with pytest.raises(OpenError) as caught:
        source(f"rtsp://127.0.0.1:{port}/main", login=Login("admin", secret)).open()
    told = [str(caught.value), repr(caught.value), str(caught.value.__cause__)]
    told += [repr(caught.value.__cause__)]
    assert not any("hunter2" in each for each in told)


def test_a_login_replaces_the_urls_own(tmp_path: Path) -> None:
    """User and password go into the URL percent-encoded; nothing else of it changes."""
    secret = tmp_path / "password"
    secret.write_text("p@ss:w/rd %\n", encoding="utf-8")
    secret.chmod(0o600)
    url = with_login("rtsp://old:one@[::1]:8554/a?b=c", Login("us er", secret))
    assert url == "rtsp://us%20er:p%40ss%3Aw%2Frd%20%25@[::1]:8554/a?b=c"


def test_a_login_that_ffmpeg_would_cut_is_refused(tmp_path: Path) -> None:
    """FFmpeg silently truncates long credentials; that must not look like a wrong password."""
    secret = tmp_path / "password"
    secret.write_text("x" * 130, encoding="utf-8")
    secret.chmod(0o600)
    with pytest.raises(OpenError, match="characters"):
        with_login("rtsp://camera/main", Login("admin", secret))


def test_a_password_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """The reason names the file and says how to mend it."""
    secret = tmp_path / "password"
    secret.write_text("secret", encoding="utf-8")
    secret.chmod(0o644)
    with pytest.raises(OpenError) as caught:
        with_login("rtsp://camera/main", Login("admin", secret))
    assert "chmod" in caught.value.hint


@pytest.mark.system
@pytest.mark.parametrize("schemes", [("basic",), ("digest",)])
def test_a_password_with_odd_characters_is_accepted(
    schemes: tuple[str, ...], rtsp_camera: CameraFactory, tmp_path: Path
) -> None:
    """What the camera gets is what the file holds, by Basic and by Digest authentication."""
    password = "p@ss:w/rd %&?#ü"
    take = make_recording(tmp_path / "take.mp4", Take())
    login = CameraLogin("us er", password, ("basic",) if "basic" in schemes else ("digest",))
    camera = rtsp_camera(take, login)
    secret = tmp_path / "password"
    secret.write_text(password + "\n", encoding="utf-8")
    secret.chmod(0o600)
    url = camera.url(has_login=False)
    rtsp = source(url, login=Login("us er", secret))
    assert rtsp.open().width == 320
    rtsp.close()
    with pytest.raises(OpenError) as caught:
        source(url, login=Login("us er", None)).open()
    assert caught.value.reason == "unauthorised"


@pytest.mark.system
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("in_band", [False, True])
def test_every_picture_of_the_camera_arrives_unchanged(
    codec: str, b_frames: int, in_band: bool, rtsp_camera: CameraFactory, tmp_path: Path
) -> None:
    """From the first keyframe to the end: all pictures, their bytes, their order and spacing."""
    path = make_recording(tmp_path / "take.mp4", Take(codec, b_frames=b_frames))
    stream = CameraStream(path, at_end="close", speed=3.0, has_in_band_sets=in_band)
    packets, error = watch(rtsp_camera(stream).url())
    name: VideoCodec = "hevc" if codec == "libx265" else "h264"
    assert slices([each.data for each in packets], name) == slices(raw_packets(path), name, 4)
    assert error.reason == "ended"
    shown = sorted(packet.pts for packet in packets)
    assert {round((b - a) / 6000) for a, b in itertools.pairwise(shown)} == {1}


@pytest.mark.system
def test_a_keyframe_in_slices_with_headers_in_between_is_one_packet(
    rtsp_camera: CameraFactory, tmp_path: Path
) -> None:
    """Parameter sets before every slice make FFmpeg split keyframes; the clip must not see it."""
    take = Take(params="slices=4:sliced-threads=0")
    path = make_recording(tmp_path / "take.mp4", take)
    stream = CameraStream(path, at_end="close", speed=3.0, has_in_band_sets=True)
    packets, _ = watch(rtsp_camera(stream).url())
    assert slices([each.data for each in packets]) == slices(raw_packets(path), prefix_bytes=4)


@pytest.mark.system
def test_audio_travels_beside_the_pictures(rtsp_camera: CameraFactory, tmp_path: Path) -> None:
    """AAC packets come with the stream's declaration and keep pace."""
    path = make_recording(tmp_path / "take.mp4", Take(frames=90, audio="aac"))
    packets, _ = watch(rtsp_camera(CameraStream(path, at_end="close", speed=3.0)).url())
    sound = [packet for packet in packets if packet.is_audio]
    video = [packet for packet in packets if not packet.is_audio]
    assert packets[0].stream.audio is not None
    assert (packets[0].stream.audio.codec, packets[0].stream.audio.sample_rate) == ("aac", 16000)
    ends_s = [float(each[-1].pts * each[-1].time_base) for each in (sound, video)]
    assert ends_s[0] == pytest.approx(ends_s[1], abs=1.0)


@pytest.mark.system
def test_udp_gives_the_same_pictures(rtsp_camera: CameraFactory, tmp_path: Path) -> None:
    """Over the loopback nothing is lost."""
    path = make_recording(tmp_path / "take.mp4", Take())
    url = rtsp_camera(CameraStream(path, at_end="bye", transports=("udp",))).url()
    rtsp = RtspSource(url, SystemClock(), transport="udp", stall_timeout_s=5)
    rtsp.open()
    packets: list[Packet] = []
    with contextlib.suppress(LostError):
        packets += itertools.islice(rtsp.packets(), 40)
    rtsp.close()
    assert slices([each.data for each in packets]) == slices(raw_packets(path), prefix_bytes=4)[:40]


@pytest.mark.system
def test_a_camera_that_falls_silent_is_stalled(rtsp_camera: CameraFactory, tmp_path: Path) -> None:
    """The connection stays open but nothing comes: lost after the stall timeout."""
    path = make_recording(tmp_path / "take.mp4", Take())
    packets, error = watch(
        rtsp_camera(CameraStream(path, at_end="silent", speed=3.0)).url(), stall_timeout_s=2.0
    )
    assert error.reason == "stalled"
    assert error.is_retryable
    assert len(packets) >= 44


@pytest.mark.system
def test_a_camera_that_vanishes_is_lost(rtsp_camera: CameraFactory, tmp_path: Path) -> None:
    """Its process dies in mid-stream: the packets end in a retryable error."""
    camera = rtsp_camera(make_recording(tmp_path / "take.mp4", Take(frames=450)))
    rtsp = source(camera.url())
    rtsp.open()
    packets = rtsp.packets()
    next(packets)
    camera.kill()
    with pytest.raises(LostError) as caught:
        list(packets)
    assert caught.value.reason == "ended"
    with pytest.raises(OpenError, match="refused"):
        rtsp.open()


@pytest.mark.system
def test_closing_from_another_thread_ends_the_packets(
    rtsp_camera: CameraFactory, tmp_path: Path
) -> None:
    """The reading thread ends at its next packet, without an error."""
    rtsp = source(rtsp_camera(make_recording(tmp_path / "take.mp4", Take(frames=900))).url())
    rtsp.open()
    packets = rtsp.packets()
    next(packets)
    rest: list[Packet] = []
    reader = threading.Thread(target=lambda: rest.extend(packets))
    reader.start()
    rtsp.close()
    reader.join(30)
    assert not reader.is_alive()


@pytest.mark.system
def test_a_path_that_the_camera_does_not_have_is_not_found(
    rtsp_camera: CameraFactory, tmp_path: Path
) -> None:
    """404 is told apart from a wrong password."""
    camera = rtsp_camera(make_recording(tmp_path / "take.mp4", Take()))
    with pytest.raises(OpenError) as caught:
        source(camera.url("/elsewhere")).open()
    assert caught.value.reason == "not_found"


@pytest.mark.system
@pytest.mark.parametrize(("made", "reason"), [("mjpeg:", "unsupported"), ("audio:", "no_video")])
def test_a_camera_without_h264_or_h265_is_refused(
    made: str, reason: str, rtsp_camera: CameraFactory
) -> None:
    """Motion JPEG and sound alone are named for what they are."""
    stream = CameraStream("mjpeg:" if made == "mjpeg:" else "audio:")
    with pytest.raises(OpenError) as caught:
        source(rtsp_camera(stream).url()).open()
    assert caught.value.reason == reason


@pytest.mark.system
@pytest.mark.footage
@pytest.mark.parametrize("name", ["one-by-one-person-h265", "traffic-camera-vfr", "traffic-camera"])
def test_recordings_keep_their_pictures_and_times_over_rtsp(
    name: str, footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """H.265, variable frame rate, B-frames with audio: bytes and spacing as in the file."""
    recording = footage.recording(name)
    rtsp = source(rtsp_camera(recording.path).url())
    rtsp.open()
    video = [each for each in itertools.islice(rtsp.packets(), 120) if not each.is_audio]
    rtsp.close()
    check(video)
    codec = clip_codec(video[0].stream)
    expected = slices(raw_packets(recording.path)[: len(video)], codec, 4)
    assert slices([each.data for each in video], codec) == expected
