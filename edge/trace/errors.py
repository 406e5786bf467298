"""What can be wrong with a trace."""

from __future__ import annotations

from edge.base.errors import CamwatchError


class TraceError(CamwatchError):
    """Bytes that are no trace of a version that is known here, or are damaged."""
