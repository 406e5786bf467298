"""Messages to and from a camera's ONVIF services."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture import soap
from edge.capture.errors import OpenError
from tests.harness.onvif_camera import ENVELOPE, FAULT, OnvifCamera

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    b'<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"><Body>&b;</Body></Envelope>'
)


def test_a_token_is_the_one_of_onvifs_own_example() -> None:
    """The ONVIF Application Programmer's Guide 1.0, section 6.1.1.3."""
    token = soap.username_token(
        "user",
        "userpassword",
        datetime(2010, 9, 16, 7, 50, 45, tzinfo=UTC),
        nonce=base64.b64decode("LKqI6G/AikKCQrN0zqZFlg=="),
    )
    assert ">tuOSpGlFlIXsozq4HFNeeGeFLEI=<" in token
    assert "userpassword" not in token


def test_a_user_name_cannot_break_out_of_its_element() -> None:
    """What the settings hold is text, never markup."""
    token = soap.username_token("<a>&", "secret", datetime.now(UTC))
    assert "<Username>&lt;a&gt;&amp;</Username>" in token


def test_a_document_type_is_refused() -> None:
    """Entities grow without bound, and SOAP has none."""
    with pytest.raises(OpenError, match="document type"):
        soap.parse(BOMB)


def test_what_is_nested_too_deep_or_too_much_is_refused() -> None:
    """The tree is walked by recursion, and held in memory."""
    for data in (b"<a>" * 100, b"<a>" + b"<b/>" * soap.MAX_ELEMENTS):
        with pytest.raises(OpenError, match="too deep"):
            soap.parse(data)


def test_an_answer_larger_than_any_is_not_kept() -> None:
    """A camera that answers without end fills no memory."""
    with (
        OnvifCamera(raw=b" " * (soap.MAX_ANSWER_BYTES + 1)) as camera,
        pytest.raises(OpenError, match="more than"),
    ):
        soap.post("127.0.0.1", camera.port, "/", b"<GetProfiles/>", timeout_s=10)


def test_elements_are_found_by_their_local_names() -> None:
    """Each maker's prefixes are its own; a page of HTML is no answer."""
    answer = soap.parse(
        ENVELOPE.format('<x:A xmlns:x="urn:x" x:token="t"><B> b </B></x:A>').encode()
    )
    assert answer is not None
    assert answer.words("A", "B") == "b"
    assert (answer.find("A") or answer).attributes == {"token": "t"}
    assert answer.words("C") == ""
    assert soap.parse(b"<html><body>Not found</body></html>") is None
    assert soap.parse(b"not found") is None


def test_a_fault_is_told_in_the_cameras_words() -> None:
    """Code and reason, on one line, cut short."""
    fault = FAULT.replace("not Authorized", "not\tAuthorized" + "!" * 500)
    answer = soap.Answer(400, [], soap.parse(ENVELOPE.format(fault).encode()))
    assert answer.body is None
    assert re.match(r"Sender NotAuthorized Sender not ?Authorized!+$", answer.fault)
    assert len(answer.fault) <= soap.MAX_REASON_CHARS


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    """Anything may listen on a camera's port."""
    for each in (data, b"<Envelope>" + data, ENVELOPE.format("").encode() + data):
        try:
            soap.parse(each)
        except OpenError as err:
            assert err.reason == "broken"
