"""Ed25519 keys (RFC 8032) in files: made here, readable by their owner only.

Beside edge/base rather than in it, because it is the one bottom room that needs a library
(`cryptography`); node and hub both sign and verify with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge.base import durable
from edge.base.errors import CamwatchError

PUBLIC_KEY_BYTES = 32  # RFC 8032 section 5.1.5
SIGNATURE_BYTES = 64  # RFC 8032 section 5.1.6


class KeyFileError(CamwatchError):
    """A key cannot be read, or its file can be read by others."""


class PublicKey:
    """Verifies what the holder of the private half signed."""

    def __init__(self, raw: bytes) -> None:
        """`raw`: the 32 bytes of the key. Raises KeyFileError when they are no key."""
        try:
            self._key = Ed25519PublicKey.from_public_bytes(raw)
        except ValueError as err:
            raise KeyFileError(f"not an Ed25519 public key: {err}") from err
        self.raw = raw

    @classmethod
    def from_text(cls, text: str) -> PublicKey:
        """From `text`'s base64. Raises KeyFileError."""
        try:
            return cls(base64.b64decode(text.strip(), validate=True))
        except (binascii.Error, ValueError) as err:
            raise KeyFileError("not a base64 Ed25519 public key") from err

    @property
    def text(self) -> str:
        """The key in base64, as files and the wire carry it."""
        return base64.b64encode(self.raw).decode("ascii")

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits for people to compare: the start of the key's SHA-256."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether `signature` was made over exactly `data`."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


class PrivateKey:
    """Signs; never leaves the machine it was made on."""

    def __init__(self, raw: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(raw)
        self.public = PublicKey(self._key.public_key().public_bytes_raw())

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature over `data`."""
        return self._key.sign(data)

    def derive(self, purpose: str) -> bytes:
        """32 secret bytes for another purpose (HKDF, RFC 5869); they tell nothing of the key."""
        kdf = HKDF(SHA256(), length=32, salt=None, info=f"camwatch/{purpose}".encode())
        return kdf.derive(self._key.private_bytes_raw())


def load_or_make(path: Path) -> PrivateKey:
    """The key in `path`, made there with mode 0600 if absent. Raises KeyFileError, StorageError."""
    if not os.path.lexists(path):
        raw = Ed25519PrivateKey.generate().private_bytes_raw()
        durable.write_file(path, base64.b64encode(raw) + b"\n")
    return _load(path)


def _load(path: Path) -> PrivateKey:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_bytes()
    except OSError as err:
        raise KeyFileError(f"cannot read {path}: {err.strerror}") from err
    if mode & 0o077 and os.name == "posix":
        raise KeyFileError(
            f"{path} can be read by others (mode {mode:04o})", hint=f"chmod 600 {path}"
        )
    try:
        return PrivateKey(base64.b64decode(text.strip(), validate=True))
    except (binascii.Error, ValueError) as err:
        raise KeyFileError(
            f"{path} holds no Ed25519 key", hint="move it away to make a new one"
        ) from err
