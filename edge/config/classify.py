"""Settings of the optional model that says what moved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from edge.base.schema import item
from edge.base.units import parse_duration_s, parse_size_bytes
from edge.contract import names

Kind = Literal["auto", "yolox", "nanodet"]
STRIDE = 32  # the coarsest cell that every known model has


@dataclass(frozen=True)
class ClassifySettings:
    """An optional model that labels events, in a process of its own."""

    model: str | None = item("ONNX file of an object detector; none: nothing is labelled", None)
    kind: Kind = item("how its outputs are read; auto: by their shapes", "auto")
    input_px: int = item("side of its square input", 416, min=64, max=1280)
    classes: tuple[str, ...] = item(
        "names of its classes in the order of its outputs; none: the 80 of COCO", (),
        max_items=1000, max_length=64,
    )  # fmt: skip
    classes_file: str | None = item("the same in a file, one a line", None)
    labels: tuple[str, ...] = item(
        "what is reported: person, vehicle, animal, or class names",
        ("person", "vehicle", "animal"), max_items=64, max_length=64,
    )  # fmt: skip
    first: tuple[str, ...] = item(
        "records and clips of events with one of these labels go to the hub before all others", (),
        max_items=64, max_length=64,
    )  # fmt: skip
    min_confidence: float = item("how sure it must be", 0.4, min=0.05, max=1)
    frames_per_event: int = item("frames looked at, at most", 3, min=1, max=10)
    look_timeout_s: float = item(
        "one frame may take so long; then the process is ended", 10.0, parse=parse_duration_s,
        min=0.5, max=120,
    )  # fmt: skip
    idle_s: float = item(
        "the process ends when nothing was looked at for so long", 30.0, parse=parse_duration_s,
        min=0, max=3600,
    )  # fmt: skip
    memory_bytes: int = item(
        "what the model may take beyond its libraries", 256 * 2**20, parse=parse_size_bytes,
        min=16 * 2**20, max=4 * 2**30,
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.input_px % STRIDE:
            raise ValueError(f"input_px: {self.input_px} is not a multiple of {STRIDE}")
        if self.classes and self.classes_file:
            raise ValueError("classes_file: not with classes; give one of them")
        for field in ("labels", "first"):
            for label in getattr(self, field):
                if not re.fullmatch(names.LABEL_PATTERN, label):
                    raise ValueError(
                        f"{field}: {label!r} is no label; write lower-case letters, digits and -"
                    )
        if missing := [label for label in self.first if label not in self.labels]:
            raise ValueError(f"first: {missing[0]} is not in labels, so no event can have it")
