"""What is known of each recording: its labels in seconds, its conditions, its scene.

Labels are frame numbers in the order the decoder gives them; here they become seconds since the
first frame by the stream's own times, so that variable frame rates do not matter.

Conditions come from the label file's `conditions` (a list, or one string; `condition` and `tags`
are read too). `scene` there says which recordings show one place. Files that say nothing of it are
looked up in OPEN_FILES; what is not in it either has the condition "unstated".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import av

from tests.harness.footage import HARD_KINDS, Footage, Interval, Labels, Recording

REQUIRED_S = 0.5  # a shorter visit excuses an event, but need not be seen
UNSTATED = "unstated"
CONDITION_KEYS = ("conditions", "condition", "tags")

# Conditions and scene of the files whose labels do not name them, by their notes and by looking.
# "far": things of some 20 px and less. "busy": never still. "wind": foliage moves all the time.
OPEN_FILES: dict[str, tuple[tuple[str, ...], str]] = {
    "brightness-change": (("day", "outdoor", "light change", "wind"), "brightness-change"),
    "cdnet-highway": (("day", "outdoor", "busy", "wind"), "cdnet-highway"),
    "cdnet-office": (("indoor",), "cdnet-office"),
    "cdnet-pedestrians": (("day", "outdoor"), "cdnet-pedestrians"),
    "nest-atv": (("day", "outdoor", "wind", "far"), "nest"),
    "nest-bicycle": (("day", "outdoor", "wind", "far"), "nest"),
    "nest-walkers": (("day", "outdoor", "wind"), "nest"),
    "one-by-one-person": (("indoor",), "one-by-one-person"),
    "one-by-one-person-h265": (("indoor",), "one-by-one-person"),
    "sbi-caviar1": (("indoor", "busy"), "sbi-caviar1"),
    "sbi-hallandmonitor": (("indoor",), "sbi-hallandmonitor"),
    "street-day": (("day", "outdoor", "light change"), "street-day"),
    "waving-tree": (("day", "wind"), "waving-tree"),
}


@dataclass(frozen=True)
class Span:
    """A stretch of a recording, in seconds since its first frame; both ends belong to it."""

    first_s: float
    last_s: float

    @property
    def length_s(self) -> float:
        """Seconds."""
        return self.last_s - self.first_s

    def meets(self, other: Span) -> bool:
        """Whether they have a moment in common."""
        return self.first_s <= other.last_s and other.first_s <= self.last_s

    def shared(self, other: Span) -> Span | None:
        """What they have in common."""
        first_s, last_s = max(self.first_s, other.first_s), min(self.last_s, other.last_s)
        return Span(first_s, last_s) if first_s <= last_s else None


@dataclass(frozen=True)
class Visit:
    """Somebody or something in view; `kind` where the labels name it."""

    span: Span
    kind: str
    is_required: bool


@dataclass(frozen=True)
class Known:
    """A labelled recording, and all that is scored against."""

    name: str
    path: Path
    conditions: tuple[str, ...]
    scene: str
    visits: tuple[Visit, ...]
    static: tuple[Span, ...]
    uncertain: tuple[Span, ...]
    nuisances: tuple[tuple[str, Span], ...]
    length_s: float


def known(footage: Footage, only: frozenset[str] = frozenset()) -> list[Known]:
    """The labelled recordings, all or those named in `only`, sorted by name.

    Raises ValueError for a name that there is not, SchemaError for a label file of another shape.
    """
    if missing := only - set(footage.names):
        raise ValueError(f"{footage.folder} has no recording {', '.join(sorted(missing))}")
    names = [name for name in footage.names if not only or name in only]
    recordings = [footage.recording(name) for name in names]
    return [_known(each, footage) for each in recordings if each.labels.motion is not None]


def _known(recording: Recording, footage: Footage) -> Known:
    text = (footage.folder / f"{recording.name}.json").read_text(encoding="utf-8")
    conditions, scene = circumstances(recording.name, json.loads(text))
    times_s, length_s = frame_times(recording.path)
    return Known(
        name=recording.name,
        path=recording.path,
        conditions=conditions,
        scene=scene,
        visits=visits(recording.labels, times_s),
        static=tuple(span(each, times_s) for each in recording.labels.static or ()),
        uncertain=tuple(span(each, times_s) for each in recording.labels.uncertain or ()),
        nuisances=tuple(
            (each.kind, span((each.first, each.last), times_s))
            for each in recording.labels.nuisances or ()
        ),
        length_s=length_s,
    )


def circumstances(name: str, labels: dict[str, object]) -> tuple[tuple[str, ...], str]:
    """Conditions and scene of a recording, from its label file, else from the table here."""
    told: list[str] = []
    for key in CONDITION_KEYS:
        value = labels.get(key)
        told += [value] if isinstance(value, str) else []
        told += [str(each) for each in value] if isinstance(value, list) else []
    conditions, scene = OPEN_FILES.get(name, ((UNSTATED,), name))
    named = labels.get("scene")
    return tuple(dict.fromkeys(told)) or conditions, named if isinstance(named, str) else scene


def frame_times(path: Path) -> tuple[list[float], float]:
    """Seconds of each frame since the first, in order of time; and how long all of them last."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        ticks = sorted(each.pts for each in container.demux(stream) if each.pts is not None)
        base = float(stream.time_base or 0)
    times_s = [(each - ticks[0]) * base for each in ticks]
    frame_s = times_s[-1] / max(1, len(times_s) - 1)
    return times_s, times_s[-1] + frame_s


def span(interval: Interval, times_s: list[float]) -> Span:
    """A labelled interval in seconds, up to its last frame; numbers beyond the end are the end."""
    last = len(times_s) - 1
    return Span(times_s[min(interval[0], last)], times_s[min(interval[1], last)])


def visits(labels: Labels, times_s: list[float]) -> tuple[Visit, ...]:
    """The labelled motion, in order of time."""
    kinds = {(each.first, each.last): each.kind for each in labels.events or ()}
    found = []
    for interval in sorted(labels.motion or ()):
        seen, kind = span(interval, times_s), kinds.get((interval[0], interval[1]), "")
        is_required = seen.length_s >= REQUIRED_S and kind not in HARD_KINDS
        found.append(Visit(seen, kind, is_required))
    return tuple(found)
