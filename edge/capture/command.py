"""Any command that writes H.264 or H.265 (Annex B) to its standard output, as a camera.

Such a stream has no times: they come from arrival, by `Beat`. Pictures must be sent in the order in
which they are shown (no B-frames), since nothing tells when others are to be shown. A command that
writes without a pace is made to wait at its pipe, so that it costs the other cameras nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from edge.base.clock import Clock
from edge.capture.annexb import Picture, Splitter
from edge.capture.beat import TIME_BASE, Beat
from edge.capture.child import Child
from edge.capture.demux import KEYFRAME_WAIT_S
from edge.capture.errors import LostError, OpenError
from edge.capture.parameters import Declared, Parameters
from edge.capture.session import Packets, SessionSource
from edge.capture.throttle import Throttle
from edge.media import extradata
from edge.media.packet import Packet, VideoCodec, VideoStream
from edge.media.sps import max_reorder

FIELD = "command"
HINT = "install the program, or give its full path"
MAX_NONSENSE_BYTES = 1 << 24  # before the first keyframe; a minute of 2 Mbit/s
FIRST_PICTURES = 4  # held back at the start: B-frames show within them
REORDERED = "the pictures are not in the order in which they are shown (B-frames)"
REORDERED_HINT = "switch B-frames off, such as -bf 0 of ffmpeg or --low-latency of rpicam-vid"


class CommandSource(SessionSource):
    """One command's output: one packet a picture.

    Each output is waited for up to the stall timeout. `close` ends it within a quarter of a
    second, and the command with it.
    """

    def __init__(
        self,
        argv: tuple[str, ...],
        clock: Clock,
        *,
        stall_timeout_s: float = 10.0,
        fps: int | None = None,
        field: str = FIELD,
        hint: str = HINT,
    ) -> None:
        """`fps` is what the command was told to give; `field` and `hint` are for errors."""
        super().__init__()
        self._argv = argv
        self._clock = clock
        self._stall_timeout_s = stall_timeout_s
        self._fps = fps
        self._field = field
        self._hint = hint

    def _read(self) -> Packets:
        with Child(self._argv, field=self._field, hint=self._hint) as child:
            pictures = _Pictures(self._fps)
            splitter, throttle = Splitter(), Throttle()
            opened_ns = self._clock.mono_ns()
            taken = 0
            held: list[Packet] = []
            while data := child.read(self._stall_timeout_s, self._is_closing):
                now_ns, before = self._clock.mono_ns(), pictures.count
                held += _packets(pictures, splitter, data, now_ns)
                taken += len(data)
                wait_s = throttle.wait_s(now_ns, len(data), pictures.count - before)
                if wait_s:
                    self._is_closing.wait(wait_s)
                if pictures.count >= FIRST_PICTURES:
                    yield from held
                    held.clear()
                elif pictures.count == 0:
                    _check_start(child, taken, now_ns - opened_ns)
            yield from held
            if not self._is_closing.is_set():
                how = child.end()
                if not pictures.count:
                    raise OpenError("no_video", how, hint="run the command by hand to see why")
                raise LostError("ended", how)


class _Pictures:
    """From coded pictures to packets of one stream after the other."""

    def __init__(self, fps: int | None) -> None:
        self.count = 0
        self._beat = Beat(fps)
        self._parameters: Parameters | None = None
        self._stream: VideoStream | None = None

    def push(self, splitter: Splitter, picture: Picture) -> Iterator[Packet]:
        pts = self._beat.pts(picture.arrival_mono_ns)
        if picture.is_keyframe and splitter.codec is not None:
            if self._parameters is None:
                declared = Declared(splitter.codec, 0, 0, TIME_BASE, b"", None, None)
                self._parameters = Parameters(declared)
            is_changed = self._parameters.update(picture.data, None)
            if self._parameters.is_complete and (is_changed or self._stream is None):
                self._stream = self._parameters.stream()
                if self._is_reordered(splitter.codec, self._stream):
                    raise LostError("unsupported", REORDERED, hint=REORDERED_HINT)
        if picture.is_bipredicted:
            raise LostError("unsupported", REORDERED, hint=REORDERED_HINT)
        if self._stream is not None:
            self.count += 1
            yield Packet(
                picture.data, pts, pts, picture.is_keyframe, self._stream,
                picture.arrival_mono_ns, self._beat.interval_ticks,
            )  # fmt: skip

    @staticmethod
    def _is_reordered(codec: VideoCodec, stream: VideoStream) -> bool:
        return max_reorder(codec, extradata.parameter_sets(codec, stream.extradata)) > 0


def _packets(pictures: _Pictures, splitter: Splitter, data: bytes, now_ns: int) -> Iterator[Packet]:
    try:
        found = splitter.push(data, now_ns)
    except ValueError as err:
        raise LostError("broken", f"what it writes is no H.264 or H.265: {err}", hint="") from err
    for picture in found:
        yield from pictures.push(splitter, picture)


def _check_start(child: Child, taken: int, passed_ns: int) -> None:
    """End a command that writes something else, or pictures that cannot be decoded."""
    if taken > MAX_NONSENSE_BYTES:
        raise OpenError(
            "broken",
            f"{child.name} writes no H.264 or H.265 that begins with a keyframe{child.last_words}",
            hint="let it write an Annex B stream to its standard output, with parameter sets",
        )
    if passed_ns > KEYFRAME_WAIT_S * 1e9:
        raise LostError("no_video", f"no keyframe within {KEYFRAME_WAIT_S:.0f} s")
