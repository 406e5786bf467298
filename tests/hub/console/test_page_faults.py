"""What pages say is wrong with a question, a note, a token or a roll-out, in Vietnamese."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.console.page_faults import PAGE_FAULTS
from hub.console.registry_faults import FAULTS
from hub.console.sentences import Sentences
from hub.console.texts import texts_in
from hub.console.words import Words

VI = Words(texts_in("vi"))
HUB = Path(__file__).parents[3] / "hub"
RAISED = {
    "registry/sessions.py": "TokenError", "archive/remarks.py": "RemarkError",
    "rollouts/stages.py": "RolloutError", "rollouts/control.py": "RolloutError",
    "console/updates_page.py": "RolloutError", "console/coverage_page.py": "HttpError",
    "registry/saved.py": "FilterError",
}  # fmt: skip
ELSEWHERE = {  # of the command line's doors alone, or with a page of its own
    "HttpError": ("there is no such camera",),
    "RemarkError": ("user:", "event "), "RolloutError": ("a group has", "is no name"),
}  # fmt: skip
ASKED = [
    "it is given more than once", "it is given 25 times, at most 20 are taken",
    "it is longer than 200 characters", "it is no word of a filter; these are: since, until",
    "'bogus' is none of new, seen", "\"d'ar\" is none of new, seen",
    "is not a duration such as 10s, 1m30s or 500ms", "it is longer than any event",
    "'9' is not a time of day such as 14:30", "'soon' is not a time such as 2h, today, yesterday",
    "it is not within the years 1970 to 2199", "it is not later than since",
    "it is shorter than min_duration", "'x' is not a page key such as 1767225600000.42",
    "there is no camera dor; door?", "there is no camera dor; door or dorm or dory?",
    "there is no zone pth; there is path", "there is no node x; there are a, b",
    "there is no area x (or it is outside of your scope)", "gate-1 has no camera dor; it has door",
    "there is no label persn; person? (or it is outside of your scope)",
]  # fmt: skip


def sentences() -> Iterator[str]:
    """What the code raises, each value in it as 7, a quoted one as '7'."""
    for path, error in RAISED.items():
        for node in ast.walk(ast.parse((HUB / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == error:
                said = [text for each in node.args for text in _texts(each)]
                if said and not any(part in said[-1] for part in ELSEWHERE.get(error, ())):
                    yield said[-1]


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Dict):
        for value in node.values:
            yield from _texts(value)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(_part(each) for each in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _part(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    name = ast.unparse(node.value) if isinstance(node, ast.FormattedValue) else ""
    known = {"user.role": "viewer", "role": "operator", "rollout.state": "paused", "field": "note"}
    if name == "err":
        return "it is not within the years 1970 to 2199"
    return known.get(name, "'7'" if getattr(node, "conversion", -1) == ord("r") else "7")


@pytest.mark.parametrize("said", sorted({*ASKED, *sentences()}))
def test_what_a_page_refuses_is_read_in_vietnamese(said: str) -> None:
    """Whole: not one English word of it is left but names and what is typed."""
    told = VI.refusal(said)
    assert told != said
    assert not re.search(r"\b(is|it|there|no|not|or|of|needed|than|scope|kept|note)\b", told), told


def test_the_code_is_looked_through_for_what_it_refuses() -> None:
    """Else nothing would be tested."""
    found = set(sentences())
    assert {"no roll-out is open", "note: it is empty", "days: from 1 to 7"} <= found


@pytest.mark.parametrize("table", [PAGE_FAULTS, FAULTS], ids=["pages", "registry"])
def test_every_sentence_of_a_table_has_its_vietnamese(table: Sentences) -> None:
    """And every word that stands in one."""
    vi = texts_in("vi")
    for text in (*(text for _, text in table.patterns), *table.words.values()):
        assert vi.gettext(text) != text or text == "camera", text


def test_what_is_no_sentence_of_these_stays_as_it_came() -> None:
    """Nothing is lost for want of a translation."""
    assert VI.refusal("something new went wrong") == "something new went wrong"
