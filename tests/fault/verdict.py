"""What the checker found, as a value and as text for people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MAX_SHOWN = 40


@dataclass(frozen=True)
class Finding:
    """One promise that was broken. `rule` is a fixed word, `detail` names the thing."""

    rule: str
    detail: str


@dataclass
class Verdict:
    """Good as long as nothing was found; `counts` say how much was looked at."""

    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def find(self, rule: str, detail: str) -> None:
        """A promise was broken."""
        self.findings.append(Finding(rule, detail))

    def expect(self, is_so: bool, rule: str, detail: str) -> None:
        """Broken unless `is_so`; counted as looked at either way."""
        self.counts[f"checks of {rule}"] += 1
        if not is_so:
            self.find(rule, detail)

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept."""
        return not self.findings

    @property
    def rules(self) -> set[str]:
        """The rules that were broken."""
        return {finding.rule for finding in self.findings}

    def __str__(self) -> str:
        broken = Counter(finding.rule for finding in self.findings)
        head = "GOOD" if self.is_good else f"BROKEN: {dict(broken)}"
        lines = [f"  {finding.rule}: {finding.detail}" for finding in self.findings[:MAX_SHOWN]]
        seen = [f"  {count:7d} {what}" for what, count in sorted(self.counts.items())]
        return "\n".join([head, *lines, "looked at:", *seen])
