"""Pushes a track's samples into one client's pipeline, with time that never goes back.

GStreamer's sinks do the pacing; this only keeps an appsrc filled ahead of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.harness.gst import Gst
from tests.harness.gst_samples import Sample

QUEUE_BYTES = 200_000  # how far the feeder may run ahead of the sinks


class Feeder:
    """Feeds `samples` to `source`; again from the start every `loop_ns`, or up to the end.

    `on_end` is called, in a streaming thread, when the last sample has gone out. The end of the
    stream itself reaches the client, as an RTCP BYE, only where `passes_eos`.
    """

    def __init__(
        self,
        source: Any,
        payloader: Any,
        samples: list[Sample],
        *,
        loop_ns: int | None,
        passes_eos: bool,
        on_end: Callable[[], None],
    ) -> None:
        self._samples = samples
        self._loop_ns = loop_ns
        self._passes_eos = passes_eos
        self._on_end = on_end
        self._next = 0
        self._offset_ns = -min((sample.pts_ns for sample in samples), default=0)
        self._caps: Any = None
        source.set_property("max-bytes", QUEUE_BYTES)
        source.set_property("block", False)
        source.connect("need-data", self._on_need_data)
        payloader.get_static_pad("src").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self._on_event)

    def _on_need_data(self, source: Any, _size_bytes: int) -> None:
        if self._next == len(self._samples):
            if self._loop_ns is None or not self._samples:
                source.emit("end-of-stream")
                return
            self._next = 0
            self._offset_ns += self._loop_ns
        sample = self._samples[self._next]
        self._next += 1
        if sample.caps is not self._caps:
            self._caps = sample.caps
            source.set_property("caps", sample.caps)
        buffer = sample.buffer.copy()
        buffer.pts = sample.pts_ns + self._offset_ns
        dts_ns = sample.dts_ns + self._offset_ns
        buffer.dts = dts_ns if dts_ns >= 0 else Gst.CLOCK_TIME_NONE
        source.emit("push-buffer", buffer)

    def _on_event(self, _pad: Any, info: Any) -> Any:
        if info.get_event().type != Gst.EventType.EOS:
            return Gst.PadProbeReturn.OK
        self._on_end()
        return Gst.PadProbeReturn.OK if self._passes_eos else Gst.PadProbeReturn.DROP
