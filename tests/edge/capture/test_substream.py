"""Finding a camera's small stream, and choosing it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from edge.capture import substream
from edge.capture.onvif import Profile
from edge.capture.probe import probe
from edge.capture.substream import SubReport
from edge.config.camera import CameraSettings
from tests.edge.capture.recordings import Take, make_recording
from tests.harness.broker import free_port
from tests.harness.child import Child
from tests.harness.onvif_camera import OnvifCamera, Stream
from tests.harness.plugin import CameraFactory
from tests.harness.processes import run_command
from tests.harness.rtsp_camera import CameraStream, Login, RtspCamera

SECRET = "open sesame"
LOGIN = Login("viewer", SECRET)
CHANNELS = "/Streaming/Channels/"
MAIN, SUB = f"{CHANNELS}101", f"{CHANNELS}102"


def take(width: int, height: int, fps: int = 10) -> Take:
    return Take(fps=fps, gop=fps, frames=15 * fps, width=width, height=height)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The main picture, and small ones that fit and do not."""
    folder = tmp_path_factory.mktemp("films")
    takes = {
        "main": take(1280, 720), "sub": take(640, 360), "tiny": take(256, 144),
        "slow": take(640, 360, 2), "square": take(480, 480),
    }  # fmt: skip
    return {name: make_recording(folder / f"{name}.mp4", each) for name, each in takes.items()}


def settings(camera: RtspCamera, path: str, tmp_path: Path) -> CameraSettings:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text(SECRET, encoding="ascii")
    url = camera.url(path, has_login=False)
    return CameraSettings("gate", url, user="viewer", password_file=str(secret))


def searched(settings: CameraSettings, *, port: int | None = None) -> SubReport:
    """What is found beside a camera's stream; nothing answers by ONVIF without a port."""
    main = probe(settings, seconds=1, patience=1)
    return substream.search(settings, main, ports=(port or free_port(),))


def stream(film: Path) -> CameraStream:
    return CameraStream(film, at_end="loop")


def profile(source: str, path: str, width: int | None = None) -> Profile:
    return Profile("x", source, width, width, urlsplit(f"rtsp://192.0.2.9{path}"))


@pytest.mark.system
def test_streams_that_the_camera_names_are_opened_and_the_smallest_is_chosen(
    rtsp_camera: CameraFactory, films: dict[str, Path], tmp_path: Path
) -> None:
    """One too narrow, one too slow, one of another shape, one that is not there, one that fits."""
    names = ("main", "sub", "tiny", "slow", "square")
    camera = rtsp_camera({f"/{name}": stream(films[name]) for name in names}, LOGIN)
    host = f"rtsp://192.0.2.99:{camera.port}"
    named = [
        Stream(f"{host}/main", 1280, 720), Stream(f"{host}/tiny", 256, 144),
        Stream(f"{host}/slow", 640, 360), Stream(f"{host}/square", 480, 480),
        Stream(f"{host}/gone", 320, 180), Stream("rtsp://a:b@192.0.2.99:1/sub", 640, 360),
    ]  # fmt: skip
    with OnvifCamera(named, auth="token", password=SECRET) as onvif:
        found = searched(settings(camera, "/main", tmp_path), port=onvif.port)
    assert onvif.failed_logins == 0
    assert found.sub_source == camera.url("/sub", has_login=False)
    sizes = {urlsplit(each.address).path: (each.width, each.fps) for each in found.streams}
    assert sizes == {
        "/tiny": (256, 10), "/slow": (640, 2), "/square": (480, 10), "/gone": (None, None),
        "/sub": (640, 10),
    }  # fmt: skip
    assert SECRET not in "\n".join(found.lines())
    assert found.lines()[-1] == f"settings     sub_source: {found.sub_source}"


@pytest.mark.system
def test_without_onvif_the_makers_custom_is_tried(
    rtsp_camera: CameraFactory, films: dict[str, Path], tmp_path: Path
) -> None:
    """What a guess names is believed once it was seen."""
    camera = rtsp_camera({MAIN: stream(films["main"]), SUB: stream(films["sub"])}, LOGIN)
    found = searched(settings(camera, MAIN, tmp_path))
    assert found.sub_source == camera.url(SUB, has_login=False)
    (seen,) = found.streams
    assert (seen.found_by, seen.codec, seen.width, seen.height) == ("path", "h264", 640, 360)
    assert any("does not answer by ONVIF" in remark for remark in found.remarks)


@pytest.mark.system
def test_a_stream_of_another_shape_is_named_but_not_chosen(
    rtsp_camera: CameraFactory, films: dict[str, Path], tmp_path: Path
) -> None:
    """Zones are drawn on the main picture."""
    camera = rtsp_camera({MAIN: stream(films["main"]), SUB: stream(films["square"])}, LOGIN)
    found = searched(settings(camera, MAIN, tmp_path))
    assert found.sub_source is None
    assert any("zones would not match" in line for line in found.lines())


@pytest.mark.system
def test_nothing_is_found_where_nothing_is(
    rtsp_camera: CameraFactory, films: dict[str, Path], tmp_path: Path
) -> None:
    """A guess that the camera does not know is reported as such."""
    camera = rtsp_camera({MAIN: stream(films["main"])}, LOGIN)
    found = searched(settings(camera, MAIN, tmp_path))
    assert found.sub_source is None
    assert (found.streams[0].problem or "").startswith("not_found")
    assert any("switched on" in line for line in found.lines())


@pytest.mark.system
def test_a_login_that_onvif_refuses_ends_the_search(
    rtsp_camera: CameraFactory, films: dict[str, Path], tmp_path: Path
) -> None:
    """ONVIF users are often others; a second failure could lock the account that works."""
    camera = rtsp_camera({MAIN: stream(films["main"]), SUB: stream(films["sub"])}, LOGIN)
    with OnvifCamera(auth="token", password="another") as onvif:
        found = searched(settings(camera, MAIN, tmp_path), port=onvif.port)
    assert onvif.failed_logins == 1
    assert (found.sub_source, found.streams) == (None, [])
    said = "\n".join(found.lines())
    assert f"not tried, but usual: {camera.url(SUB, has_login=False)}" in said
    assert SECRET not in said


@pytest.mark.system
def test_a_camera_that_wants_a_login_for_onvif_alone_is_searched_by_custom(
    rtsp_camera: CameraFactory, films: dict[str, Path]
) -> None:
    """Without a login none fails, so nothing is in the way."""
    camera = rtsp_camera({MAIN: stream(films["main"]), SUB: stream(films["sub"])})
    with OnvifCamera(auth="token", password=SECRET) as onvif:
        found = searched(CameraSettings("gate", camera.url(MAIN)), port=onvif.port)
    assert found.sub_source == camera.url(SUB)
    assert any("asks for a login by ONVIF" in remark for remark in found.remarks)


@pytest.mark.system
def test_a_stream_that_refuses_the_login_ends_the_search(
    rtsp_camera: CameraFactory, films: dict[str, Path], tmp_path: Path
) -> None:
    """Another port of the camera with another login: one attempt, and no more."""
    camera = rtsp_camera({MAIN: stream(films["main"]), SUB: stream(films["sub"])}, LOGIN)
    other = rtsp_camera({"/a": stream(films["sub"])}, Login("viewer", "another"))
    named = [Stream(f"rtsp://127.0.0.1:{other.port}/{name}", 640, 360) for name in ("a", "b")]
    with OnvifCamera(named) as onvif:
        found = searched(settings(camera, MAIN, tmp_path), port=onvif.port)
    assert found.sub_source is None
    assert [(each.problem or "").split(":")[0] for each in found.streams] == ["unauthorised"]


@pytest.fixture
def ipycam(
    rtsp_camera: CameraFactory, films: dict[str, Path], tmp_path: Path
) -> Iterator[tuple[RtspCamera, int]]:
    """ipycam's ONVIF services before a real RTSP server; that one and their port."""
    streams = {"/video_main": stream(films["main"]), "/video_sub": stream(films["sub"])}
    camera = rtsp_camera(streams, LOGIN)
    names = (str(camera.port), "video_main", "video_sub", "viewer", SECRET)
    argv = [sys.executable, "-m", "tests.harness.onvif_ipycam", *names]
    child = Child("ipycam", argv, tmp_path, has_pipes=True)
    child.start()
    try:
        assert child.process.stdout is not None
        yield camera, int(child.process.stdout.readline())
    finally:
        child.stop()


@pytest.mark.system
def test_it_agrees_with_ipycam(ipycam: tuple[RtspCamera, int], tmp_path: Path) -> None:
    """A camera's services as others understood the specification, with its login."""
    camera, port = ipycam
    found = searched(settings(camera, "/video_main", tmp_path), port=port)
    assert found.sub_source == camera.url("/video_sub", has_login=False)
    assert [each.found_by for each in found.streams] == ["onvif"]


@pytest.mark.system
def test_the_command_prints_the_line_for_the_settings(
    rtsp_camera: CameraFactory, films: dict[str, Path], tmp_path: Path
) -> None:
    """For people, for programs, and not at all where unwanted; never with the login."""
    camera = rtsp_camera({"/main": stream(films["main"]), "/sub": stream(films["sub"])}, LOGIN)
    named = [Stream(camera.url(path, has_login=False), 640, 360) for path in ("/main", "/sub")]
    with OnvifCamera(named, auth="digest", password=SECRET) as onvif:
        given = ["probe", camera.url(), "--seconds", "1", "--onvif-port", str(onvif.port)]
        people, programs, unwanted = (
            run_command("edge.cli", [*given, *more]) for more in ([], ["--json"], ["--no-sub"])
        )
        asked = onvif.requests.count("GetProfiles")
    assert [each.returncode for each in (people, programs, unwanted)] == [0, 0, 0]
    line = f"sub_source: {camera.url('/sub', has_login=False)}"
    assert people.stdout.endswith(f"settings     {line}\n")
    assert f"sub_source: {json.loads(programs.stdout)['sub']['sub_source']}" == line
    assert "sub_source" not in unwanted.stdout
    assert asked == 4  # twice, each without the login first
    for each in (people, programs, unwanted):
        assert "sesame" not in each.stdout + each.stderr


def test_another_cameras_stream_is_never_taken() -> None:
    """A recorder names those of all its cameras; which is which, it says by their video source."""
    main = urlsplit("rtsp://viewer@192.0.2.9/cam/realmonitor?channel=2&subtype=0")
    listed = [
        profile(
            f"source-{channel}", f"/cam/realmonitor?channel={channel}&subtype={sub}&proto=Onvif"
        )
        for channel in (1, 2, 3)
        for sub in (0, 1)
    ]
    assert substream.of_same_camera(listed, main) == listed[2:4]
    elsewhere = urlsplit("rtsp://192.0.2.9/live")
    assert substream.of_same_camera(listed, elsewhere) == []
    assert substream.of_same_camera(listed[:2], elsewhere) == listed[:2]


def test_the_smallest_profile_is_tried_first() -> None:
    """Only so many are opened; one whose size is unsaid comes last."""
    listed = [profile("a", f"/{width}", width) for width in (None, 800, 640)]
    ordered = substream.of_same_camera(listed, urlsplit("rtsp://192.0.2.9/main"))
    assert [each.width for each in ordered] == [640, 800, None]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://u:p@h/a", "rtsp://h/a"),
        ("rtsp://u:p%40@h:1/a?b=c", "rtsp://h:1/a?b=c"),
        ("rtsp://h/a?user=u&password=p&c=1", "rtsp://h/a?user=u&password=***&c=1"),
        ("rtsp://h/user=u_password=p_q_channel=1_stream=1.sdp?real_stream",
         "rtsp://h/user=u_password=***_channel=1_stream=1.sdp?real_stream"),
        ("rtsp://h/user=u&password=p&channel=1", "rtsp://h/user=u&password=***&channel=1"),
    ],
)  # fmt: skip
def test_no_password_is_shown(url: str, shown: str) -> None:
    """Wherever makers put it."""
    assert substream.printable(urlsplit(url)) == shown


def test_the_report_is_lines_and_json() -> None:
    """The same facts for people and for programs."""
    found = SubReport(
        "rtsp://h/sub",
        [substream.SubStream("rtsp://h/sub", "onvif", "hevc", 640, 360, 12.5, 300_400.0)],
        ["a remark"],
    )
    assert found.lines() == [
        "sub stream   rtsp://h/sub: H.265, 640x360, 12.5 a second, 300 kbit/s",
        "             a remark",
        "settings     sub_source: rtsp://h/sub",
    ]
    assert found.to_json()["streams"] == [dataclasses.asdict(found.streams[0])]


def test_a_running_node_loads_none_of_it() -> None:
    """Neither the search nor an XML parser."""
    code = "import sys, edge.agent; print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = run.stdout.split()
    assert "edge.capture.rtsp" in loaded
    unwanted = {"edge.capture.onvif", "edge.capture.soap", "edge.capture.substream", "pyexpat"}
    assert not unwanted & set(loaded)
