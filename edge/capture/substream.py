"""Finds a camera's small stream beside its main one, for `camwatch-edge probe`; never for a node.

The camera is asked by ONVIF; where it does not answer, the addresses that its maker's custom gives
are tried. Each is opened and watched for a moment before it is reported. A login that is refused
once ends the search: cameras lock accounts. No login is sent to another host than the main
stream's, and none is in what is returned.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

from edge.base.logs import redact
from edge.capture import onvif, vendor_paths
from edge.capture.errors import CaptureError, OpenError
from edge.capture.login import Login
from edge.capture.onvif import Device, Profile
from edge.capture.probe import CODEC_NAMES, ProbeReport, probe
from edge.config.camera import CameraSettings

SECONDS = 2.0
MAX_OPENED = 5
STALL_TIMEOUT_S = 5.0
MIN_WIDTH = 320  # pixels: what the detector looks at
MIN_FPS = 5.0  # the rate at which the detector looks
SAME_SHAPE = 0.1  # of the main stream's width over height
# As in rtsp://cam/user=admin_password=tlJwpbo6_channel=1_stream=1.sdp, XM's custom.
_PATH_SECRET = re.compile(
    r"(?i)((?:^|[/_?&;])(?:passw(?:or)?d|pass|pwd)=).*?(?=_channel=|_stream=|[?&;]|$)"
)

FoundBy = Literal["onvif", "path"]


@dataclass(frozen=True)
class SubStream:
    """One stream beside the main one; sizes in pixels. `problem` says why it was not watched."""

    address: str
    found_by: FoundBy
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    bits_per_s: float | None = None
    problem: str | None = None

    def line(self) -> str:
        """For people."""
        if self.codec is None:
            return f"{self.address}: {self.problem}"
        rate = "" if self.fps is None else f", {self.fps:g} a second"
        kbps = "" if self.bits_per_s is None else f", {self.bits_per_s / 1000:.0f} kbit/s"
        codec = CODEC_NAMES[self.codec]
        return f"{self.address}: {codec}, {self.width}x{self.height}{rate}{kbps}"


@dataclass
class SubReport:
    """What the search found. `sub_source` is None where no stream fits."""

    sub_source: str | None = None
    streams: list[SubStream] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For people, one thing a line, the line for the settings last."""
        rows = [("sub stream", each.line()) for each in self.streams]
        rows += [("", remark) for remark in self.remarks]
        if self.sub_source:
            rows.append(("settings", f"sub_source: {self.sub_source}"))
        return [f"{name:<13}{text}" for name, text in rows]

    def to_json(self) -> dict[str, object]:
        """The same as plain values."""
        return dataclasses.asdict(self)


def search(
    settings: CameraSettings, main: ProbeReport, *, ports: Sequence[int] = onvif.PORTS
) -> SubReport:
    """Look for a small stream beside `main`, an RTSP camera's. Blocks; raises nothing of its own.

    Takes up to some twenty seconds: a call for each port and profile, and MAX_OPENED openings.
    """
    found = _Search(settings, main)
    try:
        found.run(ports)
    except CaptureError as err:
        found.report.remarks.append(f"the search ended: {err.detail}")
    return found.report


class _Search:
    def __init__(self, settings: CameraSettings, main: ProbeReport) -> None:
        self.report = SubReport()
        self._settings = settings
        self._main = main
        self._url = urlsplit(settings.source)
        self._tried: set[SplitResult] = {_bare(self._url)}

    def run(self, ports: Sequence[int]) -> None:
        """Ask, try, choose. Raises CaptureError where the search had to end early."""
        try:
            self._try(self._by_onvif(ports), "onvif")
            if _best(self._main, self.report.streams) is None:
                guesses = vendor_paths.guesses(self._url, self._main.width, self._main.height)
                self._try(guesses, "path")
        finally:
            self._choose()

    def _by_onvif(self, ports: Sequence[int]) -> Iterator[SplitResult]:
        """The addresses of this camera's other streams, smallest first."""
        device: Device | None = None
        try:
            host = self._url.hostname or ""
            device = onvif.find(host, ports, *_login(self._settings, self._url))
            profiles = device.profiles()
        except OpenError as err:
            self.report.remarks.append(f"{err.detail}{f' ({err.hint})' if err.hint else ''}")
            if device and device.is_refused:
                self._remark_untried()
                raise OpenError("unauthorised", "another try could lock the account") from err
            return
        for profile in of_same_camera(profiles, self._url):
            if self._may_be_smaller(profile):
                yield self._here(profile.url)

    def _may_be_smaller(self, profile: Profile) -> bool:
        """By what the camera says of it, which need not be true."""
        if not profile.width or not profile.height:
            return True
        return profile.width * profile.height < self._main.width * self._main.height

    def _here(self, url: SplitResult) -> SplitResult:
        """An address that the camera names, on the host that was given, without its login.

        Behind NAT a camera knows neither its host nor its port as they are from here.
        """
        netloc = self._url.netloc.rpartition("@")[2]
        if url.hostname == self._url.hostname and url.port != self._url.port:
            netloc = url.netloc.rpartition("@")[2]
        return url._replace(scheme=self._url.scheme, netloc=netloc, fragment="")

    def _try(self, urls: Sequence[SplitResult] | Iterator[SplitResult], found_by: FoundBy) -> None:
        for url in urls:
            bare = _bare(url)
            if bare not in self._tried and len(self._tried) <= MAX_OPENED:
                self._tried.add(bare)
                self._watch(bare, found_by)

    def _watch(self, url: SplitResult, found_by: FoundBy) -> None:
        """Open one for a moment and report it. Raises OpenError where the login is refused."""
        userinfo, at, _ = self._url.netloc.rpartition("@")
        source = urlunsplit(url._replace(netloc=f"{userinfo}{at}{url.netloc}"))
        address = printable(url)
        try:
            settings = CameraSettings(
                self._settings.name,
                source,
                user=self._settings.user,
                password_file=self._settings.password_file,
                transport=self._settings.transport,
                stall_timeout_s=STALL_TIMEOUT_S,
            )
            seen = probe(settings, seconds=SECONDS, patience=1)
        except ValueError:  # an address that the camera made up and no source can be made of
            return
        except CaptureError as err:
            self.report.streams.append(SubStream(address, found_by, problem=str(err)))
            if err.reason == "unauthorised":
                raise
            return
        fps = seen.measured_fps or seen.declared_fps
        self.report.streams.append(
            SubStream(address, found_by, seen.codec, seen.width, seen.height, fps, seen.bits_per_s)
        )

    def _remark_untried(self) -> None:
        for guess in vendor_paths.guesses(self._url, self._main.width, self._main.height):
            self.report.remarks.append(f"not tried, but usual: {printable(_bare(guess))}")

    def _choose(self) -> None:
        report, best = self.report, _best(self._main, self.report.streams)
        if best is not None:
            report.sub_source = best.address
            if "***" in best.address:
                report.remarks.append("put the camera's own password for *** in the address")
        elif odd := _smallest([each for each in report.streams if _fits(self._main, each)]):
            report.remarks.append(
                f"{odd.address} has another shape than {self._main.width}x{self._main.height}: "
                "zones would not match; set the camera's small stream to the same shape"
            )
        else:
            report.remarks.append(
                f"no smaller stream of {MIN_WIDTH} pixels and {MIN_FPS:g} pictures a second was "
                "found: is it switched on in the camera's settings?"
            )


def of_same_camera(profiles: Sequence[Profile], main: SplitResult) -> list[Profile]:
    """The profiles of the video source that `main` shows, smallest first.

    A recorder lists all of its cameras; where it has several and none of its addresses is `main`,
    none is returned, as another camera's stream must not be taken for this one's.
    """
    sources = {each.video_source for each in profiles}
    if len(sources) > 1:
        sources = {each.video_source for each in profiles if _is_same_stream(each.url, main)}
    if len(sources) != 1:
        return []
    mine = [each for each in profiles if each.video_source in sources]
    return sorted(mine, key=lambda each: (each.width or 1 << 16) * (each.height or 1 << 16))


def printable(url: SplitResult) -> str:
    """An address that may be shown: without its login, with *** for a password within."""
    return _PATH_SECRET.sub(r"\1***", redact(urlunsplit(_bare(url))))


def _bare(url: SplitResult) -> SplitResult:
    return url._replace(netloc=url.netloc.rpartition("@")[2], fragment="")


def _login(settings: CameraSettings, url: SplitResult) -> tuple[str, str]:
    """User and password, from the settings or from the address. Raises OpenError."""
    if settings.user is None:
        return unquote(url.username or ""), unquote(url.password or "")
    file = Path(settings.password_file) if settings.password_file else None
    return settings.user, Login(settings.user, file).password()


def _is_same_stream(one: SplitResult, other: SplitResult) -> bool:
    """Whether two addresses name one stream: the same path, and no option that contradicts."""
    if one.path.rstrip("/") != other.path.rstrip("/"):
        return False
    mine, yours = dict(parse_qsl(one.query)), dict(parse_qsl(other.query))
    return all(mine[key] == yours[key] for key in mine.keys() & yours.keys())


def _fits(main: ProbeReport, stream: SubStream) -> bool:
    """Whether it is large and fast enough to look at, and smaller than the main one."""
    width, height = stream.width or 0, stream.height or 0
    is_smaller = width * height < main.width * main.height
    return is_smaller and width >= MIN_WIDTH and (stream.fps or 0) >= MIN_FPS


def _best(main: ProbeReport, streams: Sequence[SubStream]) -> SubStream | None:
    """The smallest that fits and has the main one's shape; None where there is none."""
    shape = main.width / main.height
    return _smallest(
        [
            each
            for each in streams
            if _fits(main, each)
            and abs((each.width or 0) / (each.height or 1) / shape - 1) <= SAME_SHAPE
        ]
    )


def _smallest(streams: Sequence[SubStream]) -> SubStream | None:
    return min(
        streams,
        key=lambda each: ((each.width or 0) * (each.height or 0), each.bits_per_s or 0),
        default=None,
    )
