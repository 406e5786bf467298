"""Who takes part, with which sensitivities, and one recording through all of them.

Each contestant has one natural setting for its sensitivity, its default, and the values of a sweep;
all else stays at its defaults. Those that look at pictures share one decoding of a recording.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.contract.motion import MotionSettings
from scripts.bench import seeing_programs
from scripts.bench.seeing_camwatch import Look, watch
from scripts.bench.seeing_events import Found, Runs
from scripts.bench.seeing_footage import Known
from scripts.bench.seeing_frigate import Frigate
from scripts.bench.seeing_kerberos import Kerberos
from scripts.bench.seeing_motion import Motion
from scripts.bench.seeing_shot import Contestant, shots
from scripts.bench.seeing_viseron import Viseron

OURS = "camwatch"
OURS_ALL = "camwatch, all"
DVR_SCAN = "dvr-scan itself"
MOTION_ITSELF = "motion itself"


@dataclass(frozen=True)
class Entry:
    """One contestant: its natural setting, and how it is run.

    `make` is for those that look at pictures, `decode` for the product, `program` for a program.
    """

    name: str
    setting: str
    default: float
    sweep: tuple[float, ...]
    make: Callable[[float], Contestant] | None = None
    decode: Literal["auto", "all"] | None = None
    program: str = ""


ENTRIES = (
    Entry(
        OURS, "sensitivity", MotionSettings().sensitivity, (1, 2, 3, 4, 5, 6, 8, 10), decode="auto"
    ),
    Entry(OURS_ALL, "sensitivity", MotionSettings().sensitivity, (2, 5, 8), decode="all"),
    Entry("frigate", "threshold", 30, (10, 15, 20, 25, 30, 40, 50, 70, 100), Frigate),
    Entry("kerberos", "changed px", 150, (5, 15, 50, 100, 150, 300, 1000, 3000), Kerberos),
    Entry("motion", "threshold", 1500, (50, 100, 200, 400, 800, 1500, 3000, 6000), Motion),
    Entry("viseron", "area", 0.08, (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16), Viseron),
)
PROGRAMS = (
    Entry(DVR_SCAN, "threshold", 0.15, (0.02, 0.05, 0.15, 0.5, 1.5), program="dvr-scan"),
    Entry(MOTION_ITSELF, "threshold", 1500, (200, 800, 1500), program="motion"),
)
ALL = {each.name: each for each in (*ENTRIES, *PROGRAMS)}


@dataclass(frozen=True)
class Turn:
    """A piece of work for one process: one recording, and settings that share its decoding."""

    recording: Known
    settings: tuple[tuple[str, float], ...]

    @property
    def cost(self) -> float:
        """Seconds of video to be decoded, times how dear they are; the dearest go first."""
        return self.recording.length_s * (1 + len(self.settings))


@dataclass(frozen=True)
class Outcome:
    """What one contestant with one setting found in one recording; the trace is the product's."""

    recording: str
    contestant: str
    setting: float
    found: tuple[Found, ...]
    trace: tuple[Look, ...] = ()
    cpu_s: float = 0.0
    note: str = ""


def turns(
    recordings: Sequence[Known], wanted: Sequence[tuple[str, float]], together: int = 16
) -> list[Turn]:
    """Who looks at what, the dearest first; at most `together` settings share a decoding."""
    found = []
    sharing = [each for each in wanted if ALL[each[0]].make is not None]
    alone = [each for each in wanted if ALL[each[0]].make is None]
    for recording in recordings:
        found += [Turn(recording, (each,)) for each in alone]
        found += [
            Turn(recording, tuple(sharing[first : first + together]))
            for first in range(0, len(sharing), together)
        ]
    return sorted(found, key=lambda turn: -turn.cost)


def play(turn: Turn) -> list[Outcome]:
    """Do one piece of work. Blocks; meant for a process of its own."""
    recording = turn.recording
    name, setting = turn.settings[0]
    entry = ALL[name]
    if entry.decode is not None:
        settings = MotionSettings(sensitivity=int(setting), decode=entry.decode)
        seen = watch(recording.path, settings)
        modes = ", ".join(sorted(seen.modes, key=lambda mode: -seen.modes[mode]))
        note = f"{seen.share:.0%} decoded; {modes}"
        return [Outcome(recording.name, name, setting, seen.found, seen.trace, seen.cpu_s, note)]
    if entry.program:
        found = seeing_programs.run(entry.program, setting, recording.path, recording.length_s)
        return [Outcome(recording.name, name, setting, found)]
    return _look(recording, turn.settings)


def _look(recording: Known, settings: Sequence[tuple[str, float]]) -> list[Outcome]:
    """Several contestants over one decoding."""
    playing = []
    for name, setting in settings:
        make = ALL[name].make
        assert make is not None
        playing.append((name, setting, make(setting), Runs()))
    for shot in shots(recording.path):
        for _, _, contestant, runs in playing:
            boxes = contestant.look(shot)
            if boxes is not None:
                largest = max(boxes, key=lambda box: box[2] * box[3], default=None)
                runs.take(shot.at_s, has_motion=bool(boxes), box=largest)
    return [
        Outcome(recording.name, name, setting, runs.finish()) for name, setting, _, runs in playing
    ]
