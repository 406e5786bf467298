"""Live view end to end: a real camera, node and hub over TLS, and viewers at the hub's socket."""

from __future__ import annotations

import contextlib
import http.client
import io
import ssl
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import av
import pytest

from edge.contract import command as commands
from edge.contract import live, names
from edge.contract.live import Head, Kind
from edge.media import jpeg
from hub.control.client import HubError, HubLine
from tests.harness import nal
from tests.harness.link import Account
from tests.harness.mjpeg_camera import MjpegCamera, steady
from tests.harness.processes import Enrolment, NodeProcess
from tests.harness.publisher import Publisher
from tests.harness.rtsp_camera import CameraStream, RtspCamera
from tests.harness.traffic import Traffic
from tests.system import stage
from tests.system.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("live"), pytest.mark.timeout(400)]

NODE, LIAR = "gate-3", "liar"
WAIT_S = 90.0
SMALL = (320, 180)


class Watcher:
    """Somebody who watches at the hub's socket, in a thread; a context manager that leaves."""

    def __init__(
        self, town: Stage, camera: str, *, form: str = "fmp4", size: str = "large"
    ) -> None:
        wish = {"ask": "live", "node": NODE, "camera": camera, "form": form, "size": size}
        self._line = HubLine(town.hub.state_dir, wish)
        self.answer = self._line.answer
        self.data = b""
        self.is_over = False
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(HubError, ValueError):
            for block in self._line.blocks():
                self.data += block
        self.is_over = True

    def packets(self) -> list[nal.CodedPacket]:
        """The whole packets among what came so far; the last one may be cut short in its middle."""
        packets: list[nal.CodedPacket] = []
        with (
            contextlib.suppress(av.FFmpegError, ValueError),
            av.open(io.BytesIO(self.data), mode="r", format="mp4") as container,
        ):
            packets.extend(nal.read_packets(container))
        return packets

    def wait_for(self, count: int) -> list[nal.CodedPacket]:
        """Until so many packets are there."""
        stage.wait(lambda: len(self.packets()) >= count, WAIT_S, f"{count} packets")
        return self.packets()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.hang_up()
        self._thread.join(WAIT_S)
        self._line.close()


@dataclass
class Street:
    """A town with TLS, a camera with two streams, and one that sends Motion JPEG."""

    town: Stage
    camera: RtspCamera
    node: NodeProcess
    traffic: Traffic
    film: Path
    liar: Publisher
    enrolments: dict[str, Enrolment]
    cut: int = 0  # streams that a killed node could not say the end of

    def begun(self) -> int:
        """How many streams the node has sent."""
        return self.node.log_text.count("live view of gate (large, fmp4) began")

    def ended(self) -> int:
        said = self.node.log_text.count("live view of gate (large, fmp4) ended")
        return said + self.cut

    def wait_quiet(self) -> None:
        """Until the node sends nothing."""
        stage.wait(lambda: self.ended() == self.begun(), WAIT_S, "the end of the stream")


def small(path: Path, film: Path) -> Path:
    """The film as the camera's small stream has it."""
    argv = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(film), "-vf",
            f"scale={SMALL[0]}:{SMALL[1]}", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0",
            "-g", "20", str(path)]  # fmt: skip
    subprocess.run(argv, check=True)
    return path


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """Packets of both cameras arrive."""
    folder = tmp_path_factory.mktemp("live")
    with contextlib.ExitStack() as stack:
        town = stack.enter_context(stage.stage(folder, has_tls=True))
        film = stage.walker(folder / "walker.mp4")
        camera = town.rtsp({"/gate": CameraStream(film, at_end="loop", joins="live")})
        pictures = stack.enter_context(MjpegCamera(steady(10_000, fps=10)))
        cameras = [
            stage.camera("gate", camera.url("/gate")), stage.camera("yard", pictures.url()),
            stage.camera("door", film, sub_source=str(small(folder / "small.mp4", film))),
        ]  # fmt: skip
        node = town.add_node(NODE, cameras)
        enrolments = {LIAR: town.enrol(LIAR)}
        traffic = town.traffic()
        town.hub.start_ready()
        node.start_ready()
        account = Account(LIAR, enrolments[LIAR].secret)
        liar = stack.enter_context(
            Publisher(LIAR, town.broker.address, account, hub_key=enrolments[LIAR].hub_key)
        )
        liar.connect()
        traffic.wait_for_count(lambda m: stage.is_record(m, "camera.found", NODE), 3, WAIT_S)
        yield Street(town, camera, node, traffic, film, liar, enrolments)


def pictures_of(packets: list[nal.CodedPacket]) -> list[tuple[bytes, ...]]:
    """The units of the pictures alone, for comparing with a file."""
    return [tuple(u for u in each.units if nal.is_picture(u, "h264")) for each in packets]


def test_a_viewer_gets_the_cameras_own_packets_from_a_keyframe_on(street: Street) -> None:
    """Byte for byte, in order and without a gap; every one of them can be decoded."""
    with Watcher(street.town, "gate") as viewer:
        assert viewer.answer["mime"] == 'video/mp4; codecs="avc1.42c016"'
        assert (viewer.answer["width"], viewer.answer["height"]) == (stage.WIDTH, stage.HEIGHT)
        packets = viewer.wait_for(40)
    assert packets[0].is_keyframe
    of_camera = pictures_of(nal.read_file(street.film))
    seen = pictures_of(packets)
    first = of_camera.index(seen[0])
    expected = (of_camera[first:] + of_camera * 20)[: len(seen)]
    assert seen == expected
    with av.open(io.BytesIO(viewer.data), mode="r", format="mp4") as container:
        assert sum(1 for _ in container.decode(video=0)) >= 40


def test_two_viewers_cost_the_node_one_upload_and_the_last_one_ends_it(street: Street) -> None:
    """The later one begins at a keyframe too; when both have left, the node stops."""
    street.wait_quiet()
    before = street.begun()
    with Watcher(street.town, "gate") as one:
        one.wait_for(5)
        with Watcher(street.town, "gate") as two:
            packets = two.wait_for(25)
            assert packets[0].is_keyframe
            assert street.begun() == before + 1
        count = len(one.packets())
        one.wait_for(count + 10)
        assert street.ended() == before
    street.wait_quiet()
    assert street.begun() == before + 1


def size_of(street: Street, camera: str) -> tuple[object, object]:
    """Of what a phone gets now."""
    with Watcher(street.town, camera, size="small") as viewer:
        return viewer.answer["width"], viewer.answer["height"]


def pictures_in(path: Path) -> int:
    """How many pictures of a film that is being written can be decoded."""
    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0))
    except (OSError, av.FFmpegError):
        return 0


def test_a_phone_gets_the_small_stream_of_a_camera_that_has_one(street: Street) -> None:
    """Its own packets as well, at a part of the bits, once the camera sends it."""
    stage.wait(lambda: size_of(street, "door") == SMALL, WAIT_S, "the small stream")
    with Watcher(street.town, "door", size="small") as small:
        assert (small.answer["width"], small.answer["height"]) == SMALL
        assert small.wait_for(10)[0].is_keyframe
    with Watcher(street.town, "door") as large:
        assert (large.answer["width"], large.answer["height"]) == (stage.WIDTH, stage.HEIGHT)


def test_a_motion_jpeg_camera_is_shown_by_its_own_pictures(street: Street) -> None:
    """As fragmented MP4 it is refused with a word, for there is nothing to pass through."""
    with pytest.raises(HubError) as caught, Watcher(street.town, "yard"):
        pass
    assert caught.value.word == "form"
    with Watcher(street.town, "yard", form="jpeg") as viewer:
        stage.wait(lambda: viewer.data.count(jpeg.START) >= 3, WAIT_S, "three pictures")
        assert viewer.answer["mime"] == "image/jpeg"
    first = viewer.data[: viewer.data.index(jpeg.END) + 2]
    assert jpeg.size(first) == (320, 240)


def test_a_viewer_without_the_codec_gets_a_picture_a_second(street: Street) -> None:
    """Decoded on the node, at most 1280 wide."""
    with Watcher(street.town, "gate", form="jpeg") as viewer:
        stage.wait(lambda: viewer.data.count(jpeg.START) >= 3, WAIT_S, "three pictures")
    first = viewer.data[: viewer.data.index(jpeg.END) + 2]
    assert jpeg.size(first) == (stage.WIDTH, stage.HEIGHT)


def test_a_camera_that_comes_back_is_seen_again_by_who_waited(street: Street) -> None:
    """The stream lives through the camera's absence and goes on with a keyframe, later."""
    with Watcher(street.town, "gate") as viewer:
        before = len(viewer.wait_for(5))
        street.camera.kill()
        street.traffic.wait_for(lambda m: stage.is_record(m, "camera.lost", NODE), WAIT_S)
        street.camera.start()
        stage.wait(lambda: viewer.data.count(b"ftyp") >= 2, WAIT_S, "a new init")
        at = viewer.data.rindex(b"ftyp") - 4
        stage.wait(lambda: len(viewer.data) > at + 20_000, WAIT_S, "packets behind it")
        assert not viewer.is_over
    again = io.BytesIO(viewer.data[at:])
    with av.open(again, mode="r", format="mp4") as container:
        stream = container.streams.video[0]
        packets = [each for each in container.demux(stream) if each.size]
    assert packets[0].is_keyframe
    assert packets[0].dts is not None
    assert float(packets[0].dts * packets[0].time_base) > before / stage.FPS / 2


def request(street: Street, path: str, secret: str, token: str, *, user: str = LIAR,
            body: bytes = b"") -> int:  # fmt: skip
    """The status of a node's request for a stream."""
    enrolment = street.enrolments[LIAR]
    context = ssl.create_default_context(cafile=str(enrolment.upload_ca_file))
    port = int(enrolment.upload_url.rsplit(":", 1)[1])
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=WAIT_S)
    try:
        login = b64encode(f"{user}:{secret}".encode()).decode()
        connection.request("POST", path, body, {
            "Authorization": f"Basic {login}", live.TOKEN_HEADER: token,
            "Content-Type": live.CONTENT_TYPE,
        })  # fmt: skip
        return connection.getresponse().status
    finally:
        connection.close()


def test_only_the_node_that_was_asked_may_bring_a_stream_and_only_once(street: Street) -> None:
    """Wrong id, token, password or node, and a second time: refused, and no viewer sees it."""
    wish = {"ask": "live", "node": LIAR, "camera": "gate", "form": "jpeg"}
    answers: list[object] = []

    def watch() -> None:
        with HubLine(street.town.hub.state_dir, wish) as line:
            answers.append(line.answer)
            answers.extend(line.blocks())

    watching = threading.Thread(target=watch)
    watching.start()
    street.liar.answer(street.liar.wait_for_command(commands.NONCE, WAIT_S))
    asked = street.liar.wait_for_command(commands.LIVE_START, WAIT_S)
    street.liar.answer(asked)
    assert asked.live is not None
    secret, token = street.enrolments[LIAR].secret, asked.live.token
    path = f"/{live.PATH}/{asked.stream}"
    node_secret = (street.town.hub.folder / f"{NODE}.secret").read_text(encoding="ascii").strip()
    head = Head(names.VERSION, "jpeg", "large", "image/jpeg", 4, 3)
    pieces = live.pack(Kind.HEAD, live.encode_head(head)) + live.pack(Kind.JPEG, b"a picture")
    assert request(street, path, "wrong", token, body=pieces) == 401
    assert request(street, path, node_secret, token, user=NODE, body=pieces) == 404
    assert request(street, path, secret, "0" * 32, body=pieces) == 404
    assert request(street, f"/{live.PATH}/{'0' * 32}", secret, token, body=pieces) == 404
    assert answers == []
    assert request(street, path, secret, token, body=pieces) == 200
    watching.join(WAIT_S)
    assert answers[1:] == [b"a picture"]
    assert request(street, path, secret, token, body=pieces) == 404


def test_a_node_that_dies_ends_its_viewers_and_one_that_returns_is_seen_again(
    street: Street,
) -> None:
    """Whoever watches is told by the end of the stream, and may ask again."""
    with Watcher(street.town, "gate") as viewer:
        viewer.wait_for(5)
        street.node.kill()
        street.cut += 1
        stage.wait(lambda: viewer.is_over, WAIT_S, "the end for the viewer")
    street.node.start_ready()
    stage.wait(lambda: stage.nodes(street.town.hub)[NODE]["state"] == "online", WAIT_S, "return")

    def is_seen() -> bool:
        with contextlib.suppress(HubError), Watcher(street.town, "gate") as again:
            return len(again.wait_for(5)) >= 5
        return False

    stage.wait(is_seen, WAIT_S, "the picture")


def test_a_hub_that_dies_leaves_the_node_recording(street: Street) -> None:
    """The node ends the stream by itself, goes on watching, and its events arrive afterwards."""
    with Watcher(street.town, "gate") as viewer:
        viewer.wait_for(5)
        street.town.hub.kill()
        stage.wait(lambda: viewer.is_over, WAIT_S, "the end for the viewer")
    street.wait_quiet()
    before = street.traffic.matching(lambda m: stage.is_record(m, "event.started", NODE))
    street.traffic.wait_for_count(
        lambda m: stage.is_record(m, "event.started", NODE), len(before) + 1, WAIT_S
    )
    street.town.hub.start_ready()
    stage.wait(
        lambda: stage.nodes(street.town.hub)[NODE]["missing_records"] == 0, WAIT_S, "records"
    )
    assert street.node.is_running
    assert "Traceback" not in street.node.log_text


def test_the_command_line_writes_a_film_until_it_is_stopped(street: Street, tmp_path: Path) -> None:
    """The same bytes, into a file; with a word on what they are."""
    path = tmp_path / "live.mp4"
    with street.town.hub.running("live", f"{NODE}/gate", "-o", str(path)) as process:
        stage.wait(lambda: pictures_in(path) > 5, WAIT_S, "a film")
        process.terminate()
    assert pictures_in(path) > 5
    street.wait_quiet()
