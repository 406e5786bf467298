"""What somebody's hands on a camera become: records, two pictures and a clip, before all others.

Order: the recorder claims the minute before, the pictures are put into the spool, `event.started`
and `camera.tampered` are appended. The clip, which ends some seconds after the fault was found, is
announced by `event.updated` as soon as it is complete. When the fault is over, `camera.restored`
and `event.ended` follow, which may be days later. All go to the hub before what is ordinary.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from edge.base.clock import Clock
from edge.base.errors import CamwatchError
from edge.base.logs import error_chain
from edge.base.mark import Mark
from edge.camera.encoders import Encoders
from edge.camera.footage import Footage, KeyframePixels, pixels_at
from edge.camera.moments import Anchor
from edge.camera.pictures import SNAPSHOT_WIDTH, keep_picture
from edge.camera.progress import TracedHistory
from edge.camera.story import RECORDER_LIMIT_S, clip_ref
from edge.config.camera import CameraSettings
from edge.contract import ids, names, record
from edge.contract.clips import ClipSettings
from edge.contract.parts import Instant, SnapshotRef
from edge.media.frame import Frame, Luma, Picture, Pixels
from edge.media.packet import VideoStream
from edge.motion.observation import Moment
from edge.motion.tamper import Over, Tampering
from edge.mux.clip import ClosedClip
from edge.mux.parts import Trigger
from edge.mux.recorder import ClipRecorder, RecordingEnd
from edge.mux.spool import Spool
from edge.outbox.outbox import Outbox
from edge.outbox.values import URGENT

log = logging.getLogger(__name__)

TAIL_S = 10.0  # recorded after the fault was found, beside the post-roll


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is to be kept of a tampering that was just found, in `frame` of `stream`."""

    tampering: Tampering
    since: Moment
    frame: Frame
    stream: VideoStream
    before: Moment | None
    """When the view was last well, a little before; None where that is not known."""
    before_luma: Luma | None


@dataclass
class _Chapter:
    """One tampering from its start until its last record is written."""

    id: str
    tampering: Tampering
    anchor: Anchor
    since: Instant
    mark: Mark
    recorder: ClipRecorder | None = None
    is_hung: bool = False
    parts: int = 0
    recording: RecordingEnd | None = None
    ended: tuple[Instant, record.EndReason] | None = None
    is_told: bool = False
    is_over: threading.Event = field(default_factory=threading.Event)


class TamperStory:
    """One camera's tampering. `begin`, `end`, `lose` and `stop` are for the analysis thread."""

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
    ) -> None:
        """As for `edge.camera.story.Story`."""
        self._name = settings.name
        self._clips = dataclasses.replace(
            settings.clips,
            pre_roll_s=max(settings.clips.pre_roll_s, settings.tamper.pre_roll_s),
        )
        self._encoders = encoders or Encoders(settings.name, clock)
        self._on_fault = on_fault
        self._footage = footage
        self._clock = clock
        self._outbox = outbox
        self._spool = spool
        self._set_state = set_state
        self._lock = threading.Lock()
        self._running: _Chapter | None = None
        self._open: dict[str, _Chapter] = {}

    def retune(self, clips: ClipSettings) -> None:
        """Record by other settings from the next fault on."""
        self._clips = dataclasses.replace(clips, pre_roll_s=self._clips.pre_roll_s)

    def begin(self, evidence: Evidence) -> None:
        """A fault was found: record it, and what led to it."""
        self.stop()
        tampering, anchor = evidence.tampering, Anchor(self._clock)
        since = anchor.instant(tampering.since_ns)
        mark = Mark(self._clock, RECORDER_LIMIT_S)
        chapter = _Chapter(ids.new_event(since.utc), tampering, anchor, since, mark)
        self._record_clip(chapter, evidence)
        self._running = chapter
        with self._lock:
            self._open[chapter.id] = chapter
        self._append(
            record.EventStarted("tampered", since, zones=(), score=tampering.score), chapter
        )
        self._append(self._tampered(chapter, evidence), chapter)
        self._set_state("tamper", "ON")
        log.warning("%s: %s, event %s", self._name, tampering.fault, chapter.id)

    def end(self, over: Over) -> None:
        """The fault is over."""
        chapter, self._running = self._running, None
        self._set_state("tamper", "OFF")
        if chapter is None:
            return
        restored = chapter.anchor.instant(over.at_ns)
        body = record.CameraRestored(
            fault=chapter.tampering.fault,
            since=chapter.since,
            restored=restored,
            duration_ms=_ms_between(chapter.since, restored),
            outcome=over.outcome,
        )
        self._append(body, chapter)
        log.warning("%s: no longer %s: %s", self._name, body.fault, over.outcome)
        self._finish(chapter, restored, "quiet")

    def lose(self) -> None:
        """The camera is gone: close the clip with what there is. What is wrong stays wrong."""
        if self._running is not None and self._running.recorder is not None:
            self._running.recorder.stop()

    def stop(self) -> None:
        """The agent stops: close the clip now, and end the event, whose fault may go on."""
        chapter, self._running = self._running, None
        if chapter is None:
            return
        if chapter.recorder is not None:
            chapter.recorder.stop()
        self._finish(chapter, chapter.anchor.instant(self._clock.mono_ns()), "stopped")

    def close(self, timeout_s: float) -> bool:
        """After `stop`: wait until every event is ended in the journal; false if not in time."""
        with self._lock:
            chapters = list(self._open.values())
        return all(chapter.is_over.wait(timeout_s) for chapter in chapters)

    def hung_recorders(self) -> int:
        """How many recorders hang. For any thread."""
        with self._lock:
            open_now = list(self._open.values())
        hung = [each for each in open_now if each.recorder is not None and each.mark.is_late()]
        for chapter in hung:
            if not chapter.is_hung:
                chapter.is_hung = True
                log.error("%s: the recorder of %s hangs", self._name, chapter.id)
        return len(hung)

    def _record_clip(self, chapter: _Chapter, evidence: Evidence) -> None:
        place = self._footage.place(evidence.stream, evidence.since)
        trigger = Trigger(chapter.id, place.stream, place.pts, evidence.since.mono_ns)
        recorder = ClipRecorder(
            TracedHistory(place.ring, chapter.mark, self._encoders), self._spool, self._clips,
            chapter.anchor, trigger,
            on_clip=lambda clip: self._clip_closed(chapter, clip),
            on_end=lambda end: self._recording_ended(chapter, end),
        )  # fmt: skip
        chapter.recorder = recorder
        found_s = (evidence.tampering.at_ns - evidence.since.mono_ns) / 1e9
        tail = round((found_s + TAIL_S) / float(place.stream.time_base))
        recorder.finish(place.stream, place.pts + tail)
        recorder.start()

    def _tampered(self, chapter: _Chapter, evidence: Evidence) -> record.CameraTampered:
        frame, stream = evidence.frame, evidence.stream
        now = Moment(frame.pts, frame.mono_ns)
        after = pixels_at(self._footage.place(stream, now), stream, frame)
        before: SnapshotRef | None = None
        if evidence.before is not None and evidence.before_luma is not None:
            place = self._footage.place(stream, evidence.before)
            pixels = KeyframePixels(place, GreyPixels(evidence.before_luma))
            before = self._picture(chapter, pixels, evidence.before)
        return record.CameraTampered(
            fault=evidence.tampering.fault,
            since=chapter.since,
            found=chapter.anchor.instant(evidence.tampering.at_ns),
            score=evidence.tampering.score,
            before=before,
            after=self._picture(chapter, after, now),
        )

    def _picture(self, chapter: _Chapter, pixels: Pixels, at: Moment) -> SnapshotRef | None:
        try:
            picture = pixels.to_bgr(SNAPSHOT_WIDTH)
            taken = chapter.anchor.instant(at.mono_ns)
            return keep_picture(self._spool, picture, event=chapter.id, taken=taken)
        except CamwatchError as err:
            log.error("%s: no snapshot of %s: %s", self._name, chapter.id, error_chain(err))
            self._on_fault()
            return None

    def _clip_closed(self, chapter: _Chapter, clip: ClosedClip) -> None:
        """A part that another follows; on the recorder's thread."""
        self._append(record.EventUpdated(clip_ref(clip), ()), chapter)

    def _recording_ended(self, chapter: _Chapter, end: RecordingEnd) -> None:
        """On the recorder's thread."""
        if end.fault:
            log.error("%s: event %s: %s", self._name, chapter.id, end.fault)
            self._on_fault()
        if end.last is not None:
            self._append(record.EventUpdated(clip_ref(end.last), ()), chapter)
        with self._lock:
            chapter.recording = end
        chapter.recorder = None  # which knows the chapter
        self._tell_end(chapter)

    def _finish(self, chapter: _Chapter, at: Instant, reason: record.EndReason) -> None:
        with self._lock:
            chapter.ended = at, reason
        self._tell_end(chapter)

    def _tell_end(self, chapter: _Chapter) -> None:
        """The event's last word, once it is over and its clip is closed, by whoever is second."""
        with self._lock:
            end, recording = chapter.ended, chapter.recording
            if chapter.is_told or end is None or recording is None:
                return
            chapter.is_told = True
        at, reason = end
        fault = recording.fault
        body = record.EventEnded(
            kind="tampered",
            started=chapter.since,
            ended=at,
            duration_ms=_ms_between(chapter.since, at),
            reason=reason,
            zones=(),
            score=chapter.tampering.score,
            parts=recording.parts,
            fault=names.shorten(fault, names.MAX_FAULT_CHARS) if fault else None,
        )
        self._append(body, chapter)
        with self._lock:
            self._open.pop(chapter.id, None)
        chapter.is_over.set()

    def _append(self, body: record.Body, chapter: _Chapter) -> None:
        try:
            self._outbox.append(body, camera=self._name, event=chapter.id, priority=URGENT)
        except CamwatchError as err:
            log.error("%s of %s is lost: %s", type(body).__name__, chapter.id, error_chain(err))
            self._on_fault()


class GreyPixels:
    """The small luma in place of a picture that the ring has no more."""

    def __init__(self, luma: Luma) -> None:
        self._luma = luma

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self._luma.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self._luma.shape[0])

    def to_bgr(self, max_width: int) -> Picture:
        """Grey, and smaller than any limit."""
        return np.asarray(cv2.cvtColor(self._luma, cv2.COLOR_GRAY2BGR), np.uint8)


def _ms_between(start: Instant, end: Instant) -> int:
    return max(0, end.mono_ns - start.mono_ns) // 1_000_000
