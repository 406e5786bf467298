"""The labelled recordings: where they are, and what is known to happen in them.

They are not part of the repository. `CAMWATCH_FOOTAGE` names their folder; without it they are
looked for in `../shared/footage` beside the repository.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from edge.base import schema
from edge.base.schema import item

ROOT = Path(__file__).parents[2]
VARIABLE = "CAMWATCH_FOOTAGE"

HARD_KINDS = frozenset({"ped16_far"})  # of events: 16 px tall, may be missed

Interval = tuple[int, int]


@dataclass(frozen=True)
class KnownEvent:
    """One crossing in a composed recording; frames are counted from 0 in decoding order."""

    kind: str = item("such as car_near or ped32_slow, the number being its height in pixels")
    first: int = item("the first frame it is seen in", min=0)
    last: int = item("the last frame it is seen in", min=0)
    peak_px: int = item("pixels changed at most", 0, min=0)


@dataclass(frozen=True)
class Labels:
    """What a recording's label file says; intervals are [first, last] frames from 0."""

    file: str = item("the recording's file name")
    codec: str = item("h264 or hevc")
    width: int = item("pixels", min=1)
    height: int = item("pixels", min=1)
    fps: float = item("mean frames a second", min=0)
    frames: int = item("how many", min=1)
    motion: tuple[Interval, ...] | None = item("someone or something is visible", None)
    static: tuple[Interval, ...] | None = item("nobody and nothing is", None)
    uncertain: tuple[Interval, ...] | None = item("not to be scored", None)
    events: tuple[KnownEvent, ...] | None = item("crossings known exactly", None)
    nuisances: tuple[KnownEvent, ...] | None = item("light changes that must not alarm", None)


@dataclass(frozen=True)
class Recording:
    """A recording and its labels."""

    name: str
    path: Path
    labels: Labels


class Footage:
    """The folder of recordings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def names(self) -> list[str]:
        """Every labelled recording, sorted."""
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def recording(self, name: str) -> Recording:
        """One recording. Raises SchemaError for a label file of another shape."""
        text = (self.folder / f"{name}.json").read_text(encoding="utf-8")
        labels = schema.load(Labels, json.loads(text), unknown="ignore")
        return Recording(name, self.folder / labels.file, labels)

    @property
    def odd(self) -> list[Path]:
        """Streams that break naive readers; they have no labels."""
        return sorted(path for path in (self.folder / "odd").iterdir() if path.is_file())


def find_footage() -> Footage | None:
    """The recordings, or None where there are none."""
    named = os.environ.get(VARIABLE)
    folder = Path(named) if named else ROOT.parent / "shared" / "footage"
    return Footage(folder) if any(folder.glob("*.json")) else None
