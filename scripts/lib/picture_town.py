"""The small ward that the console's pictures show: a real broker, hub and two nodes, all here.

All its cameras see the synthetic street; one of them gets covered, one does not answer. Nobody real
is in the pictures. Used as a context manager: leaving it stops everything.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from edge.base.clock import SKEW_ENV
from edge.capture.street import Street
from tests.harness.broker import Broker, free_port
from tests.harness.child import HarnessError
from tests.harness.credentials import Authority
from tests.harness.processes import HubProcess, NodeProcess, Settings, enrol

WIDTH, HEIGHT, FPS = 640, 360, 8
OPEN_S, COVERED_S = 80, 25
CLOTH_Y, CLOTH_NOISE = 38, 2.0  # luma of a dark cloth before the lens
HUB_SETTINGS = {"time_zone": "Asia/Ho_Chi_Minh"}
MOTION = {"quiet_s": 2}
CLIPS = {"pre_roll_s": 3, "post_roll_s": 3}
ZONES = [
    {"name": "via-he", "points": [[0, 0.86], [1, 0.86], [1, 1], [0, 1]]},
    {"name": "long-duong", "points": [[0, 0.6], [1, 0.6], [1, 0.86], [0, 0.86]]},
]
AREAS = (
    ("Phường Liên Chiểu", "lien-chieu", "town", None),
    ("Tổ dân phố 5", "to-5", "group", "lien-chieu"),
    ("Tổ dân phố 6", "to-6", "group", "lien-chieu"),
)
ORGANISATIONS = (
    ("Công an phường Liên Chiểu", "cong-an", "agency", "Trực ban", "0236 000 0113"),
    ("Trường Tiểu học Lê Văn Tám", "le-van-tam", "school", "Bảo vệ", "0236 000 0105"),
)


@dataclass(frozen=True)
class Place:
    """A camera and where it hangs; `seed` gives it a street of its own."""

    node: str
    camera: str
    title: str
    area: str
    organisation: str
    at: str
    seed: int

    @property
    def path(self) -> str:
        """As commands name it."""
        return f"{self.node}/{self.camera}"


PLACES = (
    Place("gate-3", "entrance", "Cổng số 3, lối vào", "to-5", "cong-an", "0.24,0.62", 3),
    Place("gate-3", "road", "Đường Đào Duy Anh", "to-5", "cong-an", "0.45,0.45", 11),
    Place("market-1", "stalls", "Chợ phường, dãy B", "to-6", "cong-an", "0.70,0.30", 23),
    Place("market-1", "school", "Sân Trường Lê Văn Tám", "to-6", "le-van-tam", "0.80,0.74", 0),
)


class PictureTown:
    """The ward. `hub` answers for it."""

    def __init__(self, folder: Path) -> None:
        """`folder` takes everything that is made."""
        self._folder = folder
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> PictureTown:
        with contextlib.ExitStack() as stack:
            broker = Broker(self._folder / "broker")
            stack.callback(broker.stop)
            broker.start()
            authority = Authority(self._folder / "tls")
            self.hub = HubProcess(
                self._folder / "hub", broker.address, free_port(),
                authority=authority, more=HUB_SETTINGS,
            )  # fmt: skip
            stack.callback(self.hub.stop)
            enrolments = {node: enrol(self.hub, broker, node) for node in nodes()}
            self.hub.start_until(lambda: "hub ready" in self.hub.log_text)
            sources = self._sources()
            clock = self._folder / "clock"
            clock.write_text("0 synced", encoding="ascii")  # this machine may know no time server
            self._nodes: dict[str, NodeProcess] = {}
            for node, enrolment in enrolments.items():
                cameras = [camera_settings(each, sources) for each in PLACES if each.node == node]
                process = NodeProcess(node, self._folder / node, enrolment, cameras)
                stack.callback(process.stop)
                process.set_variable(SKEW_ENV, str(clock))
                process.start()
                self._nodes[node] = process
            self._register()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def send_traces(self, node: str) -> None:
        """Have a node send what it saw: a segment is complete an hour later, or when it stops."""
        self._nodes[node].stop()
        self._nodes[node].start()
        wait_for(lambda: any((self._folder / "hub").rglob(f"{node}/*/*.trace")), 120)

    def events(self, *arguments: str) -> list[dict[str, object]]:
        """What `camwatch-hub query --json` says, newest first."""
        told = self.hub.command("query", "--json", *arguments).stdout
        return [json.loads(line) for line in told.splitlines()]

    def command(self, *arguments: str) -> str:
        """Have the hub's command do it; what it prints. Raises HarnessError."""
        done = self.hub.command(*arguments)
        if done.returncode != 0:
            raise HarnessError(f"camwatch-hub {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def _sources(self) -> Mapping[str, Settings]:
        """Where cameras are not simply the street: one that is covered, one that is not there."""
        covered = self._folder / "stalls.mp4"
        write_covered(covered)
        return {
            "stalls": {"source": str(covered), "loop": True},
            "school": {"source": f"rtsp://127.0.0.1:{free_port()}/stream"},
        }

    def _register(self) -> None:
        for name, code, kind, under in AREAS:
            below = () if under is None else ("--under", under)
            self.command("area", "add", name, "--code", code, "--kind", kind, *below)
        for name, code, kind, contact, phone in ORGANISATIONS:
            self.command(
                "organisation", "add", name, "--code", code, "--type", kind,
                "--contact", contact, "--phone", phone,
            )  # fmt: skip
        picture = self._folder / "plan.png"
        draw_plan(picture)
        self.command("plan", "put", str(picture), "--code", "phuong", "--name", AREAS[0][0])
        wait_for(lambda: len(self.command("camera", "list").splitlines()) > len(PLACES), 120)
        for place in PLACES:
            self.command(
                "camera", "place", place.path, "--area", place.area, "--title", place.title,
                "--organisation", place.organisation, "--plan", "phuong", "--at", place.at,
            )  # fmt: skip

    def invite(self, name: str, full_name: str, role: str) -> str:
        """Add a user; the path of the link where a password is chosen."""
        told = self.command("user", "add", name, "--full-name", full_name, "--role", role)
        return "/welcome/" + told.partition("/welcome/")[2].split()[0]


def nodes() -> list[str]:
    """Their names, in order."""
    return list(dict.fromkeys(place.node for place in PLACES))


def camera_settings(place: Place, sources: Mapping[str, Settings]) -> Settings:
    """What its node's settings say of one camera."""
    street = f"synthetic:?width={WIDTH}&height={HEIGHT}&fps={FPS}&seed={place.seed}"
    source = sources.get(place.camera, {"source": street})
    motion = MOTION | ({"zones": ZONES} if place.camera == "entrance" else {})
    return {"name": place.camera, **source, "motion": motion, "clips": CLIPS}


def wait_for(is_done: Callable[[], bool], limit_s: float) -> None:
    """Until it is. Raises HarnessError after so long."""
    end_s = time.monotonic() + limit_s
    while not is_done():
        if time.monotonic() > end_s:
            raise HarnessError(f"the town is not ready after {limit_s:.0f} s")
        time.sleep(1)


def write_covered(path: Path) -> None:
    """A recording of the street over which somebody hangs a dark cloth."""
    street = Street(WIDTH, HEIGHT, FPS, 23)
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = 2 * FPS
        for number in range((OPEN_S + COVERED_S) * FPS):
            planes = street.frame(number)
            if number >= OPEN_S * FPS:
                planes = np.full_like(planes, 128)
                cloth = rng.normal(CLOTH_Y, CLOTH_NOISE, (HEIGHT, WIDTH))
                planes[:HEIGHT] = cloth.clip(16, 235).astype(np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        file.mux(stream.encode(None))


def draw_plan(path: Path) -> None:
    """A plain plan of the ward: two streets, houses, a market and a school yard."""
    plan: npt.NDArray[np.uint8] = np.full((600, 960, 3), (232, 238, 240), np.uint8)
    cv2.rectangle(plan, (0, 240), (960, 300), (255, 255, 255), -1)
    cv2.rectangle(plan, (400, 0), (460, 600), (255, 255, 255), -1)
    cv2.line(plan, (0, 270), (960, 270), (190, 200, 205), 2)
    cv2.line(plan, (430, 0), (430, 600), (190, 200, 205), 2)
    for left in range(20, 380, 72):
        for top in (30, 120, 330, 450):
            cv2.rectangle(plan, (left, top), (left + 52, top + 70), (190, 205, 222), -1)
    for top in (30, 80, 130, 180):
        cv2.rectangle(plan, (520, top), (900, top + 30), (175, 215, 200), -1)
    cv2.rectangle(plan, (520, 340), (900, 560), (215, 225, 190), -1)
    cv2.rectangle(plan, (560, 380), (640, 520), (150, 165, 205), -1)
    cv2.imwrite(str(path), plan)
