"""Why an update is not carried out, in the words of the contract."""

from __future__ import annotations

from edge.base.errors import CamwatchError
from edge.contract import names


class UpdateError(CamwatchError):
    """It is not carried out; `reason` is the contract's short word."""

    def __init__(self, reason: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason

    @property
    def told(self) -> str:
        """Why, and what to do about it, as short as the wire has it."""
        hint = f"; {self.hint}" if self.hint else ""
        return names.shorten(f"{self}{hint}", names.MAX_REPLY_CHARS)


class RefusedError(UpdateError):
    """Nothing was tried: it is not for this node, or not from whom it should be."""


def hub_too() -> RefusedError:
    """On a machine that is node and hub: one environment serves both there."""
    return RefusedError(
        "not_installed", "this machine is a hub too, and the bundle is for nodes",
        hint="update both with scripts/install-hub and scripts/install-node",
    )  # fmt: skip


class FailedError(UpdateError):
    """It could not be tried. The version that runs was not touched."""


class ReturnedError(UpdateError):
    """It ran on trial, and did not do what the version before did."""
