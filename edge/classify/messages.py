"""What a node and its child process with the model say to each other: lines of JSON.

The node sends an `Order`, then pictures as raw bytes; the child answers `Loaded` or `Refusal`, then
an `Answer` to each picture.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.base.schema import item
from edge.classify.candidates import MAX_FOUND, Sighting
from edge.classify.errors import ModelError
from edge.config.classify import Kind
from edge.contract import names


@dataclass(frozen=True)
class Order:
    """Which model, and how to use it."""

    model: str = item("its ONNX file")
    side_px: int = item("of a picture, which is square", min=1)
    classes: int = item("how many it tells apart", min=1)
    kind: Kind = item("how its outputs are read")
    min_confidence: float = item("0 to 1; what is less sure is left out")
    memory_bytes: int = item("what it may take beyond its libraries", min=1)
    parent: int = item("the process id of who sends this")


@dataclass(frozen=True)
class Loaded:
    """What the child says of the model."""

    kind: str = item("yolox or nanodet", max_length=32)
    outputs: tuple[str, ...] = item("their shapes", max_items=64)
    sha256: str = item("of the file", pattern=names.HASH_PATTERN)
    load_cpu_ms: float = item("processor time for libraries, loading and one try", min=0)
    memory_bytes: int = item("the most it held so far", min=0)


@dataclass(frozen=True)
class Refusal:
    """Why the child has no model."""

    field: str = item("the setting to blame", max_length=64)
    message: str = item("why", max_length=2000)
    hint: str = item("what to do", "", max_length=1000)


@dataclass(frozen=True)
class Answer:
    """What the child saw in one picture: class, confidence and corners each."""

    seen: tuple[tuple[float, ...], ...] = item("the surest first", max_items=MAX_FOUND)
    cpu_ms: float = item("processor time of the look", min=0)
    memory_bytes: int = item("the most it held so far", min=0)

    def sightings(self, classes: int) -> list[Sighting]:
        """The same, typed. Raises ModelError for what cannot be."""
        found = []
        for each in self.seen:
            if len(each) != 6 or not (0 <= each[0] < classes and 0 <= each[1] <= 1):
                raise ModelError("classify.model", "its process answers what cannot be")
            found.append(Sighting(int(each[0]), each[1], (each[2], each[3], each[4], each[5])))
        return found
