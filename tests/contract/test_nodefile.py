"""The node file: both its forms, and what a wrong one says."""

from __future__ import annotations

import base64
import json
import random
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge.contract import nodefile
from edge.contract.errors import ContractError
from edge.contract.nodefile import FileCamera, HubAddress, NodeFile
from tests.harness.credentials import Authority

EXPIRES_UTC = datetime(2026, 2, 7, 12, tzinfo=UTC)
QR_40_LETTERS = 4296  # a QR code of version 40, level L, ISO/IEC 18004 table 7
TOKEN = "Zm9vYmFyYmF6cXV4MDEyMzQ1Njc4OWFiY2RlZmdoaWo"
PASSWORD = "mật khẩu 5"


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A CA's certificate as hubs make it, P-256."""
    folder: Path = tmp_path_factory.mktemp("ca")
    return Authority(folder).ca_file.read_text(encoding="ascii")


def made(authority: str, **more: Any) -> NodeFile:
    """A node file with one camera that wants a password."""
    camera = FileCamera("gate", "rtsp://192.0.2.10/stream1", user="viewer", password=PASSWORD)
    values: dict[str, Any] = {
        "camwatch_node": 1,
        "node": "gate-3",
        "hub": HubAddress("hub.example.org", 8883, "https://hub.example.org:8443"),
        "hub_key": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "token": TOKEN,
        "expires_utc": EXPIRES_UTC,
        "cameras": (camera,),
        "ca": authority,
        "time_zone": "Asia/Ho_Chi_Minh",
    }
    return NodeFile(**(values | more))


def changed(good: str, **more: Any) -> bytes:
    """The good file's bytes with keys set to something else; None takes a key away."""
    value = json.loads(nodefile.encode(made(good))) | more
    return json.dumps({key: each for key, each in value.items() if each is not None}).encode()


def refused(data: bytes) -> str:
    with pytest.raises(ContractError) as caught:
        nodefile.decode(data)
    return str(caught.value)


def test_both_forms_hold_the_whole_document(ca: str) -> None:
    """File and QR code say the same, the camera's password included."""
    document = made(ca)
    assert nodefile.decode(nodefile.encode(document)) == document
    assert nodefile.decode(nodefile.to_text(document).encode()) == document


def test_the_text_survives_being_sent_on(ca: str) -> None:
    """Messengers wrap lines, add blanks and change letters' size."""
    text = nodefile.to_text(made(ca))
    wrapped = "\r\n ".join(text[at : at + 60] for at in range(0, len(text), 60))
    assert nodefile.decode(f"\ufeff  {wrapped.lower()}\n".encode()) == made(ca)


def test_the_text_fits_a_qr_code_that_phones_read(ca: str) -> None:
    """One camera takes a third of the largest code, sixteen still fit."""
    alphabet = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
    cameras = tuple(
        FileCamera(f"camera-{n}", f"rtsp://192.0.2.{n}:554/Streaming/Channels/{n}01",
                   f"rtsp://192.0.2.{n}:554/Streaming/Channels/{n}02", "viewer",
                   random.Random(n).randbytes(9).hex())
        for n in range(nodefile.MAX_CAMERAS)
    )  # fmt: skip
    one, many = (nodefile.to_text(made(ca, cameras=each)) for each in (cameras[:1], cameras))
    assert set(one) <= alphabet
    assert len(one) < QR_40_LETTERS / 2.5
    assert len(many) < QR_40_LETTERS


@pytest.mark.parametrize("seed", range(200))
def test_a_damaged_text_is_refused_and_never_more(ca: str, seed: int) -> None:
    """Any letter lost or misread, and any cut, gives one clear error and no other document."""
    rng = random.Random(seed)
    text = nodefile.to_text(made(ca))
    at = rng.randrange(len(nodefile.TEXT_PREFIX), len(text))
    other = rng.choice([letter for letter in "ABCXYZ2347" if letter != text[at]])
    for damaged in (text[:at], text[:at] + other + text[at + 1 :], text[:at] + text[at + 1 :]):
        try:
            assert nodefile.decode(damaged.encode()) == made(ca)  # in the last letter's spare bits
        except ContractError as err:
            assert TOKEN not in str(err)
            assert PASSWORD not in str(err)


def test_a_text_that_unpacks_to_far_too_much_is_refused() -> None:
    """A few letters cannot make a node run out of memory."""
    bomb = zlib.compress(b" " * 30_000_000, 9)
    text = nodefile.TEXT_PREFIX.encode() + base64.b32encode(bomb)
    assert len(text) < nodefile.MAX_BYTES
    assert "damaged" in refused(text)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"camwatch_node": 2}, "version '2'; this program reads 1"),
        ({"camwatch_node": None}, "not a node file"),
        ({"node": "gate/#"}, "node: must match"),
        ({"node": "gate\x003"}, "node: must match"),
        ({"token": "short"}, "token: must match"),
        ({"ca": "trust me"}, "ca: must be certificates in PEM"),
        ({"ca": None}, "ca: plain MQTT to hub.example.org is refused"),
        ({"expires_utc": "tomorrow"}, "expires_utc: must be a time"),
        ({"hub": {"mqtt_host": "h", "mqtt_port": 0, "url": "https://h"}}, "hub.mqtt_port: is 0"),
        ({"hub": {"mqtt_host": "h", "mqtt_port": 1, "url": "http://h"}}, "plain HTTP to h is"),
        ({"cameras": [{"name": "a", "source": "exec:"}]}, "exec: cannot come with a node file"),
        ({"cameras": [{"name": "a", "source": "ftp://h"}]}, "cameras[0]: source: no kind of"),
        ({"cameras": [{"name": "a", "source": "csi:", "password": "p"}]}, "user: a password"),
        ({"cameras": [{"name": "a", "source": "csi:"}] * 2}, "two cameras have the name a"),
        ({"cameras": [{"name": "a", "source": "csi:"}] * 17}, "at most 16 are allowed"),
        ({"time_zone": "../../etc/passwd"}, "time_zone: must match"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_field(ca: str, more: dict[str, Any], words: str) -> None:
    """Who wrote or changed a node file by hand reads where it is wrong."""
    assert words in refused(changed(ca, **more))


def test_a_wrong_secret_is_not_repeated(ca: str) -> None:
    """Errors go to logs and screens."""
    assert "geheim" not in refused(changed(ca, token="geheim"))
    camera = {"name": "gate", "source": "csi:", "user": "u", "password": "geheim\n"}
    assert "geheim" not in refused(changed(ca, cameras=[camera]))


def test_what_a_later_version_adds_is_ignored(ca: str) -> None:
    """An older node takes a newer hub's file, since fields are only ever added."""
    assert nodefile.decode(changed(ca, wifi={"ssid": "x"})) == made(ca)


def test_without_a_ca_everything_stays_on_this_machine(ca: str) -> None:
    """For trying it out: plain MQTT and HTTP, loopback alone."""
    hub = HubAddress("127.0.0.1", 1883, "http://127.0.0.1:8080")
    document = made(ca, hub=hub, ca=None)
    assert nodefile.decode(nodefile.encode(document)) == document


def test_what_is_shown_holds_no_secret(ca: str) -> None:
    """`without_secrets` is for screens and logs."""
    shown = nodefile.encode(made(ca).without_secrets()).decode()
    assert TOKEN not in shown
    assert PASSWORD not in shown
    assert made(ca).without_secrets() == replace(
        made(ca), token="-" * 22, cameras=(replace(made(ca).cameras[0], password=None),)
    )
