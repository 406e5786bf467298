"""An RTSP camera: GStreamer's RTSP server paying recordings into RTP without touching their bytes.

A child process of `rtsp_camera`, run by the system's Python. It reads one JSON document with its
settings from standard input, then one command a line, and ends when standard input does. On
standard output it writes one JSON object a line about what happens; `rtsp_camera` says which.
"""

from __future__ import annotations

import functools
import json
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.harness.gst import GLib, GObject, Gst, GstRtsp, GstRtspServer
from tests.harness.gst_feed import Feeder
from tests.harness.gst_samples import Track, UnservableError, read_pipeline, read_tracks

HOST = "127.0.0.1"
LEAVE_AFTER_MS = 500
NTP_FROM_CLOCK_TIME = 3  # rtpbin's ntp-time-source: sender reports follow the media's own clock
TRANSPORTS = {"tcp": GstRtsp.RTSPLowerTrans.TCP, "udp": GstRtsp.RTSPLowerTrans.UDP}
AUTH_METHODS = {"basic": GstRtsp.RTSPAuthMethod.BASIC, "digest": GstRtsp.RTSPAuthMethod.DIGEST}
TO_MEMORY = "appsink name=sink sync=false async=false"
MADE = {
    "mjpeg:": "videotestsrc num-buffers=300 ! video/x-raw,format=I420 ! jpegenc"
    f" ! image/jpeg,width=320,height=240,framerate=15/1 ! {TO_MEMORY}",
    "audio:": "audiotestsrc num-buffers=500 samplesperbuffer=160 ! mulawenc"
    f" ! audio/x-mulaw,rate=8000,channels=1 ! {TO_MEMORY}",
}


def say(**event: object) -> None:
    """Tell the parent process what happened."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


class Stream(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]
    """One mounted stream: makes the media of each client that asks for it."""

    def __init__(self, camera: Camera, path: str, settings: dict[str, Any]) -> None:
        super().__init__()
        self._camera = camera
        self.path = path
        self.at_end = str(settings["at_end"])
        self._settings = settings
        self._tracks = _tracks(settings)
        self._began_mono_s: float | None = None
        self.set_protocols(_combined(TRANSPORTS, settings["transports"]))
        if settings["speed"] != 1:
            self.set_clock(_fast_clock(settings["speed"]))
        self.set_address_pool(_address_pool())
        self.connect("media-configure", self._on_configure)

    def do_create_element(self, _url: Any) -> Any:
        """One appsrc and one payloader for each track, named as the server expects."""
        parts = []
        for number, track in enumerate(self._tracks):
            sets = ""
            if track.payloader in ("rtph264pay", "rtph265pay"):
                sets = f"config-interval={self._settings['config_interval']}"
            parts.append(
                f"appsrc name=source{number} format=time"
                f" ! {track.payloader} name=pay{number} pt={96 + number} {sets}"
            )
        return Gst.parse_launch(f"( {' '.join(parts)} )")

    def _on_configure(self, _factory: Any, media: Any) -> None:
        """Fill a new client's appsrcs from where it joins the recording."""
        media.connect("prepared", _follow_clock)
        element = media.get_element()
        first_ns = self._join_ns()
        ended: set[int] = set()

        def on_end(number: int) -> None:
            ended.add(number)
            if len(ended) == len(self._tracks):
                GLib.idle_add(self._camera.end, self, media)

        for number, track in enumerate(self._tracks):
            Feeder(
                element.get_by_name(f"source{number}"),
                element.get_by_name(f"pay{number}"),
                track.from_time(first_ns, self._tracks[0]),
                loop_ns=self._tracks[0].duration_ns if self.at_end == "loop" else None,
                passes_eos=self.at_end == "bye",
                on_end=functools.partial(on_end, number),
            )

    def note_play(self) -> None:
        """The first client to play starts the recording's clock for those who join later."""
        if self._began_mono_s is None:
            self._began_mono_s = time.monotonic()

    def _join_ns(self) -> int:
        if self._settings["joins"] == "start" or self._began_mono_s is None:
            return 0
        elapsed_ns = (time.monotonic() - self._began_mono_s) * 1e9 * self._settings["speed"]
        return int(elapsed_ns)


class Camera:
    """The RTSP server with its streams and its clients. Everything runs in the main loop."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._loop = GLib.MainLoop()
        self._clients: list[Any] = []
        self._playing: dict[Any, Any] = {}
        self._server = GstRtspServer.RTSPServer()
        self._server.set_address(HOST)
        self._server.set_service(str(settings["port"]))
        self._mounts = self._server.get_mount_points()
        self._streams = {
            path: Stream(self, path, stream) for path, stream in settings["streams"].items()
        }
        if settings["user"]:
            self._server.set_auth(_auth(settings, self._streams.values()))
        for path, stream in self._streams.items():
            self._mounts.add_factory(path, stream)
        self._server.connect("client-connected", self._on_client)

    def run(self) -> None:
        """Serve until standard input ends or says so."""
        if self._server.attach(None) == 0:
            raise UnservableError("the port is taken")
        say(event="ready", port=self._server.get_bound_port())
        threading.Thread(target=self._read_commands, name="commands", daemon=True).start()
        self._loop.run()

    def end(self, stream: Stream, media: Any) -> None:
        """A client has been sent the whole recording."""
        self._mounts.remove_factory(stream.path)
        say(event="end", path=stream.path)
        # GStreamer's sender threads may hold the last packets still; leaving at once drops them.
        GLib.timeout_add(LEAVE_AFTER_MS, self._leave, stream, media)

    def _leave(self, stream: Stream, media: Any) -> None:
        if stream.at_end == "refuse":
            self._loop.quit()
        if stream.at_end == "close" and media in self._playing:
            self._playing[media].close()

    def _on_client(self, _server: Any, client: Any) -> None:
        self._clients.append(client)
        client.connect("play-request", self._on_play)
        client.connect("closed", self._on_closed)
        say(event="connected", clients=len(self._clients))

    def _on_play(self, client: Any, context: Any) -> None:
        stream = self._streams.get(context.uri.abspath.rstrip("/"))
        if stream is not None:
            self._playing[context.media] = client
            stream.note_play()
            say(event="play", path=stream.path)

    def _on_closed(self, client: Any) -> None:
        if client in self._clients:
            self._clients.remove(client)
        self._playing = {media: each for media, each in self._playing.items() if each != client}
        say(event="disconnected", clients=len(self._clients))

    def _read_commands(self) -> None:
        for line in sys.stdin:
            if line.strip() == "hang up":
                GLib.idle_add(self._hang_up)
        GLib.idle_add(self._loop.quit)

    def _hang_up(self) -> None:
        for client in list(self._clients):
            client.close()


def _tracks(settings: dict[str, Any]) -> list[Track]:
    source = settings["source"]
    if source in MADE:
        return [read_pipeline(MADE[source])]
    tracks = read_tracks(Path(source))
    tracks = [track for track in tracks if track.is_video or settings["has_audio"]]
    for track in tracks:
        _ = track.payloader
    return tracks


def _combined(table: dict[str, Any], names: list[str]) -> Any:
    flags = table[names[0]]
    for name in names[1:]:
        flags |= table[name]
    return flags


def _fast_clock(speed: float) -> Any:
    """A clock that runs `speed` times as fast as time, so that PTS stay media time."""
    clock = GObject.new(Gst.SystemClock.__gtype__, name="fast")
    internal_ns = clock.get_internal_time()
    clock.set_calibration(internal_ns, internal_ns, round(speed * 1000), 1000)
    return clock


def _follow_clock(media: Any) -> None:
    """Let RTCP sender reports tell the media's own clock, so that they agree with its PTS."""
    for element in media.get_element().get_parent().children:
        if element.get_factory().get_name() == "rtpbin":
            element.set_property("ntp-time-source", NTP_FROM_CLOCK_TIME)


def _address_pool() -> Any:
    """UDP ports on the loopback only; without a pool the server would bind every address."""
    pool = GstRtspServer.RTSPAddressPool()
    first = random.randrange(20_000, 50_000, 2)
    pool.add_range(HOST, HOST, first, first + 2000, 0)
    return pool


def _auth(settings: dict[str, Any], streams: Any) -> Any:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    user, password = settings["user"], settings["password"]
    auth.set_supported_methods(_combined(AUTH_METHODS, settings["schemes"]))
    if "basic" in settings["schemes"]:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    if "digest" in settings["schemes"]:
        auth.add_digest(user, password, token)
    for stream in streams:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        stream.set_permissions(permissions)
    return auth


def main() -> int:
    """Serve what standard input says; exit status 2 for what cannot be served."""
    settings = json.loads(sys.stdin.readline())
    Gst.init(None)
    try:
        Camera(settings).run()
    except UnservableError as err:
        say(event="error", message=str(err))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
