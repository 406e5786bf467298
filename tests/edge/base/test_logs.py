"""No secret reaches a log."""

from __future__ import annotations

import logging
import re
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.base import logs

SECRET = "S3cr3t-Pa55"


@pytest.mark.parametrize(
    "text",
    [
        f"rtsp://admin:{SECRET}@10.0.0.5:554/ch1",
        f"RTSP://admin:{SECRET}@cam/1",
        f"open failed for 'rtsps://admin:{SECRET}@[2001:db8::5]:322/live?x=1': timed out",
        f"rtsp://admin:p@ss@{SECRET}@cam/1",
        f"rtsp://admin:{SECRET}@p@ss@cam/1",
        f"rtsp://admin:/{SECRET}@cam/1",
        f"rtsp://admin:a/b?{SECRET}#x@cam/1",
        f"rtsp://admin:a:b:{SECRET}@cam/1",
        f"rtsp://me@example.org:{SECRET}@cam/1",
        f"rtsp://:{SECRET}@cam/1",
        f"mqtts://n:{SECRET}@broker,mqtts://m:{SECRET}@other",
        f"https://hub/up?token={SECRET}",
        f"https://hub/up?x=1&access_token={SECRET}&y=2",
        f"http://cam/cgi?user=a&Password={SECRET}",
        f"http://cam/cgi?loginpwd={SECRET};x=1",
        f"https://hub/#auth_key={SECRET}",
        f"https://s3/o?X-Amz-Signature={SECRET}&X-Amz-Credential={SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"authorization: basic {SECRET}==",
        f"{{'url': 'rtsp://u:{SECRET}@h'}}",
        f"a=rtsp://u:{SECRET}@h\nb=rtsp://u:{SECRET}@h\tc",
        f"postgresql+psycopg://hub:{SECRET}@db/archive",
    ],
)
def test_a_secret_in_a_url_or_header_is_replaced(text: str) -> None:
    """In every shape that people and libraries write."""
    redacted = logs.redact(text)
    assert SECRET not in redacted
    assert "***" in redacted


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://10.0.0.5:554/ch1?profile=2",
        "rtsp://[2001:db8::5]:322/live",
        "rtsp://admin@cam/1",
        "mail me@example.org: the camera is lost",
        "https://hub/api/events?since=2h&zone=gate",
        "12:30:00 INFO edge.camera: street@gate-3 is back",
        "the basic idea",
        "",
    ],
)
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    """A log that hides everything helps nobody."""
    assert logs.redact(text) == text


def test_user_and_host_stay_readable() -> None:
    """The person who must act needs to know which camera."""
    assert logs.redact(f"rtsp://admin:{SECRET}@cam:554/1") == "rtsp://admin:***@cam:554/1"
    assert logs.redact(f"http://cam/?pwd={SECRET}&x=1") == "http://cam/?pwd=***&x=1"


NOT_SPACE = st.characters(codec="utf-8", exclude_categories=["Z", "C"]).filter(
    lambda char: not re.match(r"\s", char)
)
PASSWORDS = st.text(NOT_SPACE, min_size=3, max_size=24)
HOSTS = st.sampled_from(
    ["cam", "10.0.0.5:554", "[2001:db8::5]", "[fe80::1%25eth0]:8554", "cam.local"]
)
TAILS = st.sampled_from(
    ["", "/", "/ch1", "/a?b=c&d=e", "/x y", "' failed: Connection refused", ")."]
)


@settings(max_examples=500)
@given(
    scheme=st.sampled_from(["rtsp", "rtsps", "RTSP", "http", "https", "mqtt", "mqtts", "s3+https"]),
    user=st.text(st.sampled_from("abcXYZ09._-@%"), max_size=8),
    password=PASSWORDS,
    host=HOSTS,
    tail=TAILS,
    before=st.sampled_from(["", "open ", "url=", "('", "x://", "at://y:", "::"]),
)
@example(scheme="rtsp", user="u", password="@@@", host="cam", tail="", before="")
@example(scheme="rtsp", user="u", password="://", host="cam", tail="", before="")
def test_no_password_survives(
    scheme: str, user: str, password: str, host: str, tail: str, before: str
) -> None:
    """Whatever the password is made of, short of spaces, which no URL has."""
    marked = f"\N{SNOWMAN}{password}\N{SNOWMAN}"
    redacted = logs.redact(f"{before}{scheme}://{user}:{marked}@{host}{tail}")
    assert "\N{SNOWMAN}" not in redacted
    assert host.split("]")[0].split(":554")[0] in redacted


@given(
    key=st.sampled_from(["token", "password", "passwd", "pwd", "secret", "key", "auth", "api_key"]),
    value=st.text(NOT_SPACE.filter(lambda char: char not in "&;"), min_size=1, max_size=24),
)
def test_no_secret_query_value_survives(key: str, value: str) -> None:
    """Tokens in queries end up in errors of HTTP libraries."""
    marked = f"\N{SNOWMAN}{value}\N{SNOWMAN}"
    assert "\N{SNOWMAN}" not in logs.redact(f"GET https://hub/x?a=1&{key}={marked}&b=2 failed")


def test_a_traceback_is_redacted_too() -> None:
    """FFmpeg and HTTP errors repeat the URL they were given."""
    formatter = logs.RedactingFormatter("%(levelname)s %(message)s")
    try:
        int(f"rtsp://a:{SECRET}@cam")
    except ValueError:
        logger = logging.Logger("test")
        record = logger.makeRecord(
            "test", logging.ERROR, "f", 1, "lost %s", (f"rtsp://a:{SECRET}@cam",), None
        )
        record.exc_info = sys.exc_info()
    text = formatter.format(record)
    assert "Traceback" in text
    assert SECRET not in text


def test_an_error_and_its_causes_fit_one_line() -> None:
    """For logs that do without a traceback."""
    try:
        try:
            int("refused")
        except ValueError as err:
            raise KeyError("no camera") from err
    except KeyError as err:
        assert logs.error_chain(err).startswith("KeyError: 'no camera' <- ValueError: invalid")


def test_a_ring_of_causes_ends() -> None:
    """Python allows a cause to be set by hand."""
    err = ValueError()
    err.__cause__ = err
    assert logs.error_chain(err).count("ValueError") == 6


def test_long_hostile_text_is_redacted_in_bounded_steps() -> None:
    """No pattern backtracks without end: these finish, or the test's own time-out ends them."""
    for piece in ("a.", "a://", "a:", "?key", "&tokenkey", "basic ", "://u:", "@", "a://b:"):
        assert logs.redact(piece * (16_384 // len(piece)))
