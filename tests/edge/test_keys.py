"""Ed25519 keys in files."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import keys
from edge.base.errors import StorageError

# RFC 8032 section 7.1, TEST 3: secret, public, message, signature.
SECRET = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
PUBLIC = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
SIGNATURE = bytes.fromhex(
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)


def test_signing_is_that_of_the_rfc() -> None:
    """So that any other library verifies what a node signs."""
    key = keys.PrivateKey(SECRET)
    assert key.public.raw == PUBLIC
    assert key.sign(b"\xaf\x82") == SIGNATURE
    assert key.public.verify(b"\xaf\x82", SIGNATURE)


@given(data=st.binary(max_size=64), signature=st.binary(max_size=80))
def test_no_other_signature_verifies(data: bytes, signature: bytes) -> None:
    """Of any length; false, never an error."""
    public = keys.PublicKey(PUBLIC)
    assert public.verify(data, signature) == (data == b"\xaf\x82" and signature == SIGNATURE)


@pytest.mark.parametrize("position", range(64))
def test_a_signature_with_one_bit_changed_does_not_verify(position: int) -> None:
    """At every byte of it."""
    changed = bytearray(SIGNATURE)
    changed[position] ^= 1
    assert not keys.PublicKey(PUBLIC).verify(b"\xaf\x82", bytes(changed))


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    """The second start finds the first one's identity."""
    path = tmp_path / "node.key"
    first = keys.load_or_make(path)
    assert keys.load_or_make(path).public.raw == first.public.raw
    assert keys.load_or_make(tmp_path / "other.key").public.raw != first.public.raw


def test_a_new_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    """Whatever the umask is."""
    old = os.umask(0)
    try:
        keys.load_or_make(tmp_path / "node.key")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "node.key").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["node.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    """It may have been copied already; the hint says how to close it."""
    path = tmp_path / "node.key"
    keys.load_or_make(path)
    path.chmod(mode)
    with pytest.raises(keys.KeyFileError, match="can be read by others") as caught:
        keys.load_or_make(path)
    assert caught.value.hint == f"chmod 600 {path}"


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"not base64!", base64.b64encode(b"short"), base64.b64encode(b"x" * 33),
                b"\xff" * 32, b"A" * 10_000]
)  # fmt: skip
def test_a_file_that_holds_no_key_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    """A damaged key must not be replaced behind anyone's back: the node would be a stranger."""
    path = tmp_path / "node.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(keys.KeyFileError, match="holds no Ed25519 key"):
        keys.load_or_make(path)
    assert path.read_bytes() == content


def test_a_folder_or_dangling_link_in_the_keys_place_is_refused(tmp_path: Path) -> None:
    """Neither is a reason to make a new identity."""
    (tmp_path / "folder").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "unplugged" / "node.key")
    for name in ("folder", "link"):
        with pytest.raises(keys.KeyFileError, match="cannot read"):
            keys.load_or_make(tmp_path / name)


def test_a_key_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    """The folder is missing."""
    with pytest.raises(StorageError):
        keys.load_or_make(tmp_path / "nowhere" / "node.key")


def test_a_public_key_travels_as_text() -> None:
    """Base64 on the wire, a short fingerprint for people."""
    public = keys.PublicKey(PUBLIC)
    assert keys.PublicKey.from_text(f" {public.text}\n").raw == PUBLIC
    assert len(public.fingerprint) == 16


@pytest.mark.parametrize(
    "text", ["", "x", "é" * 44, base64.b64encode(b"x" * 31).decode(), "=" * 44]
)
def test_a_text_that_is_no_public_key_is_refused(text: str) -> None:
    """With an error of ours."""
    with pytest.raises(keys.KeyFileError):
        keys.PublicKey.from_text(text)


def test_errors_do_not_repeat_the_key(tmp_path: Path) -> None:
    """A private key must not reach a log by way of an error."""
    path = tmp_path / "node.key"
    secret = base64.b64encode(SECRET)[:-2]
    path.write_bytes(secret)
    path.chmod(0o600)
    with pytest.raises(keys.KeyFileError) as caught:
        keys.load_or_make(path)
    assert secret.decode() not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"
