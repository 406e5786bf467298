"""Names of a model's classes, and what an operator is told: person, vehicle, animal.

A file names one class a line, in the order of the model's outputs. Without one, the 80 classes of
COCO are meant, in the order in which models are trained on them (cocodataset.org, 2017).
"""

from __future__ import annotations

import re
from pathlib import Path

from edge.classify.errors import ModelError

MAX_CLASSES = 1000
MAX_FILE_BYTES = 64 * 1024

PEOPLE = "person"
VEHICLES = "bicycle car motorcycle motorbike bus train truck boat van tricycle airplane aeroplane"
ANIMALS = "bird cat dog horse sheep cow elephant bear zebra giraffe"
GROUPS = {
    **dict.fromkeys(("person", "people", "pedestrian"), "person"),
    **dict.fromkeys(VEHICLES.split(), "vehicle"),
    **dict.fromkeys(ANIMALS.split(), "animal"),
}
COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog",
    "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella",
    "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
    "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange",
    "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant",
    "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip


def label_of(name: str) -> str:
    """The label for a class of that name: its group, or the name as labels are spelt."""
    spelt = re.sub(r"[^a-z0-9]+", "-", name.strip().lower()).strip("-")[:32].strip("-")
    return GROUPS.get(spelt, spelt or "unnamed")


def labels(classes: tuple[str, ...], classes_file: str | None) -> tuple[str, ...]:
    """The label of each class, in the model's order. Raises ModelError naming the setting."""
    found = classes or (COCO if classes_file is None else _read(Path(classes_file)))
    return tuple(label_of(name) for name in found)


def _read(path: Path) -> tuple[str, ...]:
    field = "classify.classes_file"
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "not a UTF-8 text file"
        raise ModelError(field, f"cannot read {path}: {reason}") from err
    found = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not 1 <= len(found) <= MAX_CLASSES or len(text) > MAX_FILE_BYTES:
        raise ModelError(
            field, f"{path} names {len(found)} classes, not 1 to {MAX_CLASSES}",
            hint="write one class a line, in the order of the model's outputs",
        )  # fmt: skip
    return found
