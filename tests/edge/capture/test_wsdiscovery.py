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
    assert "camwatch-edge probe rtsp://" in done.stderr


def test_a_login_is_not_shown_to_whoever_answers() -> None:
    """Only to hosts that are named."""
    done = run_command("edge.cli", ["discover", "--user", "admin"])
    assert done.returncode == 2
    assert "name the cameras" in done.stderr


@pytest.fixture
def alone() -> list[str]:
    """What runs a command in a network namespace of its own."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("no unshare or ip here: apt-get install util-linux iproute2")
    if subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network namespace may be made here")
    return ["unshare", "-n"]


def test_a_camera_that_others_wrote_is_found_with_its_streams(alone: list[str]) -> None:
    """`ipycam`, in a network of its own."""
    command = [sys.executable, "-m", "edge.cli", "discover", "--from", "127.0.0.1", "--json"]
    done = subprocess.run(
        [*alone, sys.executable, "-m", "tests.harness.onvif_street", *command, "--seconds", "8"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    camera = json.loads(done.stdout.splitlines()[-1])
    addresses = [each["address"] for each in camera["streams"]]
    assert addresses == ["rtsp://127.0.0.1:8554/main", "rtsp://127.0.0.1:8554/sub"]


def in_network(alone: list[str], *setup: str, options: str = "") -> tuple[int, str, str]:
    """Exit status, output and complaints of a search in a network that is set up so."""
    lines = [*setup, f"exec {sys.executable} -m edge.cli discover --seconds 1 {options}"]
    done = subprocess.run(
        [*alone, "sh", "-ec", "\n".join(lines)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


# As if `lo` were the interface to the cameras: not every kernel makes other ones.
CAMERA_NET = (
    "ip link set lo up",
    "ip address flush dev lo",
    "ip address add 192.0.2.5/24 dev lo",
)


def test_where_no_camera_answers_it_is_told_what_was_searched_and_what_to_do(
    alone: list[str],
) -> None:
    """The interfaces, the seconds, the usual causes, and the way without a search."""
    status, output, said = in_network(alone, *CAMERA_NET)
    assert (status, output) == (1, "")
    assert said.startswith("camwatch-edge: no camera answered in 1 s on lo (192.0.2.5)\n")
    for word in ("no router", "ONVIF is switched off", "filters multicast"):
        assert word in said
    assert "camwatch-edge discover ADDRESS" in said
    assert "camwatch-edge probe rtsp://ADDRESS/" in said


def test_an_interface_that_could_not_be_asked_is_not_said_to_be_searched(alone: list[str]) -> None:
    """It is no address of this box."""
    options = "--from 192.0.2.5 --from 203.0.113.1 --json"
    status, output, said = in_network(alone, *CAMERA_NET, options=options)
    assert (status, output) == (1, ""), "JSON is for cameras alone"
    lines = said.splitlines()
    assert lines[0].endswith("in 1 s on lo (192.0.2.5)")
    assert lines[1].startswith("  203.0.113.1 could not be asked: ")


def test_a_box_without_a_network_is_told_so(alone: list[str]) -> None:
    """No address at all."""
    status, output, said = in_network(alone)
    assert (status, output) == (1, "")
    assert "the network cannot be asked: this box has no IPv4 address" in said
    assert "is the cable in" in said
