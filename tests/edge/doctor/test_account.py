"""What is advised where the node's account is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.base.findings import MAX_TEXT_CHARS
from edge.doctor.account import Account
from edge.enrol import note
from edge.enrol.note import Joined

LONG = "n" * 32


@pytest.mark.parametrize(
    ("joined", "told"),
    [
        ("done", "this box was enrolled, and gate-3 was shut out"),
        ("unknown", "gate-3 was shut out"),
        ("begun", "camwatch-edge enrol with the same node file again"),
        ("never", "this box was never enrolled"),
    ],
)
def test_the_advice_follows_from_how_the_box_joined(joined: Joined, told: str) -> None:
    """The same at broker and hub, with the command; a broker is not to be reloaded for it."""
    account = Account("gate-3", joined)
    for said in (
        account.refused_by_broker(is_known_to_hub=False),
        account.refused_by_hub(is_known_to_broker=False),
    ):
        assert said.startswith(told) or told in said
        assert "camwatch-hub node" in said
        assert "reload" not in said


def test_the_other_doors_yes_goes_before_all_else() -> None:
    """Then neither the secret nor the enrolment is to blame."""
    account = Account("gate-3", "done")
    assert "the hub takes" in account.refused_by_broker(is_known_to_hub=True)
    assert "hub.upload_url" in account.refused_by_hub(is_known_to_broker=True)


@pytest.mark.parametrize("joined", ["done", "unknown", "begun", "never"])
def test_the_advice_is_shown_whole(joined: Joined) -> None:
    """Whatever the node's name."""
    said = Account(LONG, joined).refused_by_broker(is_known_to_hub=False)
    assert len(said) <= MAX_TEXT_CHARS


def test_a_box_knows_how_far_its_enrolment_came(tmp_path: Path) -> None:
    """By its note, or by there being none."""
    assert note.standing(tmp_path) == "never"
    begun = note.begin(tmp_path, "token")
    assert note.standing(tmp_path) == "begun"
    note.finish(tmp_path, begun)
    assert note.standing(tmp_path) == "done"
    (tmp_path / note.NAME).write_text("{")
    assert note.standing(tmp_path) == "unknown"
