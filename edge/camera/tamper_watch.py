"""Looks after the camera itself: hands its pictures to the judge, and what that finds to the story.

Called by the analysis with every picture that it looks at, also the single keyframes of a closed
viewer. Says of each what the coverage should make of it: a camera that is covered does not watch,
and while it is in doubt nothing is claimed.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from edge.camera.tamper_story import Evidence
from edge.contract.record import TamperFault
from edge.contract.tamper import TamperSettings
from edge.media.frame import Frame, Luma
from edge.media.packet import VideoStream
from edge.motion.observation import Moment
from edge.motion.picture import State
from edge.motion.tamper import Over, Tampering, TamperJudge

BEFORE_S = 2.0  # before the first picture that shows a fault: a hand is on its way already
KEPT = 40  # moments that were judged


class TamperListener(Protocol):
    """Who makes something of what is found: the camera's tamper story. See there."""

    def begin(self, evidence: Evidence) -> None:
        """A fault was found."""

    def end(self, over: Over) -> None:
        """The fault is over."""

    def lose(self) -> None:
        """The camera is gone."""

    def stop(self) -> None:
        """The agent stops."""


class TamperWatch:
    """One camera's. `look`, `lose` and `stop` are for the analysis thread."""

    def __init__(self, settings: TamperSettings, story: TamperListener) -> None:
        self._story = story
        self._judge = TamperJudge(settings.sensitivity)
        self._judged: deque[tuple[Moment, Luma]] = deque(maxlen=KEPT)
        self._is_frozen = False

    def retune(self, settings: TamperSettings) -> None:
        """Judge by other settings; what was learnt of the view stays."""
        self._judge.retune(settings.sensitivity)

    @property
    def fault(self) -> TamperFault | None:
        """What is wrong with the camera now. For any thread."""
        return self._judge.fault

    def heed(self, picture: State, *, is_stuck: bool) -> None:
        """Take what the picture check calls the picture that will be judged next.

        `is_stuck`: it will be called frozen soon, if it goes on so.
        """
        self._is_frozen = picture == "frozen" or is_stuck

    def look(self, frame: Frame, stream: VideoStream) -> bool:
        """Judge a picture if it is due; whether the next ones are wanted soon, to be sure."""
        is_news = self._is_frozen and self._judge.fault is None
        if is_news or self._judge.is_due(frame.mono_ns):
            moment = Moment(frame.pts, frame.mono_ns)
            found = self._judge.observe(frame.luma, frame.mono_ns, is_frozen=self._is_frozen)
            if isinstance(found, Tampering):
                self._story.begin(self._evidence(found, frame, stream))
            elif isinstance(found, Over):
                self._story.end(found)
            self._judged.append((moment, frame.luma))
        return self._judge.is_in_doubt

    def judged(self, picture: State) -> tuple[State, str | None]:
        """What the coverage should make of a picture that the picture check calls `picture`."""
        if picture in ("frozen", "black"):
            return picture, None
        if self._judge.is_in_doubt:
            return "unproven", None
        fault = self._judge.fault
        if fault in (None, "frozen", "black"):  # of which the picture check knows more exactly
            return picture, None
        return "tampered", fault

    def lose(self) -> None:
        """The stream is gone."""
        self._judged.clear()  # their times are of that stream
        self._is_frozen = False
        self._story.lose()

    def stop(self) -> None:
        """The agent stops."""
        self._story.stop()

    def _evidence(self, found: Tampering, frame: Frame, stream: VideoStream) -> Evidence:
        limit_ns = found.since_ns - int(BEFORE_S * 1e9)
        earlier = [each for each in self._judged if each[0].mono_ns < found.since_ns]
        well = [each for each in earlier if each[0].mono_ns <= limit_ns] or earlier[:1]
        since = next(
            (each for each, _ in self._judged if each.mono_ns >= found.since_ns),
            Moment(frame.pts, frame.mono_ns),
        )
        before, luma = well[-1] if well else (None, None)
        return Evidence(found, since, frame, stream, before, luma)
