"""What goes wrong when a card is made.

FlashError
|- ImageError   the image cannot be used
|- WantedError  what was asked for cannot be done
|- DiskError    the target must not, or cannot, be written
`- ToolError    a program that does part of the work failed
"""

from __future__ import annotations

from edge.base.errors import CamwatchError


class FlashError(CamwatchError):
    """A card could not be made; nothing was written unless the message says so."""


class ImageError(FlashError):
    """The image cannot be used."""


class WantedError(FlashError):
    """What was asked for cannot be done."""


class DiskError(FlashError):
    """The target must not, or cannot, be written."""


class ToolError(FlashError):
    """A program that does part of the work is missing or failed."""
