"""The words of archive and contract, as people read them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from edge.contract.record import BlindCause, TamperFault, TamperOutcome
from hub.archive.values import KINDS
from hub.console.texts import texts_in
from hub.console.words import WORDS, Words

HUB = Path(__file__).parents[3] / "hub"


def test_why_a_camera_was_blind_names_the_fault_in_the_reader_s_language() -> None:
    """What a node says of it besides is told in that language too, as far as it is known."""
    words = Words(texts_in("vi"))
    assert words.why("tampered", "covered") == "camera bị tác động: ống kính bị che"
    assert words.why("stream_lost", "refused") == "camera không gửi tín hiệu: camera từ chối"
    assert words.why(None, None) == "" and words.why("stopped", None) == "thiết bị đã dừng"


def test_every_cause_fault_and_outcome_of_the_contract_has_a_word() -> None:
    """A new one is not shown raw."""
    assert set(get_args(BlindCause)) <= WORDS["cause"].keys()
    assert WORDS["kind"].keys() == set(KINDS)  # what can be asked for is what can be told
    assert "lost" in KINDS
    assert set(get_args(TamperFault)) == WORDS["tampering"].keys()
    assert set(get_args(TamperOutcome)) == WORDS["tamper_outcome"].keys()


def test_every_deed_that_a_page_or_the_api_writes_to_the_trail_has_a_word() -> None:
    """As found in the code that writes it."""
    written = {
        found
        for folder in ("web", "api", "console")
        for path in (HUB / folder).rglob("*.py")
        for found in re.findall(
            r'note(?:_once)?\(\s*request, visitor, "([a-z.]+)"', path.read_text(encoding="utf-8")
        )
    }
    assert len(written) > 4 and written <= WORDS["deed"].keys(), written - WORDS["deed"].keys()
