"""Why a model cannot be used: which setting is to blame, and what to do."""

from __future__ import annotations

from edge.base.errors import CamwatchError


class ModelError(CamwatchError):
    """A model cannot be loaded, does not answer, or answers what nobody can read.

    `field` is the setting to look at.
    """

    def __init__(
        self, field: str, message: str, *, hint: str = "", is_retryable: bool = False
    ) -> None:
        super().__init__(f"{field}: {message}", hint=hint, is_retryable=is_retryable)
        self.field = field
        self.message = message
