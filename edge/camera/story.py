"""What a camera saw becomes events: records in the journal, clips and pictures in the spool.

Order for each event: the recorder claims its pre-roll, the confirming frame becomes a picture in
the spool, then `event.started` is appended. A clip is complete, flushed and renamed before the
record that announces it is appended; the last one comes with `event.ended`.

All times of one event are told by one reading of the clocks, taken when it starts: a wall clock
that is set meanwhile moves neither its end nor its clips against its start.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from edge.base.clock import Clock
from edge.base.errors import CamwatchError
from edge.base.logs import error_chain
from edge.base.mark import Mark
from edge.camera.encoders import Encoders
from edge.camera.footage import Footage, Place, pixels_at
from edge.camera.labels import EventLabels
from edge.camera.moments import Anchor
from edge.camera.pictures import SNAPSHOT_WIDTH, keep_picture
from edge.camera.progress import TracedHistory
from edge.camera.tracing import Tracing
from edge.classify.classifier import Classifier
from edge.config.camera import CameraSettings
from edge.contract import ids, names, record
from edge.contract.parts import ClipRef, Instant, SnapshotRef
from edge.media.frame import Frame, Picture, Pixels
from edge.media.packet import VideoStream
from edge.motion.activity import Activity, Ended, Event, Extended, Started, Transition
from edge.motion.observation import Moment, Observation
from edge.mux.clip import ClosedClip
from edge.mux.parts import Trigger
from edge.mux.recorder import ClipRecorder, RecordingEnd
from edge.mux.spool import Spool
from edge.outbox.outbox import Outbox
from edge.outbox.values import ORDINARY

log = logging.getLogger(__name__)

RECORDER_LIMIT_S = 30.0  # a recorder reads the ring twice a second unless the disk holds it up


@dataclass
class _Chapter:
    """One event from its start until its last clip is closed."""

    id: str
    event: Event
    place: Place
    anchor: Anchor
    started: Instant
    best: Pixels
    mark: Mark
    labels: EventLabels | None = None
    shown: Picture | None = None
    """The newest picture made of it, until it was looked at."""
    recorder: ClipRecorder | None = None
    reason: record.EndReason = "quiet"
    first_picture: SnapshotRef | None = None
    confirmed: Moment | None = None
    is_hung: bool = False
    is_over: threading.Event = field(default_factory=threading.Event)


class Story:
    """One camera's events. `observe`, `lose`, `tick` and `stop` are for the analysis thread."""

    def __init__(
        self,
        settings: CameraSettings,
        *,
        footage: Footage,
        clock: Clock,
        outbox: Outbox,
        spool: Spool,
        set_state: Callable[[str, str], None],
        on_fault: Callable[[], None] = lambda: None,
        encoders: Encoders | None = None,
        classifier: Classifier | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        """`on_fault` is called, on any thread, when something of an event was not written.

        `classifier` says what events show; None: nobody does. `tracing` is told which events
        began and ended.
        """
        self._model = classifier
        self._classifier = classifier if settings.classify else None
        self._tracing = tracing
        self._encoders = encoders or Encoders(settings.name, clock)
        self._settings = settings
        self._on_fault = on_fault
        self._footage = footage
        self._clock = clock
        self._outbox = outbox
        self._spool = spool
        self._set_state = set_state
        self._activity = Activity(settings.motion.min_frames, settings.motion.quiet_s)
        self._running: _Chapter | None = None
        self._stream: VideoStream | None = None
        self._lock = threading.Lock()
        self._closing: dict[str, _Chapter] = {}
        self.problem = ""

    @property
    def is_moving(self) -> bool:
        """Whether an event runs."""
        return self._running is not None

    def observe(self, observation: Observation, frame: Frame, stream: VideoStream) -> None:
        """Take what the detector says about `frame`."""
        self._stream = stream
        self._leave_hung()
        self._turn(self._activity.observe(observation), frame)

    def tick(self, at_ns: int | None = None) -> None:
        """Let time pass while no frames come: it is `at_ns` on the monotonic clock, or now."""
        self._leave_hung()
        now_ns = self._clock.mono_ns() if at_ns is None else at_ns
        self._turn(self._activity.tick(now_ns), None)

    def lose(self) -> None:
        """The camera is gone: end the running event, close every open clip with what there is."""
        self._cut_short("camera_lost")

    def stop(self) -> None:
        """The agent stops: end the running event, close every open clip now."""
        self._cut_short("stopped")

    def interrupt(self) -> None:
        """The analysis hangs: end the running event, close every open clip now. For any thread."""
        self._cut_short("interrupted")

    def retune(self, settings: CameraSettings) -> None:
        """Other settings hold from the next event on; for the analysis thread, while none runs."""
        before, self._settings = self._settings, settings
        self._classifier = self._model if settings.classify else None
        old, new = before.motion, settings.motion
        if (old.min_frames, old.quiet_s) != (new.min_frames, new.quiet_s):
            self._activity = Activity(new.min_frames, new.quiet_s)

    def hung_recorders(self) -> int:
        """How many recorders hang. A running event whose recorder does is cut, for a new one.

        What such an event has on the disk is recovered when the agent starts again, unless its
        recorder goes on by itself before. For any thread.
        """
        with self._lock:
            chapters = list(self._closing.values())
        hung = [each for each in chapters if each.mark.is_late() and not each.is_over.is_set()]
        for chapter in hung:
            if not chapter.is_hung:
                chapter.is_hung = True
                log.error("%s: the recorder of %s hangs", self._settings.name, chapter.id)
        return len(hung)

    def close(self, timeout_s: float) -> bool:
        """Wait until every event is ended in the journal; false if that takes longer."""
        with self._lock:
            chapters = list(self._closing.values())
        return all(chapter.is_over.wait(timeout_s) for chapter in chapters)

    def _turn(self, transition: Transition | None, frame: Frame | None) -> None:
        match transition:
            case Started(event) if frame is not None and self._stream is not None:
                self._start(event, frame, self._stream)
            case Extended(event, is_best) if self._running is not None:
                self._running.event = event
                if is_best and frame is not None and self._stream is not None:
                    self._running.best = self._pixels(event.best.at, frame, self._stream)
                    self._look_again(self._running, frame)
            case Ended(event):
                self._end(event, "quiet")

    def _start(self, event: Event, frame: Frame, stream: VideoStream) -> None:
        anchor = Anchor(self._clock)
        started = anchor.instant(event.started.mono_ns)
        place = self._footage.place(stream, event.started)
        mark = Mark(self._clock, RECORDER_LIMIT_S)
        chapter = _Chapter(
            ids.new_event(started.utc), event, place, anchor, started,
            self._pixels(event.best.at, frame, stream), mark,
        )  # fmt: skip
        chapter.confirmed = event.best.at
        trigger = Trigger(chapter.id, place.stream, place.pts, event.started.mono_ns)
        chapter.recorder = ClipRecorder(
            TracedHistory(place.ring, mark, self._encoders), self._spool, self._settings.clips,
            anchor, trigger,
            on_clip=lambda clip: self._clip_closed(chapter, clip),
            on_end=lambda end: self._recording_ended(chapter, end),
        )  # fmt: skip
        self._running = chapter
        with self._lock:
            self._closing[chapter.id] = chapter
        chapter.recorder.start()
        if self._classifier is not None:
            chapter.labels = self._make_labels(self._classifier, anchor, chapter.id)
        chapter.first_picture = self._picture(chapter)
        body = record.EventStarted(
            kind="motion",
            started=started,
            zones=event.zones,
            score=event.score,
            box=event.best.box,
            snapshot=chapter.first_picture,
            tracks=event.tracks,
        )
        self._append(body, chapter)
        self._look(chapter)
        if self._tracing is not None:
            self._tracing.note("event.started", event.started.mono_ns, chapter.id)
        self._set_state("motion", "ON")
        log.info("%s: event %s started", self._settings.name, chapter.id)

    def _look(self, chapter: _Chapter) -> None:
        """Have the model look at the picture that was just made, if one was."""
        picture, chapter.shown = chapter.shown, None
        if chapter.labels is not None and picture is not None:
            chapter.labels.look(picture, chapter.event.best)

    def _look_again(self, chapter: _Chapter, frame: Frame) -> None:
        """The same with a better frame of the running event, as it was seen."""
        best = chapter.event.best
        if chapter.labels is None or not chapter.labels.wants(best):
            return
        try:
            picture = frame.pixels.to_bgr(SNAPSHOT_WIDTH)
        except CamwatchError as err:
            log.warning("%s: not looked at again: %s", self._settings.name, error_chain(err))
        else:
            chapter.labels.look(picture, best)

    def _make_labels(self, classifier: Classifier, anchor: Anchor, event: str) -> EventLabels:
        """Which must not know the chapter: its pictures would wait for the collector."""
        return EventLabels(
            classifier, anchor, lambda body, priority: self._label(body, event, priority)
        )

    def _label(self, body: record.EventLabelled, event: str, priority: int) -> None:
        """On the classifier's thread: what is not written here is missed by nobody."""
        try:
            self._outbox.append(body, camera=self._settings.name, event=event, priority=priority)
        except CamwatchError as err:
            log.warning("labels of %s are not recorded: %s", event, error_chain(err))

    def _end(self, event: Event, reason: record.EndReason) -> None:
        chapter, self._running = self._running, None
        if chapter is None or self._stream is None:
            return
        chapter.event, chapter.reason = event, reason
        if self._tracing is not None:
            self._tracing.note("event.ended", event.last.mono_ns, chapter.id)
        if (recorder := chapter.recorder) is not None:
            end = self._footage.place_in(chapter.place.ring, self._stream, event.last)
            if end is None:
                recorder.stop()
            else:
                recorder.finish(end.stream, end.pts)
        self._set_state("motion", "OFF")

    def _pixels(self, at: Moment, frame: Frame, stream: VideoStream) -> Pixels:
        return pixels_at(self._footage.place(stream, at), stream, frame)

    def _leave_hung(self) -> None:
        """Motion that goes on deserves a recorder that works: it becomes a new event."""
        if self._running is None or not self._running.is_hung:
            return
        if (ended := self._activity.finish()) is not None:
            self._end(ended.event, "interrupted")

    def _cut_short(self, reason: record.EndReason) -> None:
        if (ended := self._activity.finish()) is not None:
            self._end(ended.event, reason)
        with self._lock:
            chapters = list(self._closing.values())
        for chapter in chapters:
            if (recorder := chapter.recorder) is not None:
                recorder.stop()

    def _clip_closed(self, chapter: _Chapter, clip: ClosedClip) -> None:
        """A part that another follows; on the recorder's thread."""
        self._append(record.EventUpdated(clip_ref(clip), chapter.event.zones), chapter)

    def _recording_ended(self, chapter: _Chapter, end: RecordingEnd) -> None:
        """The event's last word; on the recorder's thread."""
        event = chapter.event
        self.problem = ""
        if end.fault:
            self.problem = f"camera {self._settings.name}: {end.fault}"
            log.error("%s: event %s: %s", self._settings.name, chapter.id, end.fault)
            self._on_fault()
        body = record.EventEnded(
            kind="motion",
            started=chapter.started,
            ended=chapter.anchor.instant(event.last.mono_ns),
            duration_ms=max(0, event.last.mono_ns - event.started.mono_ns) // 1_000_000,
            reason=chapter.reason,
            zones=event.zones,
            score=event.score,
            parts=end.parts,
            clip=clip_ref(end.last) if end.last is not None else None,
            snapshot=self._picture(chapter),
            fault=names.shorten(end.fault, names.MAX_FAULT_CHARS) if end.fault else None,
            tracks=event.tracks,
        )
        self._append(body, chapter, chapter.labels.priority if chapter.labels else ORDINARY)
        self._look(chapter)
        if chapter.labels is not None:
            chapter.labels.finish()
        with self._lock:
            self._closing.pop(chapter.id, None)
        chapter.recorder = None  # which knows the chapter: its picture would wait for the collector
        chapter.is_over.set()
        log.info("%s: event %s ended, %d ms", self._settings.name, chapter.id, body.duration_ms)

    def _picture(self, chapter: _Chapter) -> SnapshotRef | None:
        """The best frame so far as a picture in the spool; None where that failed."""
        best = chapter.event.best
        if chapter.first_picture is not None and best.at == chapter.confirmed:
            return chapter.first_picture
        try:
            picture = chapter.best.to_bgr(SNAPSHOT_WIDTH)
            chapter.shown = picture if chapter.labels is not None else None
            taken = chapter.anchor.instant(best.at.mono_ns)
            return keep_picture(self._spool, picture, event=chapter.id, taken=taken, box=best.box)
        except CamwatchError as err:
            log.error(
                "%s: no snapshot of %s: %s", self._settings.name, chapter.id, error_chain(err)
            )
            self._on_fault()
            return chapter.first_picture

    def _append(self, body: record.Body, chapter: _Chapter, priority: int = ORDINARY) -> None:
        try:
            self._outbox.append(
                body, camera=self._settings.name, event=chapter.id, priority=priority
            )
        except CamwatchError as err:
            self.problem = f"camera {self._settings.name}: an event was not recorded"
            log.error("%s of %s is lost: %s", type(body).__name__, chapter.id, error_chain(err))
            self._on_fault()


def clip_ref(clip: ClosedClip) -> ClipRef:
    """A closed clip as its record names it."""
    return ClipRef(
        part=clip.part,
        sha256=clip.sha256,
        size_bytes=clip.size_bytes,
        duration_ms=clip.duration_ms,
        codec=clip.codec,
        width=clip.width,
        height=clip.height,
        starts=Instant(clip.head.starts_utc, clip.starts_mono_ns),
        pre_roll_ms=clip.pre_roll_ms,
        first_pts=clip.first_pts,
        time_base=clip.head.time_base,
        packets=clip.packets,
        lost_packets=clip.lost_packets,
        audio=clip.audio,
    )
