"""What nodes say of their troubles, in Vietnamese."""

from __future__ import annotations

from typing import get_args

import pytest

from edge.camera.camera import FAULT_TEXTS
from edge.camera.load import OFTEN
from edge.camera.shortage import FEW
from edge.capture import errors
from edge.health.reporter import BLIND
from hub.console.texts import texts_in
from hub.console.words import Words

VI = Words(texts_in("vi"))

SAID = [
    "the disk is nearly full: 3 % free", "the processor is hot: 84.5 degrees Celsius",
    "the board runs slower for heat or weak power", "camera gate delivers nothing",
    "camera gate: an event was not recorded", "capture gate hangs in spite of 3 restarts",
    "keyframes come 12.0 s apart", "camera gate sends nothing",
    "camera gate, source: refused: nothing listens on this port (check the port)",
    "schedules: the clock is not set: schedules wait, and the camera is on the safe side",
    "the sizes do not show a small walker: 900 bytes a picture are noticed, it adds 400",
    *(f"camera gate {each}" for each in BLIND.values()),
    *(f"camera gate: its picture is {each}" for each in FAULT_TEXTS.values()),
    "camera gate: overload: looked at half as often, and up to 4 s in a row not at all",
    *(f"camera gate: overload: looked at {each}" for each in OFTEN.values() if each),
    f"camera gate: {FEW} come", f"camera gate: overload: {FEW} are looked at",
    *(f"camera gate: {each}: no answer in time" for each in get_args(errors.Reason)),
]  # fmt: skip


@pytest.mark.parametrize("said", SAID)
def test_what_a_node_often_says_is_read_in_vietnamese(said: str) -> None:
    """Whole: not one English word of it is left."""
    told = VI.told(said)
    assert told != said
    english = set(said.replace(":", " ").split()) - {"gate", "capture", "camera", "%", "JPEG"}
    left = {word for word in english & set(told.split()) if word.isalpha()}
    assert left == set(), told


def test_the_names_and_numbers_in_it_stay() -> None:
    """A camera's name is nobody's word."""
    told = VI.told("camera gate-3: unauthorised: the camera refuses this user or password")
    assert told == "camera gate-3: camera từ chối mật khẩu: camera từ chối tài khoản hoặc mật khẩu"
    assert "84.5" in VI.told("the processor is hot: 84.5 degrees Celsius")


def test_what_is_not_known_stays_as_it_came() -> None:
    """Also within a sentence that is."""
    assert VI.told("something new") == "something new"
    assert VI.told("clips cannot be written: I/O error (EIO)").endswith(": I/O error (EIO)")
    assert VI.told("100 % of something") == "100 % of something"


def test_english_readers_read_the_same_facts() -> None:
    """The texts are complete sentences of their own."""
    words = Words(texts_in("en"))
    assert words.told("the disk is nearly full: 3 % free") == "the disk is nearly full: 3 % free"
