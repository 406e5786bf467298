"""One track of an open clip: samples that wait for a fragment, and the table of the rest."""

from __future__ import annotations

from dataclasses import dataclass

from edge.media.packet import Packet
from edge.mux.fragment import Run
from edge.mux.track import Sample, SampleTable, Ticker, TrackFormat

DEFAULT_FRAME_S = 0.04  # a clip of a single picture has to last some time
MAX_DURATION = 0xFFFFFFFF  # 32 bits in the file


@dataclass(slots=True)
class Pending:
    """A sample that no fragment holds yet; `duration` is what the camera says, 0 for nothing."""

    dts: int
    pts: int
    duration: int
    is_sync: bool
    data: bytes


class TrackWriter:
    """Collects samples, and hands them over run by run."""

    def __init__(self, form: TrackFormat, ticker: Ticker) -> None:
        self.form = form
        self.ticker = ticker
        self.table = SampleTable()
        self.pending: list[Pending] = []

    def make(self, data: bytes, packet: Packet) -> Pending:
        """The sample for `packet`, timed but not yet waiting."""
        dts, pts = self.ticker.stamp(packet.dts, packet.pts, packet.arrival_mono_ns)
        return Pending(dts, pts, self.ticker.scaled(packet.duration), packet.is_keyframe, data)

    def waited_s(self, dts: int) -> float:
        """How much there would be in the run if it went on to `dts`."""
        return (dts - self.pending[0].dts) / self.form.timescale if self.pending else 0.0

    def take_run(self, next_dts: int | None) -> Run:
        """All that waits; `next_dts` is when the sample after it is decoded, if that is known."""
        waiting, self.pending = self.pending, []
        samples = []
        for at, each in enumerate(waiting):
            after = waiting[at + 1].dts if at + 1 < len(waiting) else next_dts
            if after is None:
                after = each.dts + self._length(each)
            length = min(after - each.dts, MAX_DURATION)
            samples.append(Sample(each.dts, each.pts, length, len(each.data), each.is_sync))
        return Run(self.form, samples, [each.data for each in waiting])

    def _length(self, last: Pending) -> int:
        usual = self.ticker.step or int(DEFAULT_FRAME_S * self.form.timescale)
        return max(1, last.duration or usual)
