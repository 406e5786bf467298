"""Errors by name."""

from __future__ import annotations

from typing import get_args

import av.error
import pytest

from edge.base.errors import CamwatchError
from edge.capture.errors import HINTS, CaptureError, LostError, OpenError, Reason, opening, reading

SECRET_URL = "rtsp://admin:hunter2@camera/main"


def foreign(kind: type[Exception], code: int) -> Exception:
    """An error as PyAV makes it, the URL included."""
    return kind(code, "what FFmpeg says", SECRET_URL)


@pytest.mark.parametrize(
    ("kind", "opened", "read"),
    [
        (av.error.HTTPUnauthorizedError, "unauthorised", "broken"),
        (av.error.HTTPNotFoundError, "not_found", "broken"),
        (av.error.ConnectionRefusedError, "refused", "broken"),
        (av.error.ExitError, "unreachable", "stalled"),
        (av.error.TimeoutError, "unreachable", "stalled"),
        (av.error.ConnectionResetError, "refused", "ended"),
        (av.error.InvalidDataError, "broken", "broken"),
        (av.error.DecoderNotFoundError, "unsupported", "broken"),
    ],
)
def test_one_foreign_error_means_different_things_by_stage(
    kind: type[Exception], opened: str, read: str
) -> None:
    """A time-out while connecting is an unreachable camera, in mid-stream a stalled one."""
    with pytest.raises(OpenError) as at_open, opening(SECRET_URL):
        raise foreign(kind, 1)
    with pytest.raises(LostError) as at_read, reading():
        raise foreign(kind, 1)
    assert (at_open.value.reason, at_read.value.reason) == (opened, read)


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, MemoryError, OverflowError, IndexError])
def test_other_errors_of_the_library_are_converted_too(kind: type[Exception]) -> None:
    """PyAV raises Python's own errors for some malformed input."""
    with pytest.raises(LostError, match=kind.__name__) as caught, reading():
        raise kind
    assert isinstance(caught.value.__cause__, kind)


def test_the_cause_is_kept_without_the_url() -> None:
    """FFmpeg's own words stay for the log; the file name, which is the URL, goes."""
    with pytest.raises(LostError) as caught, reading():
        raise foreign(av.error.InvalidDataError, 1)
    assert "what FFmpeg says" in str(caught.value.__cause__)
    assert "hunter2" not in repr(caught.value.__cause__)


def test_errors_of_our_own_pass_through() -> None:
    """A CaptureError is not wrapped into another one."""
    error = LostError("stalled", "no packet")
    with pytest.raises(LostError) as caught, reading():
        raise error
    assert caught.value is error


def test_a_detail_never_shows_a_password() -> None:
    """Whoever writes the detail."""
    assert "hunter2" not in str(CaptureError("broken", f"cannot read {SECRET_URL}"))


def test_every_reason_has_its_hint_and_its_word() -> None:
    """Reasons are short words fit for a record and a metric."""
    assert set(HINTS) == set(get_args(Reason))
    for reason in get_args(Reason):
        error = CaptureError(reason, "detail")
        assert isinstance(error, CamwatchError)
        assert len(reason) <= 32
        assert str(error) == f"{reason}: detail"
