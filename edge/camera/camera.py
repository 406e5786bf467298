"""A camera's threads: capture fills the rings, analysis looks, the recorder writes.

This module owns them, says how the camera is, and replaces a thread that hangs by a new one. What
each does is in `intake`, `analysis` and `story`; what became of the camera's time in `coverage`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from edge.base.clock import Clock
from edge.base.errors import CamwatchError, StorageError
from edge.base.logs import error_chain
from edge.base.mark import Mark
from edge.camera.analysis import Analysis
from edge.camera.coverage import Coverage
from edge.camera.encoders import Encoders
from edge.camera.feed import Feed, Retuned
from edge.camera.intake import MakeSource
from edge.camera.losses import Losses
from edge.camera.storage import StorageWatch
from edge.camera.story import Story
from edge.camera.streams import Streams
from edge.camera.tamper_story import TamperStory
from edge.camera.tamper_watch import TamperWatch
from edge.camera.tracing import Tracing
from edge.camera.turns import DecodePool, places
from edge.camera.viewer import ViewerCounts
from edge.capture.source import make
from edge.classify.classifier import Classifier
from edge.config.camera import CameraSettings
from edge.contract.command import Size
from edge.contract.health import CameraHealth
from edge.contract.record import CameraFound, CameraLost, CoverageSpans, TamperFault
from edge.gop.ring import PacketRing
from edge.health.watchdog import Guard
from edge.mux.spool import Spool
from edge.outbox.outbox import Outbox

log = logging.getLogger(__name__)

MAX_LAG_S = 4.0  # media time that analysis may lie behind
LATE_S = 24.0  # the most: MAX_LAG_S waits, and a box may take four times as long to look at it
ONSET_S = 4.0  # how far back a confirmed event may date its start, edge.motion
ANALYSIS_LIMIT_S = 30.0  # for one packet: a decoder, a snapshot and a slow card's fsync
MAX_HUNG_RECORDERS = 3
FAULT_TEXTS: dict[TamperFault, str] = {
    "covered": "covered", "defocused": "out of focus", "moved": "not of its view any more",
    "blinded": "blinded by light", "frozen": "frozen", "black": "black",
}  # fmt: skip


def needs_restart(before: CameraSettings, after: CameraSettings) -> bool:
    """Whether a change takes new streams; all else is taken while the camera runs."""

    def streams(each: CameraSettings) -> tuple[object, ...]:
        clips, tamper = each.clips, each.tamper
        return (
            each.source, each.sub_source, each.user, each.password_file, each.transport,
            each.stall_timeout_s, each.command, clips.pre_roll_s, clips.ring_bytes, clips.audio,
            tamper.enabled, tamper.pre_roll_s,
        )  # fmt: skip

    return streams(before) != streams(after)


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
        pool: DecodePool | None = None,
        classifier: Classifier | None = None,
        tracing: Tracing | None = None,
        losses_folder: Path | None = None,
        since_ns: int | None = None,
        starting: str | None = None,
    ) -> None:
        """`losses_folder` is where an open loss outlives the agent.

        `pool` and `classifier`: what it shares with the other cameras of the box. `tracing`
        keeps what is seen. `since_ns`: when the one in whose place it is ended its account;
        `starting`: why that was."""
        self._classifier = classifier
        self._tracing = tracing
        self._pool = pool or DecodePool(places(), clock)
        self.name = settings.name
        self._settings = settings
        self._clock = clock
        self._outbox = outbox
        self._spool = spool
        self._set_state = set_state
        self._encoders = Encoders(settings.name, clock)
        self._feed = Feed(max_lag_s=MAX_LAG_S, waits=settings.pace == "fast")
        self._streams = Streams(
            settings,
            keep_s=settings.clips.pre_roll_s + MAX_LAG_S + ONSET_S,
            clock=clock,
            feed=self._feed,
            set_state=set_state,
            record=self._record,
            make_source=make_source,
            spare_s=settings.tamper.pre_roll_s if settings.tamper.enabled else 0.0,
            hold_s=LATE_S,
            losses=Losses(
                None if losses_folder is None else losses_folder / f"{settings.name}.json", clock
            ),
        )
        self._storage = StorageWatch(spool.folder, clock)
        self._coverage = Coverage(
            clock, disarmed=settings.disarmed, is_storing=self._storage.is_good,
            since_ns=since_ns, starting=starting,
        )  # fmt: skip
        self._is_stopping = False
        self._left: list[Story] = []
        self._is_unwritten = False
        self._slow_before = ""
        self._story = self._make_story()
        self._tamper_story = self._make_tamper_story() if settings.tamper.enabled else None
        self._tamper: TamperWatch | None = None
        if self._tamper_story is not None:
            self._tamper = TamperWatch(settings.tamper, self._tamper_story)
        self._analysis_mark = Mark(clock, ANALYSIS_LIMIT_S)
        self._analysis = self._make_analysis()
        self._analysis_thread = self._make_thread()

    def start(self) -> None:
        """Begin to watch."""
        self._set_state("status", "offline")
        self._set_state("motion", "OFF")
        self._set_state("tamper", "OFF")
        for lane in self._streams.lanes:
            lane.start()
        self._analysis_thread.start()

    def stop(self) -> None:
        """Ask all threads to end; open clips are closed and their events ended."""
        self._is_stopping = True
        self._feed.stop()
        for lane in self._streams.lanes:
            lane.stop()
        self._analysis.stop()

    def retune(
        self, settings: CameraSettings, *, within_s: float, then: Callable[[], None]
    ) -> None:
        """Take other settings while it runs: all but those that `needs_restart` names.

        A running event ends by the old ones, if it does so `within_s`; `then` is called, on the
        analysis thread, once the new ones hold. For one thread at a time.
        """
        before, self._settings = self._settings, settings

        def hold() -> None:
            if self._tamper_story is not None:
                self._tamper_story.retune(settings.clips)
            if before.disarmed != settings.disarmed:
                for lane in self._streams.lanes:
                    lane.arm(is_armed=settings.armed)
                self._coverage.arm(settings.disarmed)
            then()

        until_ns = self._clock.mono_ns() + round(within_s * 1e9)
        self._feed.put_sign(Retuned(settings, until_ns, hold))

    @property
    def is_busy(self) -> bool:
        """Whether an event runs, or a clip of one is not closed yet."""
        return self._story.is_moving or not all(each.close(0) for each in self._stories)

    @property
    def has_large_stream(self) -> bool:
        """Whether packets of the stream that is recorded arrive."""
        return self._streams.main.is_connected

    @property
    def is_lost(self) -> bool:
        """Whether it was told to be lost."""
        return self._streams.is_lost

    @property
    def account_end_ns(self) -> int:
        """Up to here its time is accounted for."""
        return self._coverage.end_ns

    def close_events(self, timeout_s: float, why: str | None = None) -> bool:
        """After `stop`: wait for the last clip and close the account; false if that is not in time.

        A capture thread that hangs in its camera holds up none of this.
        """
        limit_ns = self._clock.mono_ns() + round(timeout_s * 1e9)
        self._analysis_thread.join(timeout_s)
        for lane in self._streams.lanes:
            lane.ring.close()
        is_told = all(
            story.close(max(0.05, (limit_ns - self._clock.mono_ns()) / 1e9))
            for story in self._stories
        )
        self._coverage.stop(why)
        if self._tracing is not None:
            self._tracing.write(is_last=True)
        return is_told and not self._analysis_thread.is_alive()

    def join(self, timeout_s: float) -> None:
        """Close the events, then wait for the capture threads as long as the rest of the time."""
        limit_ns = self._clock.mono_ns() + round(timeout_s * 1e9)
        self.close_events(timeout_s)
        for lane in self._streams.lanes:
            lane.join(max(0.05, (limit_ns - self._clock.mono_ns()) / 1e9))
        self._set_state("status", "offline")

    def is_alive(self) -> bool:
        """Whether every thread that should run does."""
        is_capturing = all(lane.is_alive for lane in self._streams.lanes)
        return is_capturing and self._analysis_thread.is_alive()

    def tick(self) -> None:
        """Bring the account of coverage up to date and write what is due of it.

        For the agent's accountant, once a second, and once more after `close_events`. Blocks on
        the disk.
        """
        self._storage.check()
        self._tell_load()
        self._coverage.tick()
        try:
            self._coverage.write(self._append_spans)
        except CamwatchError as err:
            if not self._is_unwritten:
                log.error("%s: the coverage is kept in memory: %s", self.name, error_chain(err))
            self._is_unwritten = True
        else:
            self._is_unwritten = False
        if self._tracing is not None:
            self._tracing.write()

    @property
    def problem(self) -> str:
        """Why it is not watched, or what was wrong with its last event; empty where all is well."""
        parts = (self._streams.problem, self._meddled, self._slow, self._storage.problem)
        return next((each for each in parts if each), self._story.problem)

    @property
    def trace_problem(self) -> str:
        """Why no traces are kept of it; empty where all is well."""
        return self._tracing.problem if self._tracing is not None else ""

    def _tell_load(self) -> None:
        before, self._slow_before = self._slow_before, self._slow
        if self._slow_before and self._slow_before != before:
            log.warning("%s", self._slow_before)
        elif before and not self._slow_before:
            log.info("%s: everything is looked at again", self.name)

    @property
    def _slow(self) -> str:
        says = self._analysis.problem
        return f"camera {self.name}: {says}" if says else ""

    @property
    def _meddled(self) -> str:
        fault = None if self._tamper is None else self._tamper.fault
        return f"camera {self.name}: its picture is {FAULT_TEXTS[fault]}" if fault else ""

    def health(self) -> CameraHealth:
        """The camera since the last call."""
        main = self._streams.main
        flow = main.meter.read(self._analysis.counts.looked)
        summary = self._coverage.summary()
        is_watching, is_lost = self._streams.is_connected, self._streams.is_lost
        return CameraHealth(
            camera=self.name,
            state="watching" if is_watching else "lost" if is_lost else "connecting",
            packets_per_s=flow.packets_per_s,
            bits_per_s=flow.bits_per_s,
            analysed_per_s=flow.looked_per_s,
            ring_s=round(main.ring.history_s, 1),
            ring_bytes=sum(lane.ring.size_bytes for lane in self._streams.lanes),
            dropped_frames=self._feed.skipped + main.intake.dropped + self._encoders.left_out,
            reconnects=max(0, main.meter.connections - 1),
            motion=self._story.is_moving,
            watched_s=summary.watched_s,
            blind=summary.blind,
            tampered=None if self._tamper is None else self._tamper.fault,
            gate=self._analysis.gate(),
        )

    @property
    def is_connected(self) -> bool:
        """Whether its packets arrive."""
        return self._streams.is_connected

    @property
    def looked(self) -> int:
        """How many frames were looked at since the start."""
        return self._analysis.counts.looked

    @property
    def is_armed(self) -> bool:
        """Whether its settings want it watched now."""
        return self._settings.armed

    def ring(self, size: Size) -> PacketRing:
        """Its packets: of the stream of that size while it comes, else of the other one."""
        return self._streams.lane_of(size).ring

    @property
    def has_sub_stream(self) -> bool:
        """Whether it has a small stream of its own."""
        return self._streams.sub is not None

    def sends_pictures(self, size: Size) -> bool:
        """Whether the stream of that size is Motion JPEG."""
        stream = self._streams.lane_of(size).intake.stream
        return stream is not None and stream.is_intra_only

    def turns(self) -> AbstractContextManager[None]:
        """To decode within, in one more thread: processors are shared with the analysis."""
        return self._pool.member()

    def guards(self) -> list[Guard]:
        """What the watchdog watches of this camera."""
        return [
            *(lane.guard() for lane in self._streams.lanes),
            Guard(
                f"analysis of {self.name}",
                lambda: [self._analysis_mark],
                lambda: self._is_stopping or self._analysis_thread.is_alive(),
                self._restart_analysis,
            ),
        ]

    def hung_recorders(self) -> int:
        """How many recorders hang; at MAX_HUNG_RECORDERS a new process is the better cure."""
        return sum(story.hung_recorders() for story in (*self._stories, *self._left))

    @property
    def _stories(self) -> list[Story | TamperStory]:
        return [each for each in (self._story, self._tamper_story) if each is not None]

    def _restart_analysis(self) -> None:
        """Leave an analysis that hangs to itself; a new one goes on with the next keyframe."""
        old = self._analysis
        old.abandon()
        self._coverage.hung("analysis")
        self._story.interrupt()
        self._left = [each for each in self._left if not each.close(0)] + [self._story]
        self._story = self._make_story()
        self._analysis_mark = Mark(self._clock, ANALYSIS_LIMIT_S)
        self._analysis = self._make_analysis(old.counts)
        self._analysis_thread = self._make_thread()
        self._analysis_thread.start()

    def _make_story(self) -> Story:
        return Story(
            self._settings,
            footage=self._streams,
            clock=self._clock,
            outbox=self._outbox,
            spool=self._spool,
            set_state=self._set_state,
            on_fault=self._storage.suspect,
            encoders=self._encoders,
            classifier=self._classifier,
            tracing=self._tracing,
        )

    def _make_tamper_story(self) -> TamperStory:
        return TamperStory(
            self._settings,
            footage=self._streams,
            clock=self._clock,
            outbox=self._outbox,
            spool=self._spool,
            set_state=self._set_state,
            on_fault=self._storage.suspect,
            encoders=self._encoders,
        )

    def _make_analysis(self, counts: ViewerCounts | None = None) -> Analysis:
        return Analysis(
            self._settings.motion,
            feed=self._feed,
            story=self._story,
            coverage=self._coverage,
            mark=self._analysis_mark,
            began=self._streams.began_now,
            counts=counts,
            turns=self._pool.member(),
            clock=self._clock,
            tracing=self._tracing,
            tamper=self._tamper,
            hold=self._hold,
        )

    def _hold(self, arrived_ns: int | None) -> None:
        """What arrived then is looked at now: the rings keep what an event in it would need."""
        reach_ns = round((self._settings.clips.pre_roll_s + ONSET_S) * 1e9)
        self._streams.hold(None if arrived_ns is None else arrived_ns - reach_ns)

    def _make_thread(self) -> threading.Thread:
        name = f"analysis-{self.name}"
        return threading.Thread(target=self._analysis.run, name=name, daemon=True)

    def _append_spans(self, spans: CoverageSpans) -> None:
        self._outbox.append(spans, camera=self.name)

    def _record(self, body: CameraFound | CameraLost, event: str | None) -> bool:
        try:
            self._outbox.append(body, camera=self.name, event=event)
        except StorageError as err:
            log.error("%s: not recorded: %s", self.name, error_chain(err))
            self._storage.suspect()
            return False
        return True
