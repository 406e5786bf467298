"""A camera's threads: capture fills the ring, analysis looks, the recorder writes.

This module owns them, says how the camera is, and replaces a thread that hangs by a new one. What
each does is in `intake`, `analysis` and `story`; what became of the camera's time in `coverage`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edge.base.clock import Clock
from edge.base.errors import CamwatchError, StorageError
from edge.base.logs import error_chain
from edge.base.mark import Mark
from edge.camera.analysis import Analysis
from edge.camera.coverage import Coverage
from edge.camera.feed import Feed
from edge.camera.intake import Intake, MakeSource
from edge.camera.meter import Meter
from edge.camera.storage import StorageWatch
from edge.camera.story import Story
from edge.camera.viewer import ViewerCounts
from edge.capture.errors import CaptureError
from edge.capture.source import make
from edge.config.camera import CameraSettings
from edge.contract.health import CameraHealth
from edge.contract.record import CameraFound, CameraLost, CoverageSpans
from edge.gop.ring import PacketRing
from edge.health.watchdog import Guard
from edge.mux.spool import Spool
from edge.outbox.outbox import Outbox

log = logging.getLogger(__name__)

MAX_LAG_S = 4.0  # media time that analysis may lie behind
ONSET_S = 4.0  # how far back a confirmed event may date its start, edge.motion
ANALYSIS_LIMIT_S = 30.0  # for one packet: a decoder, a snapshot and a slow card's fsync
MAX_HUNG_RECORDERS = 3


class Camera:
    """One camera of a node. `start`, `stop` and `join` are called by the agent's thread."""

    def __init__(
        self,
        settings: CameraSettings,
        *,
        clock: Clock,
        outbox: Outbox,
        spool: Spool,
        set_state: Callable[[str, str], None],
        make_source: MakeSource = make,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock
        self._outbox = outbox
        self._spool = spool
        self._set_state = set_state
        self._make_source = make_source
        keep_s = settings.clips.pre_roll_s + MAX_LAG_S + ONSET_S
        self._ring = PacketRing(keep_s=keep_s, max_bytes=settings.clips.ring_bytes)
        self._feed = Feed(max_lag_s=MAX_LAG_S, waits=settings.pace == "fast")
        self._meter = Meter(clock)
        self._storage = StorageWatch(spool.folder, clock)
        self._coverage = Coverage(
            clock, disarmed=settings.disarmed, is_storing=self._storage.is_good
        )  # fmt: skip
        self._is_stopping = False
        self._left: list[Story] = []
        self._looked_before = 0
        self._is_unwritten = False
        self._story = self._make_story()
        self._intake = self._make_intake(is_lost=False)
        self._analysis_mark = Mark(clock, ANALYSIS_LIMIT_S)
        self._analysis = self._make_analysis()
        self._capture_thread = self._thread("capture", self._intake.run)
        self._analysis_thread = self._thread("analysis", self._analysis.run)

    def start(self) -> None:
        """Begin to watch."""
        self._set_state("status", "offline")
        self._set_state("motion", "OFF")
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask all threads to end; open clips are closed and their events ended."""
        self._is_stopping = True
        self._feed.stop()
        self._intake.stop()
        self._analysis.stop()

    def close_events(self, timeout_s: float) -> bool:
        """After `stop`: wait for the last clip and close the account; false if that is not in time.

        A capture thread that hangs in its camera holds up none of this.
        """
        limit_ns = self._clock.mono_ns() + round(timeout_s * 1e9)
        self._analysis_thread.join(timeout_s)
        self._ring.close()
        is_told = self._story.close(max(0.05, (limit_ns - self._clock.mono_ns()) / 1e9))
        self._coverage.stop()
        return is_told and not self._analysis_thread.is_alive()

    def join(self, timeout_s: float) -> None:
        """Close the events, then wait for the capture thread as long as the rest of the time."""
        limit_ns = self._clock.mono_ns() + round(timeout_s * 1e9)
        self.close_events(timeout_s)
        self._capture_thread.join(max(0.05, (limit_ns - self._clock.mono_ns()) / 1e9))
        self._set_state("status", "offline")

    def is_alive(self) -> bool:
        """Whether every thread that should run does."""
        return all(thread.is_alive() for thread in self._threads)

    def tick(self) -> None:
        """Bring the account of coverage up to date and write what is due of it.

        For the agent's accountant, once a second, and once more after `close_events`. Blocks on
        the disk.
        """
        self._storage.check()
        self._coverage.tick()
        try:
            self._coverage.write(self._append_spans)
        except CamwatchError as err:
            if not self._is_unwritten:
                log.error("%s: the coverage is kept in memory: %s", self.name, error_chain(err))
            self._is_unwritten = True
        else:
            self._is_unwritten = False

    @property
    def problem(self) -> str:
        """Why it is not watched, or what was wrong with its last event; empty where all is well."""
        return self._intake.problem or self._storage.problem or self._story.problem

    def health(self) -> CameraHealth:
        """The camera since the last call."""
        flow = self._meter.read(self._looked_before + self._analysis.looked)
        summary = self._coverage.summary()
        is_watching = self._intake.stream is not None
        return CameraHealth(
            camera=self.name,
            state="watching" if is_watching else "lost" if self._intake.is_lost else "connecting",
            packets_per_s=flow.packets_per_s,
            bits_per_s=flow.bits_per_s,
            analysed_per_s=flow.looked_per_s,
            ring_s=round(self._ring.history_s, 1),
            ring_bytes=self._ring.size_bytes,
            dropped_frames=self._feed.skipped + self._intake.dropped,
            reconnects=max(0, self._meter.connections - 1),
            motion=self._story.is_moving,
            watched_s=summary.watched_s,
            blind=summary.blind,
            gate=self._analysis.gate(),
        )

    def guards(self) -> list[Guard]:
        """What the watchdog watches of this camera."""
        return [
            Guard(
                f"capture of {self.name}",
                lambda: [self._intake.mark],
                lambda: self._is_stopping or self._capture_thread.is_alive(),
                self._restart_capture,
            ),
            Guard(
                f"analysis of {self.name}",
                lambda: [self._analysis_mark],
                lambda: self._is_stopping or self._analysis_thread.is_alive(),
                self._restart_analysis,
            ),
        ]

    def hung_recorders(self) -> int:
        """How many recorders hang; at MAX_HUNG_RECORDERS a new process is the better cure."""
        return sum(story.hung_recorders() for story in (self._story, *self._left))

    @property
    def _threads(self) -> list[threading.Thread]:
        return [self._capture_thread, self._analysis_thread]

    def _restart_capture(self) -> None:
        """Leave a capture thread that hangs to itself; a new one connects anew."""
        old = self._intake
        old.stop()
        old.lose(CaptureError("stalled", "the capture hung and was started anew"))
        self._intake = self._make_intake(is_lost=True)
        self._intake.problem = old.problem
        self._capture_thread = self._thread("capture", self._intake.run)
        self._capture_thread.start()

    def _restart_analysis(self) -> None:
        """Leave an analysis that hangs to itself; a new one goes on with the next keyframe."""
        old = self._analysis
        old.abandon()
        self._coverage.hung("analysis")
        self._story.interrupt()
        self._left = [each for each in self._left if not each.close(0)] + [self._story]
        self._looked_before += old.looked
        self._story = self._make_story()
        self._analysis_mark = Mark(self._clock, ANALYSIS_LIMIT_S)
        self._analysis = self._make_analysis(old.counts)
        self._analysis_thread = self._thread("analysis", self._analysis.run)
        self._analysis_thread.start()

    def _make_intake(self, *, is_lost: bool) -> Intake:
        return Intake(
            self._settings,
            clock=self._clock,
            ring=self._ring,
            feed=self._feed,
            meter=self._meter,
            set_state=self._set_state,
            record=self._record,
            make_source=self._make_source,
            is_lost=is_lost,
        )

    def _make_story(self) -> Story:
        return Story(
            self._settings,
            ring=self._ring,
            clock=self._clock,
            outbox=self._outbox,
            spool=self._spool,
            set_state=self._set_state,
            on_fault=self._storage.suspect,
        )

    def _make_analysis(self, counts: ViewerCounts | None = None) -> Analysis:
        return Analysis(
            self._settings.motion,
            feed=self._feed,
            story=self._story,
            ring=self._ring,
            coverage=self._coverage,
            mark=self._analysis_mark,
            began=self._intake.began,
            counts=counts,
        )

    def _thread(self, work: str, body: Callable[[], None]) -> threading.Thread:
        return threading.Thread(target=body, name=f"{work}-{self.name}", daemon=True)

    def _append_spans(self, spans: CoverageSpans) -> None:
        self._outbox.append(spans, camera=self.name)

    def _record(self, body: CameraFound | CameraLost) -> None:
        try:
            self._outbox.append(body, camera=self.name)
        except StorageError as err:
            log.error("%s: not recorded: %s", self.name, error_chain(err))
            self._storage.suspect()
