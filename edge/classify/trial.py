"""Tries a model on pictures, for installers: what it sees, how long it takes, what it holds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.base.units import format_size
from edge.classify import classes
from edge.classify.classifier import Found
from edge.classify.errors import ModelError
from edge.classify.messages import Loaded
from edge.classify.process import ModelProcess
from edge.classify.tile import cut
from edge.config.classify import ClassifySettings
from edge.media.frame import Picture


@dataclass(frozen=True)
class Seen:
    """What a model sees in one picture, all labels included, and what that took."""

    picture: str
    found: tuple[Found, ...]
    cpu_ms: float
    wall_ms: float

    def text(self, reported: Sequence[str]) -> str:
        """For people; what the settings leave out stands in brackets."""
        things = []
        for each in self.found:
            said = f"{each.label} {each.confidence:.2f}"
            things.append(said if each.label in reported else f"({said})")
        took = f"{self.wall_ms:.0f} ms, {self.cpu_ms:.0f} ms of processor time"
        return f"{', '.join(things) or 'nothing'}; {took}"


@dataclass(frozen=True)
class Trial:
    """A model that works."""

    loaded: Loaded
    classes: int
    load_s: float
    memory_bytes: int
    idle_s: float
    reported: tuple[str, ...]
    seen: tuple[Seen, ...]

    def lines(self) -> list[str]:
        """The report for people, one thing a line."""
        loaded = self.loaded
        took = f"{self.load_s:.2f} s, {loaded.load_cpu_ms:.0f} ms of processor time"
        rows = (
            ("model", f"{loaded.kind}, {self.classes} classes, {', '.join(loaded.outputs[:4])}"),
            ("sha256", loaded.sha256),
            ("loading", took),
            ("memory", f"{format_size(self.memory_bytes)}, until {self.idle_s:g} s after a look"),
            ("reported", ", ".join(self.reported)),
        )
        seen = [f"{each.picture}: {each.text(self.reported)}" for each in self.seen]
        return [f"{name:<10}{text}" for name, text in rows] + seen

    def to_json(self) -> dict[str, object]:
        """The report as plain values, ready for `json.dumps`."""
        return asdict(self)


def run(settings: ClassifySettings, pictures: Sequence[Path]) -> Trial:
    """Load the model as a node does and show it each picture whole. Blocks. Raises ModelError."""
    labels = classes.labels(settings.classes, settings.classes_file)
    shown = [(path, _read(path)) for path in pictures]
    started_s = time.monotonic()
    process = ModelProcess(settings, len(labels))
    try:
        loaded = process.load()
        load_s = time.monotonic() - started_s
        most_bytes, seen = loaded.memory_bytes, []
        for path, picture in shown:
            tile = cut(picture, (), settings.input_px)
            began_s = time.monotonic()
            answer = process.look(tile.pixels.tobytes())
            wall_ms = round(1000 * (time.monotonic() - began_s), 1)
            places = [(each, tile.box(each.box)) for each in answer.sightings(len(labels))]
            found = tuple(
                Found(labels[each.number], round(each.confidence, 3), box)
                for each, box in places
                if box is not None
            )
            most_bytes = max(most_bytes, answer.memory_bytes)
            seen.append(Seen(str(path), found, answer.cpu_ms, wall_ms))
    finally:
        process.close()
    return Trial(
        loaded, len(labels), load_s, most_bytes, settings.idle_s, settings.labels, tuple(seen)
    )


def _read(path: Path) -> Picture:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as err:
        raise ModelError("picture", f"cannot read {path}: {err.strerror}") from err
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if picture is None:
        raise ModelError("picture", f"{path} is no picture", hint="give a JPEG or PNG file")
    return np.asarray(picture, np.uint8)
