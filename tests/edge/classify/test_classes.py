"""Names of classes become what an operator looks for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge.classify import classes
from edge.classify.errors import ModelError
from edge.contract import names


def test_coco_names_become_person_vehicle_and_animal() -> None:
    """The rest keeps its name, spelt as a label."""
    labels = classes.labels((), None)
    assert len(labels) == 80
    assert (labels[0], labels[2], labels[7], labels[16]) == (
        "person", "vehicle", "vehicle", "animal",
    )  # fmt: skip
    assert labels[9] == "traffic-light"
    assert labels.count("animal") == 10


@pytest.mark.parametrize("name", ["Traffic Light", " person ", "x" * 90, "xe máy", "???", "a--b"])
def test_every_name_becomes_a_label_that_a_record_can_carry(name: str) -> None:
    """Whatever stands in a classes file."""
    assert re.fullmatch(names.LABEL_PATTERN, classes.label_of(name))


def test_a_classes_file_has_one_class_a_line(tmp_path: Path) -> None:
    """Blank lines do not count."""
    path = tmp_path / "classes.txt"
    path.write_text("Pedestrian\n\nvan\nbin\n")
    assert classes.labels((), str(path)) == ("person", "vehicle", "bin")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"x\n" * 1001])
def test_a_bad_classes_file_is_named_with_its_setting(
    tmp_path: Path, content: bytes | None
) -> None:
    """Missing, empty, not a text, or endless."""
    path = tmp_path / "classes.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"classify\.classes_file: .*classes\.txt"):
        classes.labels((), str(path))
