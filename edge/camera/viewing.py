"""Which pictures are decoded: what the analysis asks, and who answers for which kind of stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from edge.camera.feed import StreamBegan
from edge.camera.load import Load
from edge.camera.sampler import Sampler
from edge.camera.viewer import Mode, Viewer, ViewerCounts
from edge.contract.motion import MotionSettings
from edge.media.frame import Frame
from edge.media.packet import Packet
from edge.motion.observation import Observation


class Viewing(Protocol):
    """One stream's viewer: `Viewer` or, where every picture stands alone, `Sampler`."""

    @property
    def is_open(self) -> bool:
        """Whether every picture that is due is decoded now."""

    @property
    def mode(self) -> Mode:
        """What it relies on now."""

    @property
    def reason(self) -> str:
        """Why this mode, in words."""

    def take(self, packet: Packet) -> Iterator[Frame]:
        """The next packet; the frames to look at. `observed` is told of each before the next."""

    def observed(self, observation: Observation) -> None:
        """What the detector said of a frame."""

    def flush(self) -> Iterator[Frame]:
        """The frames still inside, at the end of the stream or before a gap."""


def make(
    began: StreamBegan,
    settings: MotionSettings,
    *,
    glance: Callable[[Frame], bool],
    is_event: Callable[[], bool],
    counts: ViewerCounts,
    turns: AbstractContextManager[None],
    load: Load,
    touch: Callable[[], None],
    catch_up: Callable[[], None],
) -> Viewing:
    """The viewer for a stream that begins; the arguments are `Viewer`'s."""
    load.is_spread = began.stream.is_intra_only
    if began.stream.is_intra_only:
        return Sampler(
            began, settings, glance=glance, is_event=is_event, counts=counts, turns=turns, load=load
        )
    return Viewer(
        began,
        decodes_all=settings.decode == "all",
        glance=glance,
        is_event=is_event,
        counts=counts,
        turns=turns,
        load=load,
        touch=touch,
        catch_up=catch_up,
    )
