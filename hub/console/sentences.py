"""English sentences that another part of the software writes, known by their patterns, so that they
can be read in another language. What fits no pattern stays as it came."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hub.console.texts import Texts

REST = "rest"  # a group that is itself such a sentence
MAX_DEPTH = 3


@dataclass(frozen=True)
class Sentences:
    """`patterns` are regular expressions with named groups, each with the text that has their
    values. Of the groups in `named` the values are words that are translated by `words`."""

    patterns: Sequence[tuple[str, str]]
    words: Mapping[str, str] = field(default_factory=dict)
    named: frozenset[str] = frozenset()

    def said(self, texts: Texts, message: str, *, depth: int = 0) -> str:
        """The sentence in the reader's language; as it came where it is none of these."""
        for pattern, text in self.patterns:
            if match := re.fullmatch(pattern, message, re.DOTALL):
                values = {
                    name: self._value(texts, name, value or "", depth)
                    for name, value in match.groupdict().items()
                }
                return texts.gettext(text) % values
        return message

    def _value(self, texts: Texts, name: str, value: str, depth: int) -> str:
        if name == REST and depth < MAX_DEPTH:
            return self.said(texts, value, depth=depth + 1)
        return texts.gettext(self.words.get(value, value)) if name in self.named else value
