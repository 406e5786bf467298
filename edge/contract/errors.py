"""What is raised for bytes from the wire that are not what the contract says."""

from __future__ import annotations

from edge.base.errors import CamwatchError


class ContractError(CamwatchError):
    """Bytes that do not follow the contract. `reason` is a short fixed word for counting."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
