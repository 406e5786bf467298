"""What the installer asks for is checked before anything is read or written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.cli.arguments import make_parser
from scripts.lib.flash import tools, wanted
from scripts.lib.flash.errors import ToolError, WantedError
from tests.scripts.flash import layouts

NOW = datetime.now(UTC)


def test_a_node_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """It holds a token and the cameras' passwords; the remedy is named."""
    path = layouts.node_file(tmp_path / "gate-3.node")
    path.chmod(0o644)
    with pytest.raises(WantedError, match=r"others can read it \(mode 0644\)") as caught:
        wanted.read_node_file(path, NOW)
    assert caught.value.hint == f"chmod 600 {path}"


def test_a_token_that_has_ended_is_refused(tmp_path: Path) -> None:
    """Before a card is written that could never enrol."""
    ended = NOW - timedelta(minutes=1)
    path = layouts.node_file(tmp_path / "gate-3.node", expires_utc=ended)
    with pytest.raises(WantedError, match="ended at") as caught:
        wanted.read_node_file(path, NOW)
    assert "camwatch-hub node replace gate-3" in caught.value.hint


def test_a_node_file_without_a_camera_is_refused(tmp_path: Path) -> None:
    """Its box would stand on site and be refused; the remedy is a command that the hub takes."""
    path = layouts.node_file(tmp_path / "gate-3.node", cameras=())
    with pytest.raises(WantedError, match=r"gate-3\.node names no camera") as caught:
        wanted.read_node_file(path, NOW)
    _, command = caught.value.hint.split("camwatch-hub ")
    asked = make_parser().parse_args(command.split())
    assert (asked.name, len(asked.camera)) == ("gate-3", 1)


def test_a_token_that_ends_soon_is_told(tmp_path: Path) -> None:
    """The box may still lie in a bag then."""
    node = wanted.read_node_file(layouts.node_file(tmp_path / "gate-3.node"), NOW)
    assert not wanted.is_ending_soon(node, NOW)
    assert wanted.is_ending_soon(node, NOW + timedelta(hours=20))


@pytest.mark.parametrize("content", [b"", b"{}", b'{"camwatch_node": 1}', b"\xff\xfe"])
def test_what_is_no_node_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    """With the path, so that the wrong argument is seen."""
    path = tmp_path / "gate-3.node"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(WantedError, match=r"gate-3\.node"):
        wanted.read_node_file(path, NOW)


def test_the_wifi_key_is_the_one_of_the_standard() -> None:
    """IEEE 802.11-2020 annex J.4 has test vectors; 64 digits are the key already."""
    expected = "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"
    assert wanted.psk("IEEE", "password") == expected
    assert wanted.psk("IEEE", expected.upper()) == expected


@pytest.mark.parametrize("passphrase", ["short", "x" * 65, "mật khẩu của tôi", "tab\tin it"])
def test_a_wifi_password_that_no_network_takes_is_refused(passphrase: str) -> None:
    """And is not repeated in the message."""
    with pytest.raises(WantedError, match="8 to 63 printable") as caught:
        wanted.psk("IEEE", passphrase)
    assert passphrase not in str(caught.value)


def test_a_country_that_is_written_out_is_told_so() -> None:
    """It was given: only not as it is wanted."""
    with pytest.raises(WantedError, match="'Vietnam' is not two capital letters"):
        wanted.wifi("free", "Vietnam", None, is_open=True, is_hidden=False)


def test_an_open_network_has_no_key() -> None:
    """It has to be asked for by name."""
    found = wanted.wifi("free", "VN", None, is_open=True, is_hidden=False)
    assert found.psk is None


def test_a_private_key_is_not_put_on_a_card(tmp_path: Path) -> None:
    """A common slip: the file without .pub."""
    path = tmp_path / "id_ed25519"
    path.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    with pytest.raises(WantedError, match="private key") as caught:
        wanted.ssh_keys(str(path))
    assert caught.value.hint.endswith("id_ed25519.pub")


@pytest.mark.parametrize("content", ["", "hello\n", 'ssh-ed25519 AAAA"; rm -rf /\n'])
def test_what_is_no_public_key_is_refused(tmp_path: Path, content: str) -> None:
    """It would go into a shell script and a YAML file."""
    path = tmp_path / "id.pub"
    path.write_text(content)
    with pytest.raises(WantedError, match="holds no public key"):
        wanted.ssh_keys(str(path))


def test_a_password_is_kept_as_its_hash(tmp_path: Path) -> None:
    """SHA-512 crypt, which both images' chpasswd take; never the password."""
    path = tmp_path / "password"
    path.write_text("một hai ba bốn\n")
    made = wanted.password_hash(path)
    salt = made.split("$")[2]
    again = tools.must(
        ["openssl", "passwd", "-6", "-stdin", "-salt", salt], "", given="một hai ba bốn".encode()
    )
    assert again.decode().strip() == made


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install stands in the hint."""
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(tools, "SYSTEM_PATH", "/nonexistent")
    with pytest.raises(ToolError, match="mcopy is missing") as caught:
        tools.run(["mcopy"])
    assert caught.value.hint == "apt-get install mtools"
