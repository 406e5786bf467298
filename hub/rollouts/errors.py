"""What is wrong with a release or a roll-out, for people and for programs."""

from __future__ import annotations

from edge.base.errors import CamwatchError


class RolloutError(CamwatchError):
    """It is not done; `word` is short and fixed."""

    def __init__(self, word: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.word = word
