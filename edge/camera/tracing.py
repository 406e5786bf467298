"""What a camera's threads tell its trace, and what the trace's lines mean."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from edge import __version__
from edge.base.clock import Clock
from edge.base.errors import StorageError
from edge.base.logs import error_chain
from edge.config.camera import CameraSettings
from edge.config.traces import TraceSettings
from edge.contract.parts import ClockState
from edge.media.frame import Frame
from edge.motion.look import Look
from edge.motion.sketch import layers_of
from edge.trace.folder import TraceFolder
from edge.trace.lines import Mark, MarkKind
from edge.trace.segment import Head
from edge.trace.writer import Kept, Size, TraceWriter

log = logging.getLogger(__name__)


def open_folder(settings: TraceSettings, state_dir: Path) -> TraceFolder | None:
    """Where a node keeps its traces; None where it keeps none.

    A disk that does not take them costs nothing but them.
    """
    if not settings.keep:
        return None
    try:
        return TraceFolder(
            state_dir / "traces",
            quota_bytes=settings.max_bytes,
            min_free_bytes=settings.min_free_bytes,
        )
    except StorageError as err:
        log.warning("no traces are kept: %s", error_chain(err))
        return None


class Tracing:
    """One camera's trace. `write` is for the accountant, the rest for the analysis thread."""

    def __init__(
        self,
        folder: TraceFolder,
        settings: CameraSettings,
        *,
        node: str,
        clock: Clock,
        clock_state: Callable[[], ClockState],
    ) -> None:
        """`clock_state`: how far wall time can be trusted now."""
        self._settings = settings
        self._next: CameraSettings | None = None
        self._node = node
        self._clock = clock
        self._clock_state = clock_state
        self._writer = TraceWriter(folder, settings.name, clock=clock, head=self._head)

    def saw(self, look: Look, frame: Frame) -> None:
        """What was seen of a frame."""
        height, width = frame.luma.shape[:2]
        self._writer.note(look, (width, height))

    def note(self, kind: MarkKind, mono_ns: int, event: str = "") -> None:
        """What is no frame."""
        self._writer.note(Mark(mono_ns, kind, event))

    def retune(self, settings: CameraSettings) -> None:
        """Other settings hold: a segment of their own, from the accountant's next turn on."""
        self._next = settings

    def write(self, *, is_last: bool = False) -> None:
        """Write what is due. Blocks on the disk."""
        following, self._next = self._next, None
        self._writer.write(is_last=is_last or following is not None)
        self._settings = following or self._settings

    @property
    def problem(self) -> str:
        """Why nothing is kept; empty where all is well."""
        return self._writer.problem

    @property
    def kept(self) -> Kept:
        """What became of the lines so far."""
        return self._writer.kept

    def _head(self, size: Size) -> Head:
        return Head(
            node=self._node,
            camera=self._settings.name,
            boot=self._clock.boot,
            mono_ns=self._clock.mono_ns(),
            utc=self._clock.utc(),
            clock=self._clock_state(),
            width=size[0],
            height=size[1],
            layers=layers_of(self._settings.motion),
            motion=self._settings.motion,
            version=__version__,
        )


def of(
    folder: TraceFolder | None,
    settings: CameraSettings,
    node: str,
    clock: Clock,
    clock_state: Callable[[], ClockState],
) -> Tracing | None:
    """What a camera keeps its trace with; None where no traces are kept."""
    if folder is None:
        return None
    return Tracing(folder, settings, node=node, clock=clock, clock_state=clock_state)
