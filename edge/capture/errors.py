"""What can be wrong with a camera or a recording, in a few fixed words.

    CaptureError
    |- OpenError   it could not be opened, or shows nothing that can be watched
    `- LostError   it was watched and stopped

FFmpeg's errors are turned into these here, at the room's door, and scrubbed of the URL that they
quote, since it can hold a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import av.error

from edge.base.errors import CamwatchError
from edge.base.logs import redact

Reason = Literal[
    "unreachable", "refused", "unauthorised", "not_found", "no_video", "unsupported",
    "stalled", "broken", "ended",
]  # fmt: skip

HINTS: dict[Reason, str] = {
    "unreachable": "check the address, the network cable and that the camera has power",
    "refused": "check the port; some cameras also refuse when too many viewers watch",
    "unauthorised": "check user and password_file against the camera's own settings",
    "not_found": "check the path of the URL; the camera's manual or web page names it",
    "no_video": "check that this stream of the camera is switched on and carries video",
    "unsupported": "set the camera's video to H.264 or H.265",
    "stalled": "check the network between this box and the camera",
    "broken": "check the camera's firmware, or try transport: tcp",
    "ended": "",
}
RETRYABLE: frozenset[Reason] = frozenset(
    {"unreachable", "refused", "no_video", "stalled", "broken", "ended"}
)


class CaptureError(CamwatchError):
    """A camera or file cannot be watched. `reason` is a fixed word, `detail` is for people.

    `is_retryable`: waiting can help. Without it a person is needed, though a camera that restarts
    may pass through such a state too, so a supervisor tries those again as well, only rarely.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str,
        *,
        hint: str | None = None,
        is_retryable: bool | None = None,
    ) -> None:
        detail = redact(detail)
        super().__init__(
            f"{reason}: {detail}",
            hint=HINTS[reason] if hint is None else hint,
            is_retryable=reason in RETRYABLE if is_retryable is None else is_retryable,
        )
        self.reason: Reason = reason
        self.detail = detail


class OpenError(CaptureError):
    """It could not be opened, or shows nothing that can be watched."""


class LostError(CaptureError):
    """It was being watched and stopped."""


# By class rather than by number: FFmpeg's own codes have no errno. First match counts.
_OPEN_REASONS: tuple[tuple[type[Exception], Reason, str], ...] = (
    (av.error.HTTPUnauthorizedError, "unauthorised", "the camera refuses this user or password"),
    (av.error.HTTPForbiddenError, "unauthorised", "the camera forbids this user to watch"),
    (av.error.HTTPNotFoundError, "not_found", "the camera does not know this path (404)"),
    (av.error.HTTPClientError, "refused", "the camera refuses the request"),
    (av.error.HTTPError, "refused", "the camera answers with a server error"),
    (av.error.FileNotFoundError, "not_found", "there is no such file"),
    (av.error.PermissionError, "unauthorised", "the file cannot be read"),
    (av.error.IsADirectoryError, "not_found", "this is a folder"),
    (av.error.ConnectionRefusedError, "refused", "nothing listens on this port"),
    (av.error.ExitError, "unreachable", "no answer in time"),
    (av.error.TimeoutError, "unreachable", "no answer in time"),
    (av.error.ConnectionResetError, "refused", "the connection was closed at once"),
    (av.error.BrokenPipeError, "refused", "the connection was closed at once"),
    (av.error.EOFError, "refused", "the connection was closed at once"),
    (av.error.InvalidDataError, "broken", "what comes is no video stream"),
    (av.error.ProtocolNotFoundError, "unsupported", "this kind of address is not known"),
    (av.error.DecoderNotFoundError, "unsupported", "the codec is not known"),
    (av.error.PatchWelcomeError, "unsupported", "the stream's format is not known"),
)
_READ_REASONS: tuple[tuple[type[Exception], Reason, str], ...] = (
    (av.error.ExitError, "stalled", "no packet in time"),
    (av.error.TimeoutError, "stalled", "no packet in time"),
    (av.error.ConnectionResetError, "ended", "the camera closed the connection"),
    (av.error.BrokenPipeError, "ended", "the camera closed the connection"),
)
# PyAV raises these of its own or through ctypes-like layers for malformed input; MemoryError is
# what a forged size in a file header ends in.
FOREIGN_ERRORS = (
    av.error.FFmpegError, ValueError, LookupError, ArithmeticError, RuntimeError, OSError,
    EOFError, MemoryError, AssertionError,
)  # fmt: skip


@contextmanager
def opening(url: str) -> Iterator[None]:
    """Turn foreign errors into OpenError."""
    try:
        yield
    except FOREIGN_ERRORS as err:
        default: Reason = "broken" if _is_file(url) else "unreachable"
        reason, detail = _reason(err, _OPEN_REASONS, default=default)
        if _is_file(url):
            raise OpenError(reason, detail, hint="", is_retryable=False) from _scrubbed(err)
        raise OpenError(reason, detail) from _scrubbed(err)


@contextmanager
def reading() -> Iterator[None]:
    """Turn foreign errors into LostError."""
    try:
        yield
    except FOREIGN_ERRORS as err:
        raise lost(err) from err


def lost(err: Exception) -> LostError:
    """The LostError for a foreign error, which is scrubbed so that it may be shown as its cause."""
    reason, detail = _reason(_scrubbed(err), _READ_REASONS, default="broken")
    return LostError(reason, detail)


def _reason(
    err: Exception, table: tuple[tuple[type[Exception], Reason, str], ...], *, default: Reason
) -> tuple[Reason, str]:
    for kind, reason, detail in table:
        if isinstance(err, kind):
            return reason, detail
    if isinstance(err, av.error.FFmpegError) and not isinstance(err, OSError):
        default = "broken"
    return default, str(getattr(err, "strerror", None) or type(err).__name__)


def _scrubbed(err: Exception) -> Exception:
    """The same error without the file name, which is the URL with its password."""
    if isinstance(err, av.error.FFmpegError):
        err.args = err.args[:2]
    return err


def _is_file(url: str) -> bool:
    return "://" not in url
