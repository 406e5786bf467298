"""Opens a camera's new addresses beside the streams that run, to see whether they answer."""

from __future__ import annotations

import dataclasses
import threading

from edge.base.clock import Clock
from edge.base.errors import CamwatchError
from edge.camera.intake import MakeSource
from edge.capture.errors import CaptureError
from edge.capture.source import Source, make
from edge.config.camera import CameraSettings

NETWORKED = ("rtsp", "http")  # a device on this box cannot be opened twice
STALL_S = 10.0
LIMIT_S = 25.0


class Rehearsal:
    """One camera's, in a thread of its own."""

    def __init__(
        self, settings: CameraSettings, clock: Clock, make_source: MakeSource = make
    ) -> None:
        self.name = settings.name
        self.problem: str | None = None
        """Why it does not answer; None where it does, or that is not known yet."""
        self._settings = dataclasses.replace(
            settings, stall_timeout_s=min(STALL_S, settings.stall_timeout_s)
        )
        self._clock = clock
        self._make_source = make_source
        self._limit_ns = clock.mono_ns() + round(LIMIT_S * 1e9)
        self._stop = threading.Event()
        self._source: Source | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"rehearsal-{settings.name}", daemon=True
        )
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether it is known how it went; one that hangs has failed at the limit."""
        if self._thread.is_alive() and self._clock.mono_ns() > self._limit_ns:
            self.problem = self.problem or "it does not answer"
            self.stop()
            return True
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Let go of it."""
        self._stop.set()
        if (source := self._source) is not None:
            source.close()

    def _run(self) -> None:
        settings = self._settings
        sub = settings.sub_source
        addresses = [("source", dataclasses.replace(settings, sub_source=None))]
        if sub is not None:
            addresses.append(
                ("sub_source", dataclasses.replace(settings, source=sub, sub_source=None))
            )
        for field, each in addresses:
            try:
                self._answer(each)
            except CamwatchError as err:  # a password file that cannot be read, too
                hint = f" ({err.hint})" if err.hint else ""
                self.problem = f"{field}: {err}{hint}"
                return

    def _answer(self, settings: CameraSettings) -> None:
        """Until a picture has come. Raises CaptureError."""
        self._source = source = self._make_source(settings, self._clock)
        try:
            source.open()
            for packet in source.packets():
                if self._stop.is_set() or not packet.is_audio:
                    return
            raise CaptureError("ended", "the stream ended")
        finally:
            source.close()
