"""Builds the health report; the agent's loop asks for it every 30 s and publishes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from edge.base.clock import Clock
from edge.contract import names
from edge.contract.health import CameraHealth, Health, LabelHealth, OutboxHealth
from edge.contract.parts import ClockStamp
from edge.health import probes
from edge.outbox.outbox import Outbox

LOW_DISK_PART = 0.05  # a journal and a spool on a disk fuller than this are in danger
HOT_C = 80.0  # Raspberry Pi boards begin to slow down at 80 to 85 degrees


class Reporter:
    """Collects what `Health` needs. One thread at a time."""

    def __init__(
        self,
        *,
        clock: Clock,
        stamp: Callable[[], ClockStamp],
        outbox: Outbox,
        state_dir: Path,
        cameras: Callable[[], Sequence[CameraHealth]],
        problems: Callable[[], Sequence[str]],
        labels: Callable[[], LabelHealth | None] = lambda: None,
    ) -> None:
        self._labels = labels
        self._clock = clock
        self._stamp = stamp
        self._outbox = outbox
        self._state_dir = state_dir
        self._cameras = cameras
        self._problems = problems
        self._cpu = probes.CpuMeter()
        self._started_ns = clock.mono_ns()

    def report(self) -> Health:
        """The node as it is now. Raises StorageError when the journal cannot be asked."""
        free, total = probes.disk_bytes(self._state_dir)
        depth = self._outbox.depth()
        cameras = tuple(self._cameras())
        temperature_c = probes.temperature_c()
        is_throttled = probes.is_throttled()
        problems = [*self._problems(), *_camera_problems(cameras)]
        if free < LOW_DISK_PART * total:
            problems.append(f"the disk is nearly full: {free * 100 // total} % free")
        if temperature_c is not None and temperature_c >= HOT_C:
            problems.append(f"the processor is hot: {temperature_c:g} degrees Celsius")
        if is_throttled:
            problems.append("the board runs slower for heat or weak power")
        return Health(
            v=names.VERSION,
            at_utc=self._clock.utc(),
            clock=self._stamp(),
            uptime_s=round((self._clock.mono_ns() - self._started_ns) / 1e9, 1),
            cpu_percent=self._cpu.percent(),
            memory_bytes=probes.resident_bytes(),
            disk_free_bytes=free,
            disk_total_bytes=total,
            cameras=cameras,
            outbox=OutboxHealth(
                depth.records,
                depth.snapshots,
                depth.clips,
                depth.clip_bytes,
                round(depth.oldest_s, 1),
            ),
            temperature_c=temperature_c,
            is_throttled=is_throttled,
            problems=tuple(problems[:32]),
            labels=self._labels(),
        )


BLIND = {
    "frozen": "shows a frozen picture",
    "black": "shows a black picture",
    "overload": "sends more than this board can look at",
    "storage": "is not recorded: the disk does not take it",
}


def _camera_problems(cameras: Sequence[CameraHealth]) -> list[str]:
    problems = []
    for each in cameras:
        if each.state == "lost":
            problems.append(f"camera {each.camera} delivers nothing")
        elif each.blind in BLIND:
            problems.append(f"camera {each.camera} {BLIND[each.blind]}")
    return problems
