"""What a checkup found, one line each, with what to do about it: `doctor`, of node and hub.

Values and how they are shown; what is checked is the business of those who check.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from edge.base.errors import CamwatchError
from edge.base.logs import redact
from edge.base.units import format_count

Outcome = Literal["pass", "warn", "fail", "skip"]
"""`skip`: it cannot be told here, or not now; that is neither good nor bad."""
MAX_TEXT_CHARS = 400  # some of it comes from cameras and servers
NAME_CHARS = 20
FAILED = 1


@dataclass(frozen=True)
class Finding:
    """The result of one check. `check` names it for programs, such as `hub.credential`."""

    check: str
    outcome: Outcome
    text: str
    remedy: str = ""

    def line(self) -> str:
        """For people."""
        remedy = f"; {clean(self.remedy)}" if self.remedy else ""
        return f"{self.outcome}  {self.check:<{NAME_CHARS}} {clean(self.text)}{remedy}"

    def to_json(self) -> dict[str, str]:
        """For programs."""
        return {
            "check": self.check,
            "outcome": self.outcome,
            "text": clean(self.text),
            "remedy": clean(self.remedy),
        }


def passed(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, "pass", text)


def warned(check: str, text: str, remedy: str = "") -> Finding:
    """It works, and will not for long, or not as it should."""
    return Finding(check, "warn", text, remedy)


def failed(check: str, text: str, remedy: str = "") -> Finding:
    """It does not work."""
    return Finding(check, "fail", text, remedy)


def skipped(check: str, text: str) -> Finding:
    """It was not looked at; the text says why."""
    return Finding(check, "skip", text)


def of_error(check: str, err: CamwatchError) -> Finding:
    """A failure in the words of the error."""
    return failed(check, str(err), err.hint)


def is_good(findings: Iterable[Finding]) -> bool:
    """Whether none of them failed."""
    return all(each.outcome != "fail" for each in findings)


def tell(findings: Iterable[Finding], *, is_json: bool, say: Callable[[str], None]) -> int:
    """Say each finding as it comes, JSON all at the end; 1 where one failed, else 0."""
    found: list[Finding] = []
    for finding in findings:
        found.append(finding)
        if not is_json:
            say(finding.line())
    counts = {
        outcome: sum(each.outcome == outcome for each in found)
        for outcome in ("pass", "warn", "fail", "skip")
    }
    if is_json:
        result = {"findings": [each.to_json() for each in found], "counts": counts}
        say(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        warnings = format_count(counts["warn"], "warning")
        say(f"{counts['pass']} passed, {warnings}, {counts['fail']} failed")
    return FAILED if counts["fail"] else 0


def clean(text: str) -> str:
    """One printable line without secrets, and not too long."""
    line = "; ".join(part.strip() for part in redact(text).splitlines() if part.strip())
    shown = "".join(each if each.isprintable() else "?" for each in line)
    return shown if len(shown) <= MAX_TEXT_CHARS else f"{shown[: MAX_TEXT_CHARS - 3]}..."
