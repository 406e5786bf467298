"""What can be wrong with packets that are to become a clip."""

from __future__ import annotations

from edge.base.errors import CamwatchError


class MuxError(CamwatchError):
    """The packets cannot be put into an MP4 file."""


class EmptyClipError(MuxError):
    """A clip was closed before it held a picture; nothing is left of it."""
