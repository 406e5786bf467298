"""Finding cameras: what is believed of an answer, and a virtual camera that others wrote."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture import discover, wsdiscovery
from edge.capture.onvif import Profile
from edge.capture.wsdiscovery import Found
from tests.harness.broker import free_port
from tests.harness.patience import PATIENCE_S
from tests.harness.processes import run_command

ROOT = Path(__file__).resolve().parents[3]
OURS = "urn:uuid:0b9c2e0c-0000-4000-8000-000000000001"
HOST = "192.0.2.7"


def answer(
    *, relates: str = OURS, addresses: str = f"http://{HOST}/onvif/device_service",
    types: str = "dn:NetworkVideoTransmitter", scopes: str = "", before: str = "",
) -> bytes:  # fmt: skip
    """A camera's answer."""
    return (
        f'<?xml version="1.0"?>{before}<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">'
        f"<e:Header><RelatesTo>{relates}</RelatesTo></e:Header><e:Body><d:ProbeMatches>"
        f"<d:ProbeMatch><d:Types>{types}</d:Types><d:Scopes>{scopes}</d:Scopes>"
        f"<d:XAddrs>{addresses}</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"
    ).encode()


def test_an_answer_names_camera_and_ports() -> None:
    """From its scopes, decoded, and its addresses."""
    scope = "onvif://www.onvif.org"
    found = wsdiscovery.read(
        answer(
            addresses=f"http://{HOST}:8000/onvif/device_service http://{HOST}/x",
            scopes=f"{scope}/name/Front%20Gate {scope}/hardware/DS-2CD {scope}/type/x",
        ),
        HOST,
        OURS,
    )
    assert found == Found(HOST, (8000, 80), "Front Gate", "DS-2CD")


@pytest.mark.parametrize(
    "data",
    [
        answer(relates="urn:uuid:another"),
        answer(types="wsdp:Device"),
        answer(before='<!DOCTYPE e [<!ENTITY a "b">]>'),
        b"<a/>",
        b"",
        answer()[:-40],
    ],
)
def test_what_does_not_answer_our_question_is_no_camera(data: bytes) -> None:
    """Of another question, of another kind, with a document type, or cut short."""
    assert wsdiscovery.read(data, HOST, OURS) is None


@pytest.mark.parametrize(
    "addresses",
    ["http://192.0.2.99:81/", "https://evil.example/", f"ftp://{HOST}:21/", f"http://{HOST}:x/"],
)
def test_an_address_on_another_host_is_not_followed(addresses: str) -> None:
    """The camera is where its answer came from."""
    assert wsdiscovery.read(answer(addresses=addresses), HOST, OURS) == Found(HOST, ())


def test_a_name_is_printable_and_short() -> None:
    """It is shown on a terminal."""
    scopes = "onvif://www.onvif.org/name/%1b%5b31m" + "x" * 500
    found = wsdiscovery.read(answer(scopes=scopes), HOST, OURS)
    assert found is not None
    assert found.name.isprintable()
    assert len(found.name) <= wsdiscovery.MAX_WORD_CHARS


@given(st.binary(max_size=400))
def test_nonsense_breaks_nothing(noise: bytes) -> None:
    """Whatever stands in an answer."""
    wsdiscovery.read(noise, HOST, OURS)
    wsdiscovery.read(answer().replace(b"NetworkVideoTransmitter", noise), HOST, OURS)


def test_a_streams_address_is_on_the_camera_and_without_a_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever host the camera names."""
    url = urlsplit("rtsp://admin:12345@10.9.8.7:554/main?channel=1#x")

    class Device:
        def profiles(self) -> list[Profile]:
            return [Profile("main", "source", 1280, 720, url)]

    monkeypatch.setattr(discover.onvif, "find", lambda *_: Device())  # type: ignore[attr-defined]
    (stream,) = discover.ask(Found(HOST, (80,)), (80,), "", "").streams
    assert stream.address == f"rtsp://{HOST}:554/main?channel=1"


def test_a_host_that_is_no_camera_says_so_and_the_status_is_1() -> None:
    """Without waiting for a multicast's answers."""
    done = run_command(
        "edge.cli", ["discover", "127.0.0.1", "--onvif-port", str(free_port()), "--json"]
    )
    assert done.returncode == 1
    assert "does not answer by ONVIF" in json.loads(done.stdout)["problem"]


def test_a_login_is_not_shown_to_whoever_answers() -> None:
    """Only to hosts that are named."""
    done = run_command("edge.cli", ["discover", "--user", "admin"])
    assert done.returncode == 2
    assert "name the cameras" in done.stderr


def test_a_camera_that_others_wrote_is_found_with_its_streams() -> None:
    """`ipycam`, in a network of its own."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("no unshare or ip here: apt-get install util-linux iproute2")
    alone = ["unshare", "-n"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network namespace may be made here")
    command = [sys.executable, "-m", "edge.cli", "discover", "--from", "127.0.0.1", "--json"]
    done = subprocess.run(
        [*alone, sys.executable, "-m", "tests.harness.onvif_street", *command, "--seconds", "8"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    camera = json.loads(done.stdout.splitlines()[-1])
    addresses = [each["address"] for each in camera["streams"]]
    assert addresses == ["rtsp://127.0.0.1:8554/main", "rtsp://127.0.0.1:8554/sub"]
