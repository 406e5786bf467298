"""The RTSP camera: the bytes of the file arrive, with its times, by every way of asking."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import av
import pytest

from tests.harness import nal
from tests.harness.child import HarnessError
from tests.harness.footage import Footage
from tests.harness.patience import PATIENCE_S
from tests.harness.plugin import CameraFactory
from tests.harness.rtsp_camera import CameraStream, Login, RtspCamera

pytestmark = [pytest.mark.system, pytest.mark.footage]

TIMEOUT_S = PATIENCE_S
READ_TIMEOUT_S = 3.0
SPEED = 16.0
SHORT = "sbi-hallandmonitor"  # 12 s
OFF_S = 0.001  # the server and its sender reports keep 90 kHz ticks to a few of them
LOGIN = Login("viewer", "p@ss:w/rd")


@contextmanager
def opened(
    url: str, transport: str = "tcp", timeout_s: float = TIMEOUT_S
) -> Iterator[av.container.InputContainer]:
    """The stream as the product's own library opens it."""
    with av.open(url, options={"rtsp_transport": transport}, timeout=timeout_s) as container:
        yield container


@pytest.mark.parametrize(
    "name",
    [
        "cdnet-pedestrians",
        "one-by-one-person",
        "one-by-one-person-h265",
        "traffic-camera-vfr",
        "nest-walkers",
        "tamper-1",
        pytest.param("street-day", marks=pytest.mark.slow),
    ],
)
def test_every_nal_unit_arrives_as_it_is_in_the_file_with_its_time(
    name: str, footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """H.264 and H.265, with and without reordered pictures, at fixed and variable rates."""
    path = footage.recording(name).path
    sent = nal.read_file(path)
    camera = rtsp_camera(CameraStream(path, speed=SPEED, at_end="bye"))
    with opened(camera.url()) as container:
        got = list(nal.read_packets(container))
    assert [packet.units for packet in got] == [packet.units for packet in sent]
    assert [packet.is_keyframe for packet in got] == [packet.is_keyframe for packet in sent]
    assert_same_times(sent, got)


def assert_same_times(sent: list[nal.CodedPacket], got: list[nal.CodedPacket]) -> None:
    """Both keep the same time from picture to picture, from the first that has one."""
    pairs = [(s.pts_s, g.pts_s) for s, g in zip(sent, got, strict=True)]
    known = [(s, g) for s, g in pairs if s is not None and g is not None]
    assert len(known) >= len(pairs) - 1
    first_sent_s, first_got_s = known[0]
    for sent_s, got_s in known:
        assert sent_s - first_sent_s == pytest.approx(got_s - first_got_s, abs=OFF_S)


def test_audio_comes_along_where_the_recording_has_it(
    footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """Audio packets are the file's own too."""
    path = footage.recording("traffic-camera").path
    with av.open(str(path)) as container:
        sent = {bytes(packet) for packet in container.demux(container.streams.audio[0])}
    camera = rtsp_camera(CameraStream(path, speed=SPEED, at_end="bye"))
    with opened(camera.url()) as container:
        audio = container.streams.audio[0]
        got = [bytes(packet) for packet in container.demux(audio)]
    assert audio.codec_context.name == "aac"
    assert len(got) > 900
    assert sent.issuperset(got)


def test_udp_delivers_the_same_pictures(footage: Footage, rtsp_camera: CameraFactory) -> None:
    """The other transport of the settings."""
    path = footage.recording(SHORT).path
    camera = rtsp_camera(CameraStream(path, speed=2, transports=("udp",)))
    sent = nal.read_file(path)[:100]
    with opened(camera.url(), "udp") as container:
        got = list(nal.read_packets(container, limit=100))
    assert [packet.units for packet in got] == [packet.units for packet in sent]


def test_a_transport_that_is_not_offered_is_refused(
    footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """461 Unsupported Transport, as cameras set to one transport answer."""
    camera = rtsp_camera(CameraStream(footage.recording(SHORT).path, transports=("udp",)))
    with pytest.raises(av.error.FFmpegError), opened(camera.url()):
        pass


@pytest.mark.parametrize("scheme", ["basic", "digest"])
def test_only_the_right_password_opens_a_protected_camera(
    scheme: str, footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """Both authentication schemes, with a password that needs quoting in a URL."""
    stream = CameraStream(footage.recording(SHORT).path)
    schemes: tuple[str, ...] = (scheme,)
    login = Login(LOGIN.user, LOGIN.password, schemes)  # type: ignore[arg-type]
    camera = rtsp_camera(stream, login)
    with opened(camera.url()) as container:
        assert next(iter(nal.read_packets(container))).is_keyframe
    for url in (
        camera.url(has_login=False),
        camera.url(has_login=False).replace("//", "//viewer:wrong@"),
    ):
        with pytest.raises(av.error.HTTPUnauthorizedError), opened(url):
            pass


def test_an_unknown_path_is_not_found(footage: Footage, rtsp_camera: CameraFactory) -> None:
    """404, which a probe must tell from a wrong password."""
    camera = rtsp_camera(footage.recording(SHORT).path)
    with pytest.raises(av.error.HTTPNotFoundError), opened(camera.url("/nothing")):
        pass


def test_one_camera_serves_several_streams(footage: Footage, rtsp_camera: CameraFactory) -> None:
    """A main and a sub stream, as cameras have."""
    camera = rtsp_camera(
        {
            "/main": CameraStream(footage.recording("vtest").path),
            "/sub": CameraStream(footage.recording("waving-tree").path),
        }
    )
    widths = []
    for path in ("/main", "/sub"):
        with opened(camera.url(path)) as container:
            widths.append(container.streams.video[0].codec_context.width)
    assert widths == [768, 320]


def test_streams_that_no_clip_can_hold_can_be_made(rtsp_camera: CameraFactory) -> None:
    """For a probe's clear errors: another codec, and no video at all."""
    camera = rtsp_camera({"/mjpeg": CameraStream("mjpeg:"), "/audio": CameraStream("audio:")})
    with opened(camera.url("/mjpeg")) as container:
        assert container.streams.video[0].codec_context.name == "mjpeg"
    with opened(camera.url("/audio")) as container:
        assert not container.streams.video
        assert container.streams.audio[0].codec_context.name == "pcm_mulaw"


def test_a_frozen_camera_sends_nothing_and_goes_on_when_thawed(
    footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """The stall that a stall timeout is for."""
    camera = rtsp_camera(CameraStream(footage.recording(SHORT).path, at_end="loop"))
    with opened(camera.url(), timeout_s=READ_TIMEOUT_S) as container:
        packets = nal.read_packets(container)
        next(packets)
        camera.pause()
        with pytest.raises(av.error.FFmpegError):
            for _ in packets:
                pass
    camera.resume()
    with opened(camera.url()) as container:
        assert next(nal.read_packets(container)).is_keyframe


def test_a_killed_camera_refuses_and_comes_back_on_its_port(
    footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """A camera that lost its power."""
    camera = rtsp_camera(footage.recording(SHORT).path)
    port = camera.port
    camera.kill()
    assert is_refused(camera)
    camera.start()
    assert camera.port == port
    with opened(camera.url()) as container:
        assert next(nal.read_packets(container)).is_keyframe


def is_refused(camera: RtspCamera) -> bool:
    """Whether nobody listens on the camera's port."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", camera.port)) != 0


def test_hanging_up_ends_the_connection_and_nothing_else(
    footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """A camera that restarts its server process."""
    camera = rtsp_camera(CameraStream(footage.recording(SHORT).path, at_end="loop"))
    with opened(camera.url()) as container:
        packets = nal.read_packets(container)
        next(packets)
        camera.hang_up()
        assert len(list(packets)) < 100
    with opened(camera.url()) as container:
        assert next(nal.read_packets(container)).is_keyframe


def test_a_looping_camera_never_goes_back_in_time(
    footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """The recording again and again, with PTS that rise as a camera's do."""
    path = footage.recording("waving-tree").path
    sent = nal.read_file(path)
    camera = rtsp_camera(CameraStream(path, speed=4, at_end="loop"))
    with opened(camera.url()) as container:
        got = list(nal.read_packets(container, limit=3 * len(sent)))
    assert [packet.units for packet in got] == 3 * [packet.units for packet in sent]
    times = [packet.pts for packet in got if packet.pts is not None]
    assert times == sorted(set(times))
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) < 9000


def test_a_camera_that_was_played_falls_silent_and_answers_no_second_time(
    footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """So that a client that reconnects does not see the same people twice."""
    path = footage.recording("waving-tree").path
    camera = rtsp_camera(CameraStream(path, speed=SPEED, at_end="silent"))
    with opened(camera.url(), timeout_s=READ_TIMEOUT_S) as container:
        got: list[nal.CodedPacket] = []
        with pytest.raises(av.error.FFmpegError):
            for packet in nal.read_packets(container):
                got.append(packet)  # noqa: PERF402 - it raises in the middle
    camera.wait_for_end(TIMEOUT_S)
    assert [packet.units for packet in got] == [packet.units for packet in nal.read_file(path)]
    with pytest.raises(av.error.HTTPNotFoundError), opened(camera.url()):
        pass


def test_a_camera_may_close_or_refuse_at_the_end(
    footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """Both ends that a client must take as a loss."""
    path = footage.recording("waving-tree").path
    closing = rtsp_camera(CameraStream(path, speed=SPEED, at_end="close"))
    with opened(closing.url()) as container:
        assert len(list(nal.read_packets(container))) == 68
    assert not is_refused(closing)
    refusing = rtsp_camera(CameraStream(path, speed=SPEED, at_end="refuse"))
    with opened(refusing.url()) as container:
        assert len(list(nal.read_packets(container))) == 68
    refusing.child.wait(TIMEOUT_S)
    assert is_refused(refusing)


def test_a_live_camera_lets_later_clients_join_where_it_has_got_to(
    footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """A second client sees what happens now, from a keyframe on, not the start again."""
    path = footage.recording(SHORT).path
    camera = rtsp_camera(CameraStream(path, speed=2, joins="live", at_end="loop"))
    sent = [packet.units for packet in nal.read_file(path)]
    with opened(camera.url()) as container:
        seen = list(nal.read_packets(container, limit=60))
    with opened(camera.url()) as container:
        joined = next(nal.read_packets(container))
    assert seen[0].units == sent[0]
    assert sent.index(joined.units) >= 50


def test_a_file_that_cannot_be_served_is_refused_with_its_reason(
    footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """A test that names a wrong file learns so at once."""
    with pytest.raises(HarnessError, match="no demuxer"):
        rtsp_camera(footage.folder / "README.md")


def test_in_band_sets_announce_a_change_of_parameters(
    footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """A camera whose resolution is changed in mid-stream says so before the next keyframe."""
    path = footage.folder / "odd" / "h264_extradata-reload-multi-stsd.mp4"
    camera = rtsp_camera(CameraStream(path, at_end="bye", has_in_band_sets=True))
    with opened(camera.url()) as container:
        sizes = [(frame.width, frame.height) for frame in container.decode(video=0)]
    assert sizes == [(256, 128)] * 2 + [(128, 128)] * 2


def test_every_odd_stream_is_served_with_its_own_pictures(
    footage: Footage, rtsp_camera: CameraFactory
) -> None:
    """Edit lists may leave pictures out; none is changed, and none comes in another order."""
    for path in footage.odd:
        camera = rtsp_camera(CameraStream(path, speed=SPEED, at_end="bye"))
        with opened(camera.url()) as container:
            codec = container.streams.video[0].codec_context.name
            if codec not in ("h264", "hevc"):
                assert codec == "mpeg4"
                continue
            name: nal.Codec = "h264" if codec == "h264" else "hevc"
            got = [nal.picture_digest(packet, name) for packet in nal.read_packets(container)]
        sent = iter([nal.picture_digest(packet, name) for packet in nal.read_file(path)])
        assert got, path.name
        assert all(digest in sent for digest in got), path.name
